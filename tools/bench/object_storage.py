"""What a snapshot costs in object storage: seconds, memory and requests, next to the same on a disk.

    python tools/bench/object_storage.py                              # S3, at 0 and 50 ms a request
    python tools/bench/object_storage.py azure google --formats jsonl
    python tools/bench/object_storage.py --cases file                 # 200 MB up, and down again
    python tools/bench/object_storage.py --others /path/to/another/checkout

The company is the one made for measuring (company_server.py), its answers take 50 ms, 80 requests go in 2 s. The
storages are those of storage_servers.py, behind a proxy that counts and waits. Each extraction runs in a process of its
own, in turns with that on a disk; what is imported is imported before, and a first file was written and removed.

``server`` is the CPU that the storage's own server used meanwhile, on the same cores. The line ``alone`` is what
reading on a disk takes, and after it the upload of as many bytes by the storage's own library in one request: a
storage's run that is faster has uploaded next to reading.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from storage_proxy import StorageProxy, proxy_to
from storage_servers import BUCKET, S3_KEYS, SERVERS, Place, azure_connection, cpu_seconds, place_at, use_packages

HERE = Path(__file__).resolve()
CHECKOUT = HERE.parents[2]
DISK = "disk"
CASES = (("snapshot", "deals", "snapshot"), ("changes, none", "deals,persons,organizations,activities", "changes"))
FILE = "file"
FILE_MB = 200
MEASURE = """
import json, re, sys, tempfile, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from storage_servers import Place
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.extraction import ExtractionJob, extract
from airflow_provider_pipedrive.extraction.storage.files import StoredFile, below, remove, upload, write

host, token, place, entities, mode, format = json.loads(sys.argv[2])
path = Place(**place).path()
write(path / "first.json", b"{}")
remove(path / "first.json")
if format == "parquet":
    import pyarrow.parquet

def used(name):  # not getrusage, which begins with what the parent had
    return int(re.search(rf"{name}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

def measured(work):
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins now
    before, began, cpu = used("VmRSS"), time.monotonic(), time.process_time()
    found = work()
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "mb": used("VmHWM") - before, **found}))
"""
RUN = """
client = PipedriveClient(settings_from(host=host, extra={"api_token": token}))
client.run("getStages")

def work():
    receipt = extract(client, path, ExtractionJob(entities.split(","), mode, format=format), owner="benchmark")
    found = receipt["entities"].values()
    return {"rows": receipt["rows"], **{key: sum(each[key] for each in found) for key in ("parts", "bytes")}}

measured(work)
"""
UP_AND_DOWN = """
size = int(mode)

def copied(source, target):
    while block := source.read(5 * 2**20):
        target.write(block)

def work():
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as back:
        for _ in range(size // 2**20):
            source.write(bytes(2**20))
        if isinstance(path, Path):
            with (path / "file").open("wb") as file:
                source.seek(0)
                copied(source, file)
            with (path / "file").open("rb") as file:
                copied(file, back)
        else:
            upload(path / "file", source)
            with StoredFile(path / "file").open() as file:
                copied(file, back)
        assert back.tell() == size
    return {"rows": 0, "parts": 1, "bytes": size}

measured(work)
"""


@dataclass
class Storage:
    """Where an extraction goes.

    :ivar name: as it is printed
    :ivar place: the folder ``crm`` there
    :ivar url: its server's address
    :ivar proxy: the proxy in front of it
    """

    name: str
    place: Place
    url: str = ""
    proxy: StorageProxy | None = None
    seen: list[dict[str, float]] = field(default_factory=list)


@contextmanager
def company(deals: int) -> Iterator[dict[str, Any]]:
    """A company on a server of its own, as quick as Pipedrive is."""
    command = [sys.executable, str(HERE.parent / "company_server.py"), "--deals", str(deals)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            place: dict[str, Any] = json.loads(server.stdout.readline())
            server.stdin.write(json.dumps({"latency_ms": 50, "burst_limit": 80}) + "\n")
            server.stdin.flush()
            server.stdout.readline()
            yield place
        finally:
            server.terminate()


@contextmanager
def storages(kind: str, latencies: list[int]) -> Iterator[list[Storage]]:
    """A disk, and a storage of that kind at each of those latencies."""
    use_packages(kind)
    with SERVERS[kind]() as url, tempfile.TemporaryDirectory() as folder, proxy_to(url) as proxy:
        place = place_at(kind, proxy.url)
        place.path().fs.mkdir(place.address.partition("://")[2].split("/")[0])
        there = [Storage(f"{kind}, {ms} ms", place, url, proxy) for ms in latencies]
        yield [Storage(DISK, Place(DISK, folder)), *there]


def run(storage: Storage, latency: int, checkout: Path, asked: list[str], number: int) -> dict[str, float]:
    """One extraction: what it took, and what was asked of the storage."""
    place = {**asdict(storage.place), "address": f"{storage.place.address}/{storage.name[-5:-3].strip()}-{number}"}
    host, token, *job = asked
    work = UP_AND_DOWN if job[0] == FILE else RUN
    before = asked_so_far(storage, latency)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE + work, str(HERE.parents[1]), json.dumps([host, token, place, *job])],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=checkout,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    requests, server = (now - then for now, then in zip(asked_so_far(storage, latency), before, strict=True))
    requests = max(requests - 3, 0)  # three have made the connection
    return {**json.loads(done.stdout.splitlines()[-1]), "requests": requests, "server": server}


def asked_so_far(storage: Storage, latency: int) -> tuple[float, float]:
    """How many requests the storage has had, which take so many ms from now on, and its server's seconds of CPU."""
    if storage.proxy is None:
        return 0, 0
    storage.proxy.seconds = latency / 1000
    return storage.proxy.seen.total(), cpu_seconds(storage.url)


def alone(storage: Storage, size: int) -> tuple[float, float]:
    """Upload so many bytes by the storage's own library, in one request: seconds, and its server's seconds of CPU."""
    assert storage.proxy is not None
    sends = {"s3": to_s3, "azure": to_azure, "google": to_google}[storage.place.kind]
    with tempfile.TemporaryFile() as source:
        for _ in range(size // 2**20 + 1):
            source.write(os.urandom(2**20))
        source.truncate(size)
        source.seek(0)
        cpu, began = cpu_seconds(storage.url), time.monotonic()
        sends(storage.proxy.url, source, size)
        return time.monotonic() - began, cpu_seconds(storage.url) - cpu


def to_s3(url: str, source: BinaryIO, size: int) -> None:
    """By boto3."""
    import boto3

    keys = {"aws_access_key_id": S3_KEYS["key"], "aws_secret_access_key": S3_KEYS["secret"]}
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
    client.put_object(Bucket=BUCKET, Key="alone", Body=source)


def to_azure(url: str, source: BinaryIO, size: int) -> None:
    """By azure-storage-blob."""
    from azure.storage.blob import BlobClient

    whole = {"max_single_put_size": size + 1, "max_block_size": size + 1}
    BlobClient.from_connection_string(azure_connection(url), BUCKET, "alone", **whole).upload_blob(source, length=size)


def to_google(url: str, source: BinaryIO, size: int) -> None:
    """By google-cloud-storage."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    client = Client("trial", AnonymousCredentials(), client_options={"api_endpoint": url})
    client.bucket(BUCKET).blob("alone").upload_from_file(source, size=size)


def line(name: str, storage: Storage, base: Storage | None) -> None:
    """Print medians, and what they are next to a disk's."""
    median = {key: statistics.median(run[key] for run in storage.seen) for key in storage.seen[0]}
    ratio = more = ""
    if base is not None:
        ratio = f"{median['seconds'] / statistics.median(run['seconds'] for run in base.seen):.2f}"
        more = f"{median['mb'] - statistics.median(run['mb'] for run in base.seen):+.0f}"
    told = f"{median['rows']:>7.0f} {median['seconds']:>8.2f} {ratio:>7} {median['cpu']:>6.2f} {median['mb']:>5.0f}"
    counts = f"{more:>5} {median['parts']:>5.0f} {median['requests']:>8.0f} {median['server']:>6.2f}"
    print(f"{name:<30} {storage.name:<14} {told} {counts}", flush=True)


def line_alone(name: str, storage: Storage, base: Storage) -> None:
    """Print what the run on a disk would take with its upload after it."""
    read = statistics.median(run["seconds"] for run in base.seen)
    seconds, server = alone(storage, int(storage.seen[0]["bytes"]))
    told = f"{read + seconds:>16.2f} {(read + seconds) / read:>7.2f}"
    print(f"{name:<30} {'alone':<14} {told} {'':>33} {server:>6.2f}", flush=True)


def main() -> None:
    """Measure, and print a line a case and storage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=["s3"], help=f"of storages: {', '.join(SERVERS)}")
    parser.add_argument("--others", nargs="*", type=Path, default=[], help="checkouts to compare with")
    parser.add_argument("--formats", nargs="*", default=["parquet", "jsonl"])
    parser.add_argument("--latencies", nargs="*", type=int, default=[0, 50], metavar="MS")
    parser.add_argument("--deals", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cases", nargs="*", default=[name for name, *_ in CASES], help=f"one more: {FILE}")
    options = parser.parse_args()
    head = f"{'case':<30} {'storage':<14} {'rows':>7} {'seconds':>8} {'x disk':>7} {'CPU':>6} {'MB':>5} {'more':>5}"
    print(f"{head} files requests server")
    cases = [(f"{name}, {format_}", [*job, format_], name) for format_ in options.formats for name, *job in CASES]
    cases.append((f"a file of {FILE_MB} MB", [FILE, str(FILE_MB * 2**20), ""], FILE))
    with company(options.deals) as server:
        for kind in options.kinds:
            for checkout in [CHECKOUT, *options.others]:
                for told, job, name in cases:
                    if name in options.cases:
                        measure(kind, checkout, f"{checkout.name} {told}", job, server, options)


def measure(
    kind: str, checkout: Path, name: str, job: list[str], server: dict[str, Any], options: argparse.Namespace
) -> None:
    """One case, as often as was asked for, in turns. What brings nothing has been read once before."""
    asked = [server["url"], server["api_token"], *job]
    with storages(kind, options.latencies) as there:
        latencies = [0, *options.latencies]
        first = 0 if "none" in name else 1
        run(there[0], 0, checkout, asked, -1)  # the company's pages are made, and what is read from a disk is in memory
        for number in range(first, options.runs + 1):
            for storage, latency in zip(there, latencies, strict=True):
                seen = run(storage, latency, checkout, asked, number if first else 0)
                if number:
                    storage.seen.append(seen)
        for storage in there:
            line(name, storage, None if storage.name == DISK else there[0])
        if "snapshot" in name:
            line_alone(name, there[1], there[0])


if __name__ == "__main__":
    main()

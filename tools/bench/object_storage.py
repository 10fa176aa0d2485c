"""What a snapshot costs in object storage: seconds, memory and requests, next to the same on a disk.

    python tools/bench/object_storage.py                              # S3, at 0 and 50 ms a request
    python tools/bench/object_storage.py azure google --formats jsonl
    python tools/bench/object_storage.py --others /path/to/another/checkout

The company is the one made for measuring (company_server.py), its answers take 50 ms, 80 requests go in 2 s. The
storages are those of storage_servers.py, behind a proxy that counts and waits. Each extraction runs in a process of its
own, in turns with that on a disk; what is imported is imported before, and a first file was written and removed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from storage_proxy import StorageProxy, proxy_to
from storage_servers import SERVERS, Place, cpu_seconds, place_at, use_packages

HERE = Path(__file__).resolve()
CHECKOUT = HERE.parents[2]
DISK = "disk"
CASES = (("snapshot", "deals", "snapshot"), ("changes, none", "deals,persons,organizations,activities", "changes"))
RUN = """
import json, re, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from storage_servers import Place
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.extraction import ExtractionJob, extract
from airflow_provider_pipedrive.extraction import job as job_module
from airflow_provider_pipedrive.extraction.storage.files import below, remove, write

host, token, place, entities, mode, format = json.loads(sys.argv[2])
path = Place(**place).path()
write(path / "first.json", b"{}")
remove(path / "first.json")
if format == "parquet":
    import pyarrow.parquet
client = PipedriveClient(settings_from(host=host, extra={"api_token": token}))
client.run("getStages")
def used(name):  # not getrusage, which begins with what the parent had
    return int(re.search(rf"{name}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
publish = job_module.publish
def told(*given):
    global read
    read = time.monotonic()
    return publish(*given)
job_module.publish = told
Path("/proc/self/clear_refs").write_text("5")  # the peak begins now
before, began, cpu = used("VmRSS"), time.monotonic(), time.process_time()
receipt = extract(client, path, ExtractionJob(entities.split(","), mode, format=format), owner="benchmark")
print(json.dumps({
    "began": began,
    "read": read - began,
    "seconds": time.monotonic() - began,
    "cpu": time.process_time() - cpu,
    "mb": used("VmHWM") - before,
    "rows": receipt["rows"],
    "files": sum(entity["parts"] for entity in receipt["entities"].values()),
}))
"""


@dataclass
class Storage:
    """Where an extraction goes.

    :ivar name: as it is printed
    :ivar place: the folder ``crm`` there
    :ivar proxy: the proxy in front of it
    """

    name: str
    place: Place
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
        there = [Storage(f"{kind}, {ms} ms", place, proxy) for ms in latencies]
        yield [Storage(DISK, Place(DISK, folder)), *there]


def run(storage: Storage, latency: int, checkout: Path, asked: list[str], number: int) -> dict[str, float]:
    """One extraction: what it took, and what was asked of the storage."""
    place = {**asdict(storage.place), "address": f"{storage.place.address}/{storage.name[-5:-3].strip()}-{number}"}
    host, token, *job = asked
    if storage.proxy is not None:
        storage.proxy.seconds = latency / 1000
        storage.proxy.seen.clear()
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(HERE.parents[1]), json.dumps([host, token, place, *job])],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=checkout,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    requests = storage.proxy.seen.total() - 3 if storage.proxy is not None else 0  # three have made the connection
    return {**json.loads(done.stdout.splitlines()[-1]), "requests": requests}


def line(name: str, storage: Storage, base: Storage | None) -> None:
    """Print medians, and what they are next to a disk's."""
    median = {key: statistics.median(run[key] for run in storage.seen) for key in storage.seen[0]}
    ratio = more = ""
    if base is not None:
        ratio = f"{median['seconds'] / statistics.median(run['seconds'] for run in base.seen):.2f}"
        more = f"{median['mb'] - statistics.median(run['mb'] for run in base.seen):+.0f}"
    told = f"{median['rows']:>7.0f} {median['seconds']:>8.2f} {ratio:>7} {median['cpu']:>6.2f} {median['mb']:>5.0f}"
    print(
        f"{name:<30} {storage.name:<14} {told} {more:>5} {median['files']:>5.0f} {median['requests']:>8.0f}", flush=True
    )


def main() -> None:
    """Measure, and print a line a case and storage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=["s3"], help=f"of storages: {', '.join(SERVERS)}")
    parser.add_argument("--others", nargs="*", type=Path, default=[], help="checkouts to compare with")
    parser.add_argument("--formats", nargs="*", default=["parquet", "jsonl"])
    parser.add_argument("--latencies", nargs="*", type=int, default=[0, 50], metavar="MS")
    parser.add_argument("--deals", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cases", nargs="*", default=[name for name, *_ in CASES])
    options = parser.parse_args()
    print(
        f"{'case':<30} {'storage':<14} {'rows':>7} {'seconds':>8} {'x disk':>7} {'CPU':>6} {'MB':>5} {'more':>5} files"
    )
    with company(options.deals) as server:
        for kind in options.kinds:
            for checkout in [CHECKOUT, *options.others]:
                for format_, (name, *job) in ((f, case) for f in options.formats for case in CASES):
                    if name in options.cases:
                        measure(kind, checkout, f"{checkout.name} {name}, {format_}", [*job, format_], server, options)


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


if __name__ == "__main__":
    main()

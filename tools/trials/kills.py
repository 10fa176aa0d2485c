"""Kill an extraction at random moments, let another run follow, and read by the manifest all the while.

    python tools/trials/kills.py disk
    python tools/trials/kills.py s3 --kills 30
    python tools/trials/kills.py azure
    python tools/trials/kills.py google

Before each run two deals of the company, the first and the last, are given the run's number as title. So a reader can
tell a mix (the two differ), an old state (a number smaller than one seen before) and a file that is missing or torn
(its hash is another one than the manifest says). After each kill another run follows, and what it landed is compared
with the company. At the end a run follows to which it is a week later: what is there then and named by no manifest is
an orphan. The exit code is 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from storage_servers import KINDS, Place, place_in

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.extraction import ExtractionJob, extract
from airflow_provider_pipedrive.extraction.output import manifest as manifest_module
from airflow_provider_pipedrive.extraction.output import run_folder, staging
from airflow_provider_pipedrive.extraction.output.manifest import named_files
from airflow_provider_pipedrive.extraction.storage.files import below, read, read_json
from airflow_provider_pipedrive.sandbox import Sandbox

TOKEN = "ApiTokenOfTheTrial0123456789"
JOB = ExtractionJob(["deals", "persons"], columns="raw", concurrency=4, keep_previous=60)
READ_EVERY = 0.05
"""Seconds between two reads."""
WEEK_LATER = SimpleNamespace(time=lambda: time.time() + 8 * 86_400)
CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
from kills import begin
begin(*json.loads(sys.argv[2]))
"""


def begin(host: str, place: Sequence[Any], owner: str) -> None:
    """One run, in the process that is killed."""
    path = Place(*place).path()
    _small_parts()
    with PipedriveClient(settings_from(host=host, extra={"api_token": TOKEN})) as client:
        below(path)  # what is imported late is imported
        print("ready", flush=True)
        extract(client, path, JOB, run=owner, owner=owner)
    print("ended", flush=True)


def _small_parts() -> None:
    staging.PART_ROWS = 200


class Reader(threading.Thread):
    """Reads what the manifest names, again and again.

    :ivar wrong: what it should not have seen
    :ivar reads: how often it has read all
    """

    def __init__(self, folder: Any) -> None:
        super().__init__(daemon=True)
        self.folder = folder / "deals"
        self.wrong: list[str] = []
        self.reads = 0
        self.ended = threading.Event()
        self._newest = -1

    def run(self) -> None:
        """Read until :attr:`ended`."""
        while not self.ended.is_set():
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - whatever a reader meets is what the trial is about
                self.wrong.append(f"{type(error).__name__}: {error}")
            time.sleep(READ_EVERY)

    def _look(self) -> None:
        manifest = read_json(self.folder / "_manifest.json")
        if manifest is None:
            return
        rows = rows_of(self.folder, manifest)
        ids = [row["id"] for row in rows]
        numbers = {row["title"] for row in rows if row["id"] in (min(ids), max(ids))}
        if len(set(ids)) < len(ids) or len(numbers) != 1:
            self.wrong.append(f"a mix: {len(ids)} rows, {numbers}")
        number = int(numbers.pop())
        if number < self._newest:
            self.wrong.append(f"{number} after {self._newest}")
        self._newest = number
        self.reads += 1


def rows_of(folder: Any, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the files that a manifest names, which must be as it says."""
    rows = []
    for part in manifest["parts"]:
        content = read(folder / part["name"])
        if hashlib.sha256(content).hexdigest() != part["sha256"]:
            raise ValueError(f"{part['name']} is not what the manifest says")
        rows += [json.loads(line) for line in content.splitlines()]
    return rows


def trial(place: Place, company: Sandbox, kills: int, dice: random.Random) -> dict[str, Any]:
    """Kill so many runs, and tell what was seen."""
    _small_parts()
    folder = place.path()
    client = PipedriveClient(settings_from(host=company.url, extra={"api_token": TOKEN}))
    live = sorted(deal["id"] for deal in client.iterate("getDeals"))
    edit(company, live, 0)
    began = time.monotonic()
    extract(client, folder, JOB, run="first", owner="first")
    took = time.monotonic() - began
    reader = Reader(folder)
    reader.start()
    left: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(1, kills + 1):
        edit(company, live, number)
        left[kill(place, company, f"run {number}", dice.uniform(0, 1.2 * took))] += 1
        following = dice.choice([f"run {number}", f"after {number}"])  # the next try of that run, or another one
        began = time.monotonic()
        extract(client, folder, JOB, run=following, owner=following)
        took = 0.5 * took + 0.5 * (time.monotonic() - began)
        manifest = read_json(folder / "deals" / "_manifest.json") or {}
        landed = {row["id"]: row for row in rows_of(folder / "deals", manifest)}
        if landed != {deal["id"]: deal for deal in client.iterate("getDeals")}:
            wrong.append(f"after kill {number}, {following}: the data differ")
    reader.ended.set()
    reader.join(60)
    return {
        "killed": dict(left),
        "reads": reader.reads,
        "wrong": wrong + reader.wrong,
        "left before the sweep": len(orphans(folder)),
        "orphans": swept(folder, client),
    }


def swept(folder: Any, client: PipedriveClient) -> list[str]:
    """What is left after a run to which it is a week later."""
    with patch.object(manifest_module, "time", WEEK_LATER), patch.object(run_folder, "time", WEEK_LATER):
        extract(client, folder, JOB, run="last", owner="last")
    return orphans(folder)


def orphans(folder: Any) -> list[str]:
    """The files that no manifest names, and what is kept of runs that have not ended."""
    found = [f"unfinished/{each.name}" for each in below(folder / "_pipedrive" / "unfinished")]
    for entity in JOB.entities:
        named = {*named_files(read_json(folder / entity / "_manifest.json") or {}), "_manifest.json"}
        found += [f"{entity}/{each.name}" for each in below(folder / entity) if each.name not in named]
    return found


def edit(company: Sandbox, live: list[int], number: int) -> None:
    """Give the first and the last deal the run's number."""
    for deal in (live[0], live[-1]):
        company.update("deals", deal, title=str(number))


def kill(place: Place, company: Sandbox, owner: str, seconds: float) -> str:
    """Begin a run and kill it after so many seconds; what it was doing."""
    folder = place.path()
    given = json.dumps([company.url, [place.kind, place.address, dict(place.options)], owner])
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), given]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(seconds)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        told = child.stdout.read()
        child.stdout.close()
    if "ended" in told:
        return "after its end"
    manifest = read_json(folder / "deals" / "_manifest.json") or {}
    states = [found.name for found in below(folder / "_pipedrive" / "unfinished")]
    if any(name.endswith("publish.json") for name in states):
        return "publishing, deals published" if manifest.get("run") == owner else "publishing"
    if any(name.endswith("plan.json") for name in states):
        return "reading"
    return "sweeping" if manifest.get("run") == owner else "beginning"


def main() -> int:
    """Run the trial, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--deals", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with Sandbox(deals=options.deals, seed=2, api_token=TOKEN) as company, place_in(options.kind) as place:
        seen = trial(place, company, options.kills, random.Random(options.seed))
    print(json.dumps(seen, indent=2))
    return 1 if seen["wrong"] or seen["orphans"] else 0


if __name__ == "__main__":
    sys.exit(main())

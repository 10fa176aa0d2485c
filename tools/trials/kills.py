"""Kill an extraction at random moments, let another run follow, and read by the manifest all the while.

    python tools/trials/kills.py disk
    python tools/trials/kills.py s3 --kills 30
    python tools/trials/kills.py azure
    python tools/trials/kills.py google

Before each run two deals of the company, the first and the last, are given the run's number as title. So a reader can
tell a mix (the two differ), an old state (a number smaller than one seen before) and a file that is missing or torn
(its hash is another one than the manifest says). After each kill another run follows, and what it landed is compared
with the company. Half of the kills come while a run publishes and sweeps, half of the runs note nothing before that.
At the end a run follows to which it is a week later: what is there then and named by no manifest is an orphan. The exit
code is 1 if anything was wrong.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.extraction import ExtractionJob, extract
from airflow_provider_pipedrive.extraction import job as job_module
from airflow_provider_pipedrive.extraction.output import manifest as manifest_module
from airflow_provider_pipedrive.extraction.output import part_uploads, publication, run_folder, staging
from airflow_provider_pipedrive.extraction.output.manifest import named_files
from airflow_provider_pipedrive.extraction.output.parts import WHOLE
from airflow_provider_pipedrive.extraction.storage.files import below, read, read_json
from airflow_provider_pipedrive.sandbox import Sandbox

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from storage_servers import KINDS, Place, place_in

TOKEN = "ApiTokenOfTheTrial0123456789"
JOB = ExtractionJob(["deals", "persons"], columns="raw", concurrency=4, keep_previous=60)
READ_EVERY = 0.05
"""Seconds between two reads."""
WEEK_LATER = SimpleNamespace(time=lambda: time.time() + 8 * 86_400)
ENDED = "after its end"
CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
from kills import begin
begin(*json.loads(sys.argv[2]))
"""


def begin(host: str, place: Sequence[Any], owner: str) -> None:
    """One run, in the process that is killed."""
    path = Place(*place).path()
    _small_parts(int(owner.split()[-1]))
    with (
        PipedriveClient(settings_from(host=host, extra={"api_token": TOKEN})) as client,
        publishing(partial(print, "publishing", flush=True)),
    ):
        below(path)  # what is imported late is imported
        print("reading", flush=True)
        extract(client, path, JOB, run=owner, owner=owner)
    print("ended", flush=True)


@contextmanager
def publishing(begins: Callable[[], Any]) -> Iterator[None]:
    """Tell when a run has read all and publishes."""
    publish = job_module.publish

    def told(*given: Any) -> Any:
        begins()
        return publish(*given)

    with patch.object(job_module, "publish", told):
        yield


def _small_parts(number: int) -> None:
    """Small parts, which every other run uploads at once, as a long one does. In two of three runs they count as large:
    they go up while the rest is read, and are published as they are."""
    staging.PART_ROWS = staging.MOST_ROWS = 200
    staging.WHOLE = publication.WHOLE = 50_000 if number % 3 else WHOLE
    part_uploads.HELD_SECONDS = 10.0 if number % 2 else 0.0


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
    _small_parts(0)
    folder = place.path()
    client = PipedriveClient(settings_from(host=company.url, extra={"api_token": TOKEN}))
    live = sorted(deal["id"] for deal in client.iterate("getDeals"))
    edit(company, live, 0)
    took = Seconds()
    took.of(lambda: extract(client, folder, JOB, run="first", owner="first"))
    reader = Reader(folder)
    reader.start()
    left: Counter[str] = Counter()
    wrong: list[str] = []
    number = 0
    while left.total() - left[ENDED] < kills:
        number += 1
        edit(company, live, number)
        _small_parts(number // 2)
        phase = dice.choice(["reading", "publishing"])
        left[kill(place, company, f"run {number}", phase, dice.uniform(0, took.phases[phase]))] += 1
        following = dice.choice([f"run {number}", f"after {number}"])  # the next try of that run, or another one
        took.of(partial(extract, client, folder, JOB, run=following, owner=following))
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


class Seconds:
    """How long the phases of the last run that was not killed took.

    :ivar phases: by name
    """

    def __init__(self) -> None:
        self.phases: dict[str, float] = {}

    def of(self, run: Callable[[], Any]) -> None:
        """Measure a run."""
        moments: list[float] = []
        began = time.monotonic()
        with publishing(lambda: moments.append(time.monotonic())):
            run()
        self.phases = {"reading": moments[0] - began, "publishing": time.monotonic() - moments[0]}


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


def kill(place: Place, company: Sandbox, owner: str, phase: str, seconds: float) -> str:
    """Begin a run and kill it so many seconds after the phase has begun; what it was doing."""
    folder = place.path()
    given = json.dumps([company.url, [place.kind, place.address, dict(place.options)], owner])
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), given]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        while child.stdout.readline() != f"{phase}\n":
            assert child.poll() is None
        time.sleep(seconds)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        told = child.stdout.read()
        child.stdout.close()
    if "ended" in told:
        return ENDED
    manifest = read_json(folder / "deals" / "_manifest.json") or {}
    states = [found.name for found in below(folder / "_pipedrive" / "unfinished")]
    if any(name.endswith("publish.json") for name in states):
        return "publishing, deals published" if manifest.get("run") == owner else "publishing"
    if any(name.endswith("plan.json") for name in states):
        return "reading"
    return "sweeping" if manifest.get("run") == owner else "beginning, or nothing uploaded"


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

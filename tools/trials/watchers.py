"""A watcher, its consumer, and kill -9 in the middle of a stream of changes. By hand:

    PYTHONPATH=tools python tools/trials/watchers.py --changes 500 --kills 7 --api-kills 2 [--triggerers 2]
        [--database URL]

A real Airflow and a sandbox run. Deals change in the sandbox while a triggerer, with its child, or the API server is
killed at random and started again. A DAG that the watcher starts notes each run's claim in a file, and puts the changes
into a sink keyed by event id. In the end every change must be in exactly one run's claim, and once in the sink.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from environment import clean_environ
from live_airflow import LiveAirflow
from live_parts import Part, descendants
from live_sandbox import LiveSandbox

DAG_ID = "watched"
DAG_FILE = """
import json, os, pathlib, sqlite3
from airflow.sdk import DAG, task
from airflow_provider_pipedrive.assets import pipedrive_changes, watched_asset

DEALS = watched_asset("127.0.0.1", "deals", interval=2)
FOLDER = pathlib.Path(os.environ["TRIAL_FOLDER"])

with DAG("watched", schedule=[DEALS], max_active_runs=1, catchup=False):

    @task(inlets=[DEALS], retries=3, retry_delay=1)
    def handle(run_id=None, triggering_asset_events=None):
        changes = list(pipedrive_changes(DEALS))
        name = "".join(c if c.isalnum() else "_" for c in run_id)
        (FOLDER / "claims" / f"{name}.json").write_text(json.dumps([change.to_json() for change in changes]))
        with sqlite3.connect(FOLDER / "sink.db", timeout=60) as sink:
            for change in changes:
                sink.execute("INSERT OR IGNORE INTO changes VALUES (?, ?)", (change.event_id, change.id))
        attached = sum(len(events) for events in triggering_asset_events.values())
        return {"changes": len(changes), "attached events": attached}

    handle()
"""


@dataclass
class Seen:
    """What the consumer has noted.

    :ivar claims: for each changed deal, in how many claims its change is
    :ivar sunk: for each changed deal, how many entries the sink has
    """

    runs: int
    claims: Counter[int] = field(default_factory=Counter)
    sunk: Counter[int] = field(default_factory=Counter)

    def faults(self, changed: set[int]) -> list[str]:
        """What is not as it must be."""
        return [
            f"{what}: {ids[:10]}{' ...' if len(ids) > 10 else ''} ({len(ids)})"
            for what, ids in (
                ("in no claim", sorted(changed - self.claims.keys())),
                ("in several claims", sorted(key for key, count in self.claims.items() if count > 1)),
                ("not in the sink", sorted(changed - self.sunk.keys())),
                ("more than once in the sink", sorted(key for key, count in self.sunk.items() if count > 1)),
            )
            if ids
        ]


class Trial:
    """The DAG, its files, and the stream of changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dags = folder / "dags"
        for path in (self.dags, folder / "claims"):
            path.mkdir(parents=True)
        (self.dags / "watched.py").write_text(DAG_FILE)
        with sqlite3.connect(folder / "sink.db") as sink:
            sink.execute("CREATE TABLE changes (event_id TEXT PRIMARY KEY, deal INTEGER)")

    def environ(self, sandbox: LiveSandbox) -> dict[str, str]:
        """The environment of Airflow's processes."""
        return clean_environ() | {
            "AIRFLOW_CONN_PIPEDRIVE_DEFAULT": sandbox.connection(),
            "TRIAL_FOLDER": str(self.folder),
            # How long the triggers of a killed triggerer wait for another one; 30 s by default.
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
        }

    def seen(self) -> Seen:
        """What the consumer has noted so far."""
        files = sorted((self.folder / "claims").glob("*.json"))
        seen = Seen(len(files))
        for file in files:
            with contextlib.suppress(ValueError):  # it is being written
                seen.claims.update(change["id"] for change in json.loads(file.read_text()))
        with sqlite3.connect(self.folder / "sink.db", timeout=60) as sink:
            seen.sunk.update(row[0] for row in sink.execute("SELECT deal FROM changes"))
        return seen

    def wait_for(self, changed: set[int], seconds: float) -> Seen:
        """Wait until the consumer has all of these deals, or so many seconds."""
        end = time.monotonic() + seconds
        while True:
            seen = self.seen()
            if changed <= seen.claims.keys() and changed <= seen.sunk.keys():
                return seen
            if time.monotonic() > end:
                return seen
            time.sleep(0.5)


def part(airflow: LiveAirflow, python: Path, name: str, *command: str) -> Part:
    """A process of an Airflow that runs, to be killed."""
    return Part(name, [python.parent / "airflow", *command], airflow.environ, airflow.home)


def kill_own(airflow: LiveAirflow, name: bytes) -> None:
    """End a part that Airflow was started with."""
    family = descendants(airflow.pid)
    for pid in family:
        if name in _command(pid):
            for one in (pid, *descendants(pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def stream(sandbox: LiveSandbox, deals: list[int], seconds: float, between: Callable[[int], None]) -> None:
    """Change each deal once, evenly over so many seconds."""
    began = time.monotonic()
    for number, deal in enumerate(deals):
        sandbox.update("deals", deal, {"title": f"Changed {number}"})
        between(number)
        time.sleep(max(0.0, began + (number + 1) * seconds / len(deals) - time.monotonic()))


def kill_at_random(kinds: list[tuple[list[Part], int]], total: int, seed: int) -> Callable[[int], None]:
    """Kills and restarts at random changes of the stream: so many of each kind of parts, of one of them each time."""
    pick = random.Random(seed)
    victims = [parts for parts, count in kinds for _ in range(count)]
    at = dict(zip(pick.sample(range(total // 10, total - total // 10), len(victims)), victims, strict=True))

    def between(number: int) -> None:
        if number in at:
            victim = pick.choice(at[number])
            victim.kill()
            print(f"change {number}: killed {victim.name}", flush=True)
            victim.start()

    return between


@contextlib.contextmanager
def started(
    trial: Trial, sandbox: LiveSandbox, python: Path, triggerers: int, extra: dict[str, str]
) -> Iterator[tuple[LiveAirflow, list[Part]]]:
    """An Airflow with triggerers of its own to kill, and a watcher that has begun."""
    with LiveAirflow(python, trial.folder / "home", trial.dags, trial.environ(sandbox) | extra) as airflow:
        kill_own(airflow, b"triggerer")
        ours = [
            part(airflow, python, f"triggerer-{number}", "triggerer", "--skip-serve-logs")
            for number in range(1, triggerers + 1)
        ]
        try:
            for one in ours:
                one.start()
            airflow.wait_for_dag(DAG_ID)
            sandbox.wait_for_request("/api/v2/deals", 120)
            yield airflow, ours
        finally:
            for one in ours:
                one.kill()


def main() -> int:
    """One trial; 0 if every change came exactly once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=500)
    parser.add_argument("--kills", type=int, default=7)
    parser.add_argument("--api-kills", type=int, default=0, help="how often the API server is killed")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long the stream of changes takes")
    parser.add_argument("--triggerers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="SQLAlchemy URL; SQLite without it")
    options = parser.parse_args()
    python = Path(sys.executable)
    extra = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": options.database} if options.database else {}
    with (
        tempfile.TemporaryDirectory(prefix="watchers-", ignore_cleanup_errors=True) as folder,
        LiveSandbox(python, deals=options.changes + 100, environ=clean_environ()) as sandbox,
        contextlib.ExitStack() as stack,
    ):
        trial = Trial(Path(folder))
        deals = sorted(sandbox.ids("deals"))[: options.changes]
        with started(trial, sandbox, python, options.triggerers, extra) as (airflow, triggerers):
            before = len(sandbox.requests())
            server = part(airflow, python, "api-server", "api-server")
            stack.callback(server.kill)
            if options.api_kills:
                kill_own(airflow, b"api-server")
                kill_own(airflow, b"api_server")
                server.start()
            kinds = [(triggerers, options.kills), ([server], options.api_kills)]
            between = kill_at_random(kinds, len(deals), options.seed)
            began = time.monotonic()
            stream(sandbox, deals, options.seconds, between)
            streamed = time.monotonic() - began
            seen = trial.wait_for(set(deals), 240)
            settled = time.monotonic() - began - streamed
            time.sleep(15)  # for what may come twice
            seen = trial.seen()
            polls = [one for one in sandbox.requests()[before:] if one["path"] == "/api/v2/deals"]
            events = airflow.asset_events()
        carried = Counter(change["id"] for event in events for change in _changes(event))
        print(
            f"{len(deals)} changes in {streamed:.0f} s, {options.kills} kills of {options.triggerers} "
            f"triggerer(s), {options.api_kills} of the API server"
        )
        print(f"all in the sink {settled:.0f} s after the last; {len(polls)} polls")
        print(f"asset events: {len(events)}, changes in them: {carried.total()} of {len(carried)} deals")
        print(f"runs: {seen.runs}; changes in claims: {seen.claims.total()}; in the sink: {seen.sunk.total()}")
        faults = seen.faults(set(deals))
        print("\n".join(faults) if faults else "every change in exactly one run's claim, and once in the sink")
        return 1 if faults else 0


def _changes(event: dict[str, object]) -> list[dict[str, int]]:
    extra = event["extra"]
    assert isinstance(extra, dict)
    found: list[dict[str, int]] = extra["payload"]["pipedrive"].get("changes", [])
    return found


if __name__ == "__main__":
    sys.exit(main())

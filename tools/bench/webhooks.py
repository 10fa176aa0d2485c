"""From a webhook's delivery to the DAG run, and what becomes of a burst.

    python tools/bench/webhooks.py                # Airflow's metadata in SQLite
    python tools/bench/webhooks.py --postgres     # in PostgreSQL (initdb and pg_ctl on the path, psycopg2, asyncpg)

A real Airflow runs with one DAG that reads its changes by `pipedrive_changes` and notes their event ids. First single
deals change in the sandbox, whose webhook brings that to Airflow: the time from the change to the run's creation. Then
500 deliveries are sent at once over many connections: the time to each answer, and until every one of them is in a run.

The exit code is 1 if a bound is missed: a median of 3 s, every answer 2xx within 10 s, everything in runs within 60 s.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import statistics
import sys
import tempfile
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).parents[1]))

from environment import clean_environ
from live_airflow import LiveAirflow
from live_postgres import LivePostgres
from live_sandbox import LiveSandbox

SECRET = "UnguessablePartOfTheAddress0123"
USER, PASSWORD = "pipedrive", "PasswordOfTheBenchmark0123"
MOST_MEDIAN, MOST_ANSWER, MOST_HANDLED = 3.0, 10.0, 60.0
DAG = """
import json, os, pathlib
from airflow.sdk import DAG, Asset, task
from airflow_provider_pipedrive.assets import pipedrive_changes

DEALS = Asset("pipedrive://127.0.0.1/deals")

with DAG("told", schedule=[DEALS], max_active_runs=1, catchup=False):

    @task(inlets=[DEALS])
    def handle(run_id=None):
        ids = [change.event_id for change in pipedrive_changes(DEALS)]
        folder = pathlib.Path(os.environ["BENCH_FOLDER"])
        name = "".join(sign if sign.isalnum() else "_" for sign in run_id)
        (folder / f"{name}.part").write_text(json.dumps(ids))
        (folder / f"{name}.part").rename(folder / f"{name}.json")
        return len(ids)

    handle()
"""


def main() -> int:
    """Measure; 1 if a bound is missed."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="pipedrive-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        python = Path(sys.executable)
        environ = clean_environ() | {"BENCH_FOLDER": str(folder / "claims"), "PYTHONPATH": str(_root())}
        if options.postgres:
            environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = stack.enter_context(LivePostgres(folder / "postgres")).url
        (folder / "claims").mkdir()
        (folder / "dags").mkdir()
        (folder / "dags" / "told.py").write_text(DAG)
        sandbox = stack.enter_context(LiveSandbox(python, deals=100, environ=environ))
        airflow = LiveAirflow(python, folder / "airflow", folder / "dags", environ, _say)
        airflow.environ["AIRFLOW_CONN_PIPEDRIVE_DEFAULT"] = connection(sandbox, airflow)
        stack.enter_context(airflow)
        airflow.wait_for_dag("told")
        subscribe(sandbox, airflow)
        single = _single(sandbox, airflow, options.single)
        burst = _burst(airflow, folder / "claims", options.burst, options.connections)
    return _report("PostgreSQL" if options.postgres else "SQLite", single, burst)


def _single(sandbox: LiveSandbox, airflow: LiveAirflow, count: int) -> list[float]:
    """Seconds from a change to the creation of its run, one change after the other."""
    found = []
    deals = sorted(sandbox.ids("deals"))
    for number in range(count + 1):
        began = time.time()
        sandbox.update("deals", deals[number], {"title": f"Change {number}"})
        run = _run_after(airflow, began)
        found.append(datetime.fromisoformat(run["queued_at"]).timestamp() - began)
    return found[1:]  # the first one pays for imports


def _run_after(airflow: LiveAirflow, began: float) -> dict[str, Any]:
    """The run that was created since, when it has ended."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        runs = airflow._get("/api/v2/dags/told/dagRuns?order_by=-id&limit=1")["dag_runs"]
        if runs and datetime.fromisoformat(runs[0]["queued_at"]).timestamp() >= began and runs[0]["end_date"]:
            return dict(runs[0])
        time.sleep(0.2)
    raise TimeoutError("A change started no run within 120 s.")


def _burst(airflow: LiveAirflow, claims: Path, count: int, connections: int) -> dict[str, Any]:
    """Send deliveries at once; their answers, and when their changes were in runs."""
    before = _claimed(claims)
    documents = [delivery(number) for number in range(count)]
    began = time.monotonic()
    with ThreadPoolExecutor(connections) as senders:
        answers = list(senders.map(lambda document: send(airflow, document), documents))
    sent = time.monotonic() - began
    handled: Counter[str] = Counter()
    while time.monotonic() - began < 3 * MOST_HANDLED:
        handled = _claimed(claims) - before
        if len(handled) >= count:
            break
        time.sleep(0.2)
    return {
        "statuses": Counter(status for status, _ in answers),
        "seconds": sorted(seconds for _, seconds in answers),
        "sent": sent,
        "handled": len(handled),
        "twice": sum(times > 1 for times in handled.values()),
        "handled after": time.monotonic() - began,
        "events": len(airflow.asset_events()),
    }


def send(airflow: LiveAirflow, document: dict[str, Any]) -> tuple[int, float]:
    """Status (0: none came) and seconds of one delivery."""
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    request = Request(
        f"{airflow.url}/pipedrive/webhook/{SECRET}",
        json.dumps(document).encode(),
        {"Content-Type": "application/json", "Authorization": f"Basic {pair}"},
    )
    began = time.monotonic()
    try:
        with urlopen(request, timeout=30) as answer:
            status = int(answer.status)
    except HTTPError as error:
        status = error.code
    except (URLError, OSError):
        status = 0
    return status, time.monotonic() - began


def delivery(number: int) -> dict[str, Any]:
    """What Pipedrive sends when a deal has moved."""
    now = datetime.now(UTC)
    return {
        "meta": {
            "action": "change",
            "entity": "deal",
            "entity_id": str(100_000 + number),
            "id": str(uuid.uuid4()),
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "version": "2.0",
            "host": "127.0.0.1",
        },
        "data": {
            "id": 100_000 + number,
            "title": f"Deal {number}",
            "stage_id": 3,
            "status": "open",
            "update_time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "previous": {"stage_id": 2},
    }


def _claimed(claims: Path) -> Counter[str]:
    """In how many runs each event id was."""
    return Counter(event_id for file in claims.glob("*.json") for event_id in json.loads(file.read_text()))


def connection(sandbox: LiveSandbox, airflow: LiveAirflow) -> str:
    """A connection that takes deliveries, as the value of an ``AIRFLOW_CONN_...`` variable."""
    given = json.loads(sandbox.connection())
    given["extra"] |= {
        "webhook_url": f"{airflow.url}/pipedrive/webhook/{SECRET}",
        "webhook_user": USER,
        "webhook_password": PASSWORD,
    }
    return json.dumps(given)


def subscribe(sandbox: LiveSandbox, airflow: LiveAirflow) -> None:
    """Let the sandbox deliver the changes of deals there."""
    from airflow_provider_pipedrive.client import PipedriveClient, settings_from
    from airflow_provider_pipedrive.events.webhook_registration import WebhookAddress, ensure, wanted_webhooks

    extra = json.loads(airflow.environ["AIRFLOW_CONN_PIPEDRIVE_DEFAULT"])["extra"]
    with PipedriveClient(settings_from(host=sandbox.url, extra=extra)) as client:
        ensure(client, WebhookAddress.of(extra), wanted_webhooks(["deals"]))


def _report(database: str, single: list[float], burst: dict[str, Any]) -> int:
    seconds, count = burst["seconds"], len(burst["seconds"])
    median = statistics.median(single)
    good = sum(times for status, times in burst["statuses"].items() if 200 <= status < 300)
    print(f"Airflow's metadata in {database}")
    print(f"  change to DAG run created, {len(single)} changes: median {median:.2f} s, longest {max(single):.2f} s")
    print(f"  burst of {count} deliveries, sent in {burst['sent']:.1f} s: answers {dict(burst['statuses'])}")
    print(f"    answered after: median {statistics.median(seconds):.2f} s, longest {seconds[-1]:.2f} s")
    print(f"    {burst['handled']} in runs, {burst['twice']} of them twice, after {burst['handled after']:.1f} s")
    print(f"    {burst['events']} asset events in all")
    missed = [
        text
        for text, kept in (
            (f"a median of {MOST_MEDIAN:g} s", median <= MOST_MEDIAN),
            (f"every answer 2xx within {MOST_ANSWER:g} s", good == count and seconds[-1] <= MOST_ANSWER),
            (f"all in runs within {MOST_HANDLED:g} s", burst["handled"] == count and not burst["twice"]),
            (f"all in runs within {MOST_HANDLED:g} s", burst["handled after"] <= MOST_HANDLED),
        )
        if not kept
    ]
    print(f"  missed: {'; '.join(dict.fromkeys(missed))}" if missed else "  all bounds kept")
    return 1 if missed else 0


def _root() -> Path:
    return Path(__file__).parents[2]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--single", type=int, default=15, help="changes one after the other")
    parser.add_argument("--burst", type=int, default=500, help="deliveries at once")
    parser.add_argument("--connections", type=int, default=50, help="connections they are sent over")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

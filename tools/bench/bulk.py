"""Rows into Pipedrive: a bulk run next to a plain loop, the official Node client, and one action after the other.

    python tools/bench/bulk.py pace      # 2,000 updates of deals at 50 ms, at three rate limits
    python tools/bench/bulk.py cpu       # CPU a written row, without latency
    python tools/bench/bulk.py upsert    # 10,000 persons by address, 5 % changed, against a search for each
    python tools/bench/bulk.py memory    # 20,000 and 200,000 rows, written

Needs this package's `sandbox` extra. The Node client is left out where node or npm is missing. The sandbox is a process
of its own, and so is each writer, so that CPU (child processes included) and memory are a writer's own. The best of so
many runs counts (`--best-of`). The exit code is 1 if a bound is missed. Compare what one run shows side by side:
numbers of different runs differ with the machine.

How the rate is counted: a limit of n in 2 s lets n requests start at once, and the k-th not before 2 s * ((k - 1) //
n). That least time of all requests of a writer, those that read included, is held against the time from before its
first request until after its last answer.
"""

from __future__ import annotations

import argparse
import atexit
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

# Everything that a writer imports is there before its clock starts.
import requests

import airflow_provider_pipedrive.bulk.engine  # noqa: F401
from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.client.limits import WINDOW

TOKEN = "bench-token"
NODE, NODE_CLIENT = "node", "pipedrive@33.7.0"
UPDATES = 2_000
PERSONS = 10_000
CHANGED = 20
"""Of so many persons one is changed: 5 %."""
SAMPLE = 100
"""Rows that the search for each row is measured on: for all of them it takes half an hour."""
PACES = {20: 0.98, 80: 0.97, 400: 0.94}
"""The share of the allowed rate to reach, by the limit in 2 s."""
CPU, TOKENS, SECONDS = 0.9, 1 / 50, 1 / 20
ABOVE_IMPORTS, MORE_FOR_TEN_TIMES = 60.0, 15.0


def plain(url: str, rows: list[dict[str, Any]], _limit: int) -> dict[str, Any]:
    """What anybody would write: a loop that waits where it is told to."""
    session = requests.Session()
    session.headers["x-api-token"] = TOKEN
    for row in rows:
        while True:
            answer = session.patch(f"{url}/api/v2/deals/{row['id']}", json={"title": row["title"]}, timeout=30)
            if answer.status_code != 429:
                break
            time.sleep(float(answer.headers.get("x-ratelimit-reset", 1)))
        answer.raise_for_status()
        answer.json()
    return {}


def one_by_one(url: str, rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """One action after the other, as a task would with `hook.run`."""
    with _client(url, limit) as client:
        for row in rows:
            client.run("updateDeal", row)
    return {}


def bulk(url: str, rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """A bulk run, with its journal and what was there before."""
    with _client(url, limit) as client, tempfile.TemporaryDirectory(prefix="bulk-") as folder:
        return write(client, rows, BulkJob("deals", mode="update", match_on="id"), folder=folder)


def upsert(url: str, rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """A bulk run by address."""
    with _client(url, limit) as client, tempfile.TemporaryDirectory(prefix="bulk-") as folder:
        return write(client, rows, BulkJob("persons", mode="upsert"), folder=folder)


def search_each(url: str, rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """A search for each row, and a write where it differs."""
    with _client(url, limit) as client:
        for row in rows:
            hits = client.run("searchPersons", {"term": row["email"], "fields": "email", "exact_match": True})
            if hits[0]["item"]["name"] != row["name"]:
                client.run("updatePerson", {"id": hits[0]["item"]["id"], "name": row["name"]})
        return {"tokens": client.usage.tokens}


def create(url: str, rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """So many rows as `rows` says: read, held against what is there, planned, and written."""
    number = rows[0]["rows"]
    given = ({"email": f"row{n}@example.com", "name": f"Row {n}"} for n in range(number))
    before = _peak_mb()
    with _client(url, limit) as client, tempfile.TemporaryDirectory(prefix="bulk-") as folder:
        receipt = write(client, given, BulkJob("persons"), folder=folder)
    return {"created": receipt["created"], "above_imports": _peak_mb() - before}


WRITERS: dict[str, Callable[[str, list[dict[str, Any]], int], dict[str, Any]]] = {
    each.__name__: each for each in (plain, one_by_one, bulk, upsert, search_each, create)
}


def _client(url: str, limit: int) -> PipedriveClient:
    return PipedriveClient(settings_from(host=url, extra={"api_token": TOKEN, "burst_limit": limit}))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


# ---- one writer, in a process of its own


def _write(name: str, url: str, limit: int) -> None:
    rows = json.load(sys.stdin)
    _warm_up(url)
    cpu, began = _cpu(), time.monotonic()
    told = WRITERS[name](url, rows, limit)
    kept = ("tokens", "updated", "created", "above_imports")
    print(
        json.dumps(
            {
                "seconds": time.monotonic() - began,
                "cpu": _cpu() - cpu,
                **{name: told[name] for name in kept if name in told},
            }
        )
    )


def _warm_up(url: str) -> None:
    """What is imported with the first request is imported for every writer."""
    requests.get(f"{url}/v1/users/me", headers={"x-api-token": "other"}, timeout=30)


def run(name: str, url: str, rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """One run, and the server's answers of 429 meanwhile."""
    _control(url, "POST", "reset")
    command = [sys.executable, __file__, "--writer", name, "--url", url, "--limit", str(limit)]
    folder = None
    if name == NODE:
        command, folder = ["node", str(Path(__file__).with_name("official_client.mjs")), url, TOKEN], _node_client()
    done = subprocess.run(command, input=json.dumps(rows), stdout=subprocess.PIPE, text=True, check=True, cwd=folder)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    counted = _control(url, "GET", "counters")
    refused = counted.get("status 429", 0)
    return {**found, "429": refused, "answered": counted["requests"] - refused}


def rivals() -> tuple[str, ...]:
    """What a bulk run is measured next to."""
    return ("plain", NODE, "one_by_one") if shutil.which("node") and shutil.which("npm") else ("plain", "one_by_one")


@cache
def _node_client() -> str:
    """A folder that has the official client, until this process ends."""
    folder = tempfile.mkdtemp(prefix="node-client-")
    atexit.register(shutil.rmtree, folder)
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, NODE_CLIENT]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


# ---- the four measures


def pace(best_of: int) -> bool:
    """How much of the allowed rate each writer reaches."""
    met = True
    for limit, bound in PACES.items():
        with company(deals=UPDATES * 2, burst_limit=limit, latency_ms=50) as url:
            shares = {name: max(_shares(name, url, limit, best_of)) for name in (*rivals(), "bulk")}
        shown = ", ".join(
            f"{name} {share:.1%}{f' ({many} x 429)' if many else ''}" for name, (share, many) in shares.items()
        )
        print(f"{limit} in 2 s: {shown}; to reach {bound:.0%} without 429")
        met = met and shares["bulk"][0] >= bound and not shares["bulk"][1]
    return met


def _shares(name: str, url: str, limit: int, best_of: int) -> Iterator[tuple[float, int]]:
    number = UPDATES if limit > 20 else UPDATES // 5
    for _ in range(best_of if name == "bulk" else 1):
        found = run(name, url, _updates(url, number), limit)
        least = WINDOW * ((found["answered"] - 1) // limit)  # when the last window begins
        yield least / found["seconds"], found["429"]


def cpu(best_of: int) -> bool:
    """CPU of a written row, against the plain loop's; the limit is the highest that Pipedrive has."""
    names = (*rivals(), "bulk")
    with company(deals=UPDATES * 2) as url:
        rounds = [
            {name: run(name, url, _updates(url, UPDATES), max(PACES))["cpu"] for name in names} for _ in range(best_of)
        ]
        found = {name: min(each[name] for each in rounds) for name in names}
    for name, seconds in found.items():
        print(f"{name}: {seconds / UPDATES * 1000:.2f} ms a row, {seconds / found['plain']:.2f} times the plain loop")
    return found["bulk"] <= CPU * found["plain"]


def _updates(url: str, number: int) -> list[dict[str, Any]]:
    """Rows that differ from what is there. They are asked for when the writer before has left the window: who is paced
    would make room for it."""
    time.sleep(WINDOW)
    with _client(url, 100_000) as client:
        ids = [deal["id"] for deal in client.iterate("getDeals", max_records=number)]
    return [{"id": n, "title": f"Title {n} {time.time():.0f}"} for n in ids]


def upserts(best_of: int) -> bool:
    """Tokens and time of an upsert by address, against a search for each row."""
    with company(deals=PERSONS * 5 // 4, burst_limit=80, latency_ms=50) as url:
        with _client(url, 80) as client:
            known = list(client.iterate("getPersons"))
        rows = [
            {"email": person["emails"][0]["value"], "name": person["name"] + (" too" if n % CHANGED == 0 else "")}
            for n, person in enumerate(person for person in known if person["emails"])
        ]
        ours = min((run("upsert", url, rows, 80) for _ in range(best_of)), key=lambda found: found["seconds"])
        theirs = run("search_each", url, rows[:SAMPLE], 80)
    scale = len(rows) / SAMPLE
    tokens, seconds = ours["tokens"] / theirs["tokens"] / scale, ours["seconds"] / theirs["seconds"] / scale
    unlimited = ours["seconds"] / (len(rows) * (1 + 1 / CHANGED) / 80 * 2)
    print(
        f"{len(rows)} persons, {ours['updated']} changed: {ours['tokens']} tokens, 1/{1 / tokens:.0f} of searches; "
        f"{ours['seconds']:.1f} s, 1/{1 / seconds:.0f} of its time (measured on {SAMPLE} rows; searches have a limit "
        f"of their own, 10 in 2 s; if they had 80, 1/{1 / unlimited:.0f})"
    )
    return tokens <= TOKENS and seconds <= SECONDS


def memory(_best_of: int) -> bool:
    """Peak memory above the imports."""
    with company(deals=PERSONS) as url:
        found = [run("create", url, [{"rows": number}], 100_000)["above_imports"] for number in (20_000, 200_000)]
    print(f"20,000 rows: {found[0]:.0f} MB above the imports; 200,000 rows: {found[1]:.0f} MB")
    return found[1] <= ABOVE_IMPORTS and found[1] - found[0] <= MORE_FOR_TEN_TIMES


MEASURES: dict[str, Callable[[int], bool]] = {"pace": pace, "cpu": cpu, "upsert": upserts, "memory": memory}


@contextmanager
def company(*, deals: int, burst_limit: int | None = None, latency_ms: float = 0) -> Iterator[str]:
    """A sandbox in a process of its own: its URL."""
    with tempfile.TemporaryDirectory(prefix="pipedrive-bench-") as folder:
        port = Path(folder) / "port"
        command = [sys.executable, "-m", "airflow_provider_pipedrive.sandbox", "--port", "0", "--port-file", str(port)]
        command += ["--deals", str(deals), "--burst-limit", str(burst_limit or "none"), "--api-token", TOKEN]
        command += ["--latency-ms", str(latency_ms)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not port.exists():
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port.read_text()}"
        finally:
            process.kill()
            process.wait()


def _control(url: str, method: str, what: str) -> Any:
    with urlopen(Request(f"{url}/_sandbox/{what}", method=method), timeout=30) as answer:
        return json.load(answer)["data"]


def main() -> int:
    """Measure; the exit code is 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measures", nargs="*", help=f"of {', '.join(MEASURES)}; all by default")
    parser.add_argument("--best-of", type=int, default=3)
    for hidden in ("--writer", "--url", "--limit"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.writer:
        _write(options.writer, options.url, int(options.limit))
        return 0
    missed = [name for name in options.measures or MEASURES if not MEASURES[name](options.best_of)]
    if missed:
        print(f"Missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

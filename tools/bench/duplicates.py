"""Duplicates in a company with known pairs: found how well, and for how much more than only reading the list.

    python tools/bench/duplicates.py [--persons 200000] [--seed 11] [--other]

Needs this package's `sandbox` extra. The sandbox, the plain loop and the search are processes of their own, so that CPU
and memory are each one's own; loop and search take turns, and the medians count. Exits with 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import requests
from doubles import Maker, fill, pairs_of, quality
from other_doubles import OtherMaker

from airflow_provider_pipedrive.bulk.duplicates.finding import find_duplicates
from airflow_provider_pipedrive.client import PipedriveClient, settings_from

TOKEN = "bench-token"
CPU, MEMORY_MB, PRECISION, RECALL = 3.0, 250.0, 0.98, 0.95


def plain(url: str) -> dict[str, Any]:
    """What anybody would write: every page read once, and nothing kept."""
    session, cursor, records = requests.Session(), None, 0
    session.headers["x-api-token"] = TOKEN
    while True:
        answer = session.get(f"{url}/api/v2/persons", params={"limit": 500, "cursor": cursor}, timeout=60)
        answer.raise_for_status()
        page = answer.json()
        records += len(page["data"])
        cursor = (page["additional_data"] or {}).get("next_cursor")
        if not cursor:
            return {"records": records}


def search(url: str) -> dict[str, Any]:
    """The search for duplicates."""
    settings = settings_from(host=url, extra={"api_token": TOKEN, "burst_limit": 100_000})
    with PipedriveClient(settings) as client:
        return {"groups": [group["ids"] for group in find_duplicates(client, "persons")]}


def serve(persons: int, seed: int, *, other: bool = False) -> None:
    """A sandbox with so many persons, until standard input ends; first it says where it is, and what is known."""
    from airflow_provider_pipedrive.sandbox import Sandbox

    records, known = (OtherMaker if other else Maker)(seed).persons(persons)
    with Sandbox(deals=3, api_token=TOKEN, burst_limit=1_000_000) as sandbox:
        fill(sandbox, "persons", records)
        print(json.dumps({"url": sandbox.url, "known": sorted(known)}), flush=True)
        sys.stdin.read()


def _measured(name: str, url: str) -> None:
    requests.get(f"{url}/v1/users/me", headers={"x-api-token": TOKEN}, timeout=60)  # imports what a request needs
    cpu, began = time.process_time(), time.monotonic()
    told = {"plain": plain, "search": search}[name](url)
    told |= {"cpu": time.process_time() - cpu, "seconds": time.monotonic() - began}
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(told))


def _run(*arguments: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> int:
    """Measure, or be one of the measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--persons", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--other", action="store_true", help="doubles with mistakes that the rules were not made with")
    parser.add_argument("--measured", nargs=2)
    parser.add_argument("--serve", action="store_true")
    options = parser.parse_args()
    if options.measured:
        _measured(*options.measured)
        return 0
    if options.serve:
        serve(options.persons, options.seed, other=options.other)
        return 0
    command = [sys.executable, __file__, "--serve", "--persons", str(options.persons), "--seed", str(options.seed)]
    command += ["--other"] * options.other
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        told = json.loads(server.stdout.readline() if server.stdout else "")
        runs = [(_run("--measured", "plain", told["url"]), _run("--measured", "search", told["url"]))
                for _ in range(options.rounds)]  # fmt: skip
        if server.stdin:
            server.stdin.close()
    return _judge(runs, {(one, other) for one, other in told["known"]})


def _judge(runs: list[tuple[dict[str, Any], dict[str, Any]]], known: set[tuple[int, int]]) -> int:
    loop, own = (statistics.median(pair[which]["cpu"] for pair in runs) for which in (0, 1))
    memory = max(found["peak_mb"] for _, found in runs)
    precision, recall = quality(pairs_of(runs[-1][1]["groups"]), known)
    print(f"{runs[0][0]['records']} persons, {len(known)} known pairs")
    print(f"CPU: plain loop {loop:.1f} s, search {own:.1f} s: {own / loop:.2f} times (bound {CPU})")
    print(f"memory: at most {memory:.0f} MB (bound {MEMORY_MB:.0f})")
    print(f"precision {precision:.4f} (bound {PRECISION}), recall {recall:.4f} (bound {RECALL})")
    good = own <= CPU * loop and memory <= MEMORY_MB and precision >= PRECISION and recall >= RECALL
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

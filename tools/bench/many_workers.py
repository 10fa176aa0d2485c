"""Sixteen processes that update deals at one rate limit: of one machine, of four, and each by itself.

    python tools/bench/many_workers.py

Needs this package's `sandbox` extra. The sandbox is a process of its own and takes 80 requests in 2 seconds. Each
process has a client and updates one deal after another. Processes of one machine share its pace. Machines do not see
each other: what they have is what Pipedrive's answers say is left.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from live_sandbox import LiveSandbox

from airflow_provider_pipedrive.client import PipedriveClient, settings_from

PROCESSES, UPDATES = 16, 150
LIMIT, WINDOW = 80, 2.0
MACHINES = {1: 0.90, 4: 0.85, PROCESSES: 0.0}
"""The least share of the rate, by the number of machines that the processes are on."""
MOST_REFUSED, LONGEST = 0.02, 6.0
# Forked, as Airflow does with its tasks.
FORK = multiprocessing.get_context("fork")


def main() -> int:
    """Print a table; the exit code is 1 if a bound is missed. Sixteen machines have none."""
    logging.disable()
    print(
        f"{PROCESSES} processes, {UPDATES} updates each, {LIMIT} requests in {WINDOW:g} s, {os.cpu_count()} processors"
    )
    print("machines   of the rate   answers 429   longest update   seconds")
    good = True
    for machines, least in MACHINES.items():
        rate, refused, longest, seconds = measure(machines)
        print(f"{machines:>8} {rate:>12.1%}   {refused:>11.2%}   {longest:>12.1f} s   {seconds:>7.1f}", flush=True)
        good = good and (not least or (rate >= least and refused < MOST_REFUSED and longest < LONGEST))
    return 0 if good else 1


def measure(machines: int) -> tuple[float, float, float, float]:
    """Share of the allowed rate, share of answers that were 429, the longest update and all of them in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--burst-limit", str(LIMIT)]
        with LiveSandbox(Path(sys.executable), deals=50, environ=dict(os.environ), options=options) as sandbox:
            start, results = FORK.Event(), FORK.Queue()
            arguments = (sandbox.url, sandbox.secrets["api-token"], start, results)
            processes = [
                FORK.Process(target=work, args=(number, f"{folder}/{number % machines}", *arguments))
                for number in range(PROCESSES)
            ]
            for process in processes:
                process.start()
            for _ in processes:
                results.get(timeout=120)  # each is ready
            began = time.monotonic()
            start.set()
            longest = max(results.get(timeout=600) for _ in processes)
            seconds = time.monotonic() - began
            for process in processes:
                process.join(30)
            answers = Counter(sent["status"] for sent in sandbox.requests() if sent["method"] == "PATCH")
    # A window's worth may start at once.
    rate = (answers[200] - LIMIT) / seconds * WINDOW / LIMIT
    return rate, answers[429] / answers.total(), longest, seconds


def work(number: int, machine: str, url: str, api_token: str, start: Any, results: Any) -> None:
    """One process; its result is the longest that an update took.

    :param machine: the folder that the processes of its machine share
    """
    os.environ["PIPEDRIVE_TOKEN_CACHE"] = machine
    longest = 0.0
    with PipedriveClient(settings_from(host=url, extra={"api_token": api_token, "burst_limit": LIMIT})) as client:
        results.put(0.0)
        start.wait()
        for turn in range(UPDATES):
            began = time.monotonic()
            client.run("updateDeal", {"id": number + 1, "title": f"Deal {turn}"})
            longest = max(longest, time.monotonic() - began)
    results.put(longest)


if __name__ == "__main__":
    sys.exit(main())

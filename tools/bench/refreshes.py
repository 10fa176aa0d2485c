"""A hundred processes of one machine whose access token has expired, with and without sharing the renewed one.

    python tools/bench/refreshes.py

Needs this package's `sandbox` extra. The sandbox is a process of its own. Each process has a client, waits for the
start, and reads a deal: its token is refused, it renews, and sends again. The same with a sandbox that replaces the
refresh token at each renewal and refuses the old one.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cryptography.fernet
import cryptography.hazmat.primitives.kdf.hkdf  # noqa: F401 - so that it is loaded once, not in each process
from live_sandbox import LiveSandbox

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import PipedriveError

PROCESSES = 100
# Forked, as Airflow does with its tasks, which has loaded cryptography by then.
FORK = multiprocessing.get_context("fork")


def main() -> int:
    """Print a table; the exit code is 1 if sharing takes more than one renewal or anything fails with it."""
    logging.disable()
    good = True
    print(f"{PROCESSES} processes, {os.cpu_count()} processors")
    print("refresh token   sharing   renewals   failed   seconds")
    for rotating in (False, True):
        for sharing in (False, True):
            renewals, failed, seconds = measure(rotating=rotating, sharing=sharing)
            kind = "replaced" if rotating else "stays"
            print(f"{kind:<15} {'yes' if sharing else 'no':<9} {renewals:>8}   {failed:>6}   {seconds:>7.1f}")
            good = good and (not sharing or (renewals, failed) == (1, 0))
    return 0 if good else 1


def measure(*, rotating: bool, sharing: bool) -> tuple[int, int, float]:
    """Renewals that Pipedrive has had, processes that failed, seconds until the last was done."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PIPEDRIVE_TOKEN_CACHE"] = f"{folder}/tokens" if sharing else ""
        # Without a burst limit: it would be what is measured.
        options = ["--burst-limit", "1000000", *(["--rotate-refresh-tokens"] if rotating else [])]
        with LiveSandbox(Path(sys.executable), deals=1, environ=dict(os.environ), options=options) as sandbox:
            start, results = FORK.Event(), FORK.Queue()
            processes = [FORK.Process(target=work, args=(sandbox, start, results)) for _ in range(PROCESSES)]
            for process in processes:
                process.start()
            for _ in processes:
                results.get(timeout=120)  # each is ready
            began = time.monotonic()
            start.set()
            failed = sum(not results.get(timeout=120) for _ in processes)
            seconds = time.monotonic() - began
            for process in processes:
                process.join(30)
            renewals = [sent["path"] for sent in sandbox.requests()].count("/oauth/token")
    return renewals, failed, seconds


def work(sandbox: LiveSandbox, start: Any, results: Any) -> None:
    """One process."""
    extra = {
        "refresh_token": sandbox.secrets["refresh-token"],
        "access_token": "an-access-token-that-has-expired",
        "oauth_host": sandbox.url,
    }
    settings = settings_from(host=sandbox.url, login="demo-app", password=sandbox.secrets["client-secret"], extra=extra)
    with PipedriveClient(settings) as client:
        results.put(True)
        start.wait()
        try:
            results.put(client.run("getDeal", {"id": 1})["id"] == 1)
        except PipedriveError:
            results.put(False)


if __name__ == "__main__":
    sys.exit(main())

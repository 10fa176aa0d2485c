"""Take a storage out of reach in the middle of runs, and let two runs publish at once.

    python tools/trials/storage_outages.py s3
    python tools/trials/storage_outages.py azure --outages 10 --pairs 20

The storage is behind a proxy that refuses connections from a random request on. That run must end with an error that
passes, and the next one, with the storage there again, must land what the company has. Then two runs begin at once,
again and again: one of them wins, the one that has read later, and every entity that is there in the end is its own,
whole. The other has published before it, or says that another was faster. The exit code is 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.extraction import ExtractionJob, extract
from airflow_provider_pipedrive.extraction.storage.files import read, read_json
from airflow_provider_pipedrive.sandbox import Sandbox

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from storage_proxy import Asked, StorageProxy, proxy_to
from storage_servers import BUCKET, SERVERS, place_at, use_packages

TOKEN = "ApiTokenOfTheTrial0123456789"
JOB = ExtractionJob(["deals", "stages"], columns="raw", keep_previous=0)


def client_of(company: Sandbox) -> PipedriveClient:
    """A client of the company's."""
    return PipedriveClient(settings_from(host=company.url, extra={"api_token": TOKEN, "burst_limit": 10_000}))


def outcome(company: Sandbox, folder: Any, run: str) -> str:
    """What a run came to: ``published``, or its error."""
    try:
        extract(client_of(company), folder, JOB, run=run, owner=run)
    except PipedriveError as error:
        return f"{type(error).__name__}, {'passing' if error.retryable else 'lasting'}: {error}"
    return "published"


def is_whole(company: Sandbox, folder: Any) -> bool:
    """Whether the files that the manifest names have the company's deals."""
    manifest = read_json(folder / "deals" / "_manifest.json") or {"parts": []}
    lines = [line for part in manifest["parts"] for line in read(folder / "deals" / part["name"]).splitlines()]
    landed = {row["id"]: row for row in map(json.loads, lines)}
    return landed == {deal["id"]: deal for deal in client_of(company).iterate("getDeals")} and len(landed) == len(lines)


def outages(company: Sandbox, folder: Any, proxy: StorageProxy, number: int, dice: random.Random) -> dict[str, Any]:
    """Runs whose storage goes away."""
    proxy.seen.clear()
    outcome(company, folder, "first")
    usual = proxy.seen.total()
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for each in range(number):
        left = dice.randrange(usual)
        stop_after(proxy, left)
        came_to = outcome(company, folder, f"run {each}")
        proxy.refuses = lambda asked: None
        proxy.start()
        seen[came_to.partition(":")[0]] += 1
        if not came_to.startswith(("PipedriveStorageError, passing", "published")):
            wrong.append(f"after {left} requests: {came_to}")
        if outcome(company, folder, f"run {each}") != "published" or not is_whole(company, folder):
            wrong.append(f"after {left} requests: the next run did not land what the company has")
    return {"came to": dict(seen), "wrong": wrong}


def stop_after(proxy: StorageProxy, left: int) -> None:
    """Let so many requests through, and take no connections from then on."""
    seen = [0]

    def refuses(asked: Asked) -> None:
        seen[0] += 1
        if seen[0] == left + 1:
            threading.Thread(target=proxy.stop).start()

    proxy.refuses = refuses


def pairs(company: Sandbox, folders: list[Any], number: int) -> dict[str, Any]:
    """Two runs at once, each with a file system of its own."""
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    with ThreadPoolExecutor(2) as threads:
        for each in range(number):
            names = [f"pair {each} {side}" for side in "ab"]
            came_to = list(threads.map(outcome, [company, company], folders, names))
            seen[" and ".join(sorted(told.partition(":")[0] for told in came_to))] += 1
            losers = [told for told in came_to if told != "published"]
            if len(losers) > 1 or any("another run has read later" not in told for told in losers):
                wrong.append(f"pair {each}: {came_to}")
            if len({(read_json(folders[0] / name / "_manifest.json") or {})["run"] for name in JOB.entities}) > 1:
                wrong.append(f"pair {each}: the entities that are there are of two runs")
            if not is_whole(company, folders[0]):
                wrong.append(f"pair {each}: what is there is not whole")
    return {"came to": dict(seen), "wrong": wrong}


def main() -> int:
    """Run the trial, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=sorted(SERVERS))
    parser.add_argument("--outages", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--deals", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    use_packages(options.kind)
    began = time.monotonic()
    with (
        Sandbox(deals=options.deals, seed=2, api_token=TOKEN) as company,
        SERVERS[options.kind]() as url,
        proxy_to(url) as proxy,
    ):
        place = place_at(options.kind, proxy.url)
        place.path().fs.mkdir(BUCKET)
        gone = outages(company, place.path(), proxy, options.outages, random.Random(options.seed))
        both = pairs(company, [place.path(), place.path()], options.pairs)
    print(json.dumps({"outages": gone, "two at once": both, "seconds": round(time.monotonic() - began)}, indent=2))
    return 1 if gone["wrong"] or both["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""Kill a bulk run at random moments until its rows are written, and hold its journal against the company.

    python tools/trials/bulk_kills.py
    python tools/trials/bulk_kills.py --rows 2000 --kills 20 --seed 7

Of the rows, a part are new persons of new organizations, a part change persons that are there, and the rest say what is
there already. Now and then an answer is lost after the write was done. In the end each row must be written once, and
what the journal says of each must be what the company has. The exit code is 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.sandbox import Sandbox

TOKEN = "ApiTokenOfTheTrial0123456789"
ORGANIZATIONS = 40
LOST = ("reset-after", "truncate", "slow")
"""How an answer gets lost after the write was done; the last by coming later than the client waits."""
CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from bulk_kills import begin
begin(sys.argv[2], int(sys.argv[3]), sys.argv[4])
"""


def rows_of(number: int) -> list[dict[str, Any]]:
    """Mixed rows: every second one is new, every second of the others differs from what is there."""
    return [
        {
            "email": f"row{n}@example.com",
            "name": f"Row {n}",
            **({"organization": f"Trial {n % ORGANIZATIONS}"} if n % 2 else {}),
        }
        for n in range(number)
    ]


def client_of(host: str) -> PipedriveClient:
    """A client that waits for no rate limit, and not long for an answer."""
    extra = {"api_token": TOKEN, "burst_limit": 10_000, "timeout": 2}
    return PipedriveClient(settings_from(host=host, extra=extra))


def begin(host: str, number: int, folder: str) -> None:
    """One try, in the process that is killed."""
    with client_of(host) as client:
        write(client, rows_of(number), BulkJob("persons", create_related=True, concurrency=8), folder=folder)


def trial(company: Sandbox, folder: str, number: int, kills: int, dice: random.Random) -> dict[str, Any]:
    """Kill so many tries, let the last one end, and compare."""
    rows = rows_of(number)
    with client_of(company.url) as client:
        for n, row in enumerate(rows):
            if n % 2 == 0:
                known = row["name"] if n % 4 else f"Before {n}"
                client.run("addPerson", {"name": known, "emails": [{"value": row["email"], "primary": True}]})
        command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), company.url, str(number), folder]
        expected = number * 3 // 4 + ORGANIZATIONS
        left: Counter[str] = Counter()
        for _ in range(kills):
            lost = {"kind": dice.choice(LOST), "count": 2, "skip": dice.randrange(20), "seconds": 40}
            company.fault(path="/api/v2/persons", method="POST", **lost)
            left[_kill(command, company, dice.randrange(1, expected // kills))] += 1
        company.clear_faults()
        subprocess.run(command, check=True)
        return {"killed": dict(left), "wrong": list(_wrong(client, Path(folder), rows))}


def _kill(command: list[str], company: Sandbox, requests: int) -> str:
    """Kill a try after so many requests; what it was doing."""
    before = company.counters()["requests"]
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            if company.counters()["requests"] - before >= requests:
                break
            time.sleep(0.002)
        ended = process.returncode is not None
        process.send_signal(signal.SIGKILL)
    return "had ended" if ended else "writing"


def _wrong(client: PipedriveClient, folder: Path, rows: list[dict[str, Any]]) -> Any:
    """Whatever is not as it must be."""
    organizations = {o["id"]: o["name"] for o in client.iterate("getOrganizations") if o["name"].startswith("Trial ")}
    if sorted(organizations.values()) != sorted(f"Trial {n}" for n in range(1, ORGANIZATIONS, 2)):
        yield f"organizations: {sorted(organizations.values())}"
    persons: dict[str, list[dict[str, Any]]] = {}
    for person in client.iterate("getPersons"):
        for entry in person["emails"]:
            persons.setdefault(entry["value"], []).append(person)
    for row in rows:
        found = persons.get(row["email"], [])
        if len(found) != 1:
            yield f"{row['email']}: {len(found)} persons"
        elif (found[0]["name"], organizations.get(found[0]["org_id"])) != (row["name"], row.get("organization")):
            yield f"{row['email']}: {found[0]['name']}, {found[0]['org_id']}"
    yield from _not_as_journalled(folder, persons, rows)


def _not_as_journalled(folder: Path, persons: dict[str, list[dict[str, Any]]], rows: list[dict[str, Any]]) -> Any:
    journal = sqlite3.connect(folder / "bulk.sqlite")
    done = journal.execute("SELECT row, action, id, state FROM operations WHERE entity = 'persons'").fetchall()
    journal.close()
    actions = Counter(action for _row, action, _id, _state in done)
    if actions != {"create": len(rows) // 2, "update": len(rows) // 4}:
        yield f"the journal has {dict(actions)}"
    for row, action, identity, state in done:
        has = [person["id"] for person in persons.get(rows[row - 1]["email"], [])]
        if state != "done" or has != [json.loads(identity)]:
            yield f"row {row}: the journal says {action} {identity} {state}, the company has {has}"


def main() -> int:
    """Run the trial, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # which says of each answer that nobody waits for any more
    with Sandbox(deals=50, api_token=TOKEN) as company, tempfile.TemporaryDirectory(prefix="kills-") as folder:
        seen = trial(company, folder, options.rows, options.kills, random.Random(options.seed))
    print(json.dumps(seen, indent=2))
    return 1 if seen["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""The sandbox with a company made for measuring: many deals, whose times lie as they do in real accounts.

    python tools/bench/company_server.py --deals 50000 --history even

prints its URL and API token as JSON, and stops when its standard input ends. A line of JSON on it, such as
{"latency_ms": 150}, changes a setting: a benchmark fills the server's cache before it makes it slow.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from airflow_provider_pipedrive.sandbox import Sandbox

YEARS = 2
IMPORTED = 0.6
"""Share of the deals that a bulk import left with one and the same time."""
RECENT = 0.9
"""Share of the deals that were last updated within the last month."""


def main() -> None:
    """Serve until nobody listens any more."""
    options = _options()
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    there = round(options.deals / (1 - options.sparse))
    with Sandbox(deals=there, custom_fields=options.custom_fields) as sandbox:
        _shape(sandbox, options)
        print(json.dumps({"url": sandbox.url, "api_token": sandbox.api_token}), flush=True)
        for line in sys.stdin:
            world = sandbox._world
            world.settings = world.limits._settings = world.state.settings = replace(world.settings, **json.loads(line))
            print("{}", flush=True)


def _shape(sandbox: Sandbox, options: argparse.Namespace) -> None:
    """Give every deal its time of last update, and take some deals away."""
    chance = random.Random(options.seed)
    table = sandbox._world.state["deals"]  # one by one over the API it would take minutes
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    begin = now - timedelta(days=365 * YEARS)
    imported = begin + timedelta(days=500)
    total = len(table)
    for number, deal in enumerate(list(table)):
        if options.sparse and chance.random() < options.sparse:
            table.remove(deal["id"])
            continue
        since = now - timedelta(days=30) if options.history == "recent" and chance.random() < RECENT else begin
        moment = since + timedelta(seconds=chance.randrange(int((now - since).total_seconds())))
        if options.history == "import" and 0.2 <= number / total < 0.2 + IMPORTED:
            moment = imported
        updated = None if chance.random() < options.untouched else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        table.put(deal["id"], {**deal, "update_time": updated, "is_archived": False, "is_deleted": False})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deals", type=int, default=50_000)
    parser.add_argument("--custom-fields", type=int, default=87, help="how many custom fields each deal has, most null")
    parser.add_argument("--history", choices=("even", "recent", "import"), default="even")
    parser.add_argument("--untouched", type=float, default=0.0, help="share of deals without a time of last update")
    parser.add_argument("--sparse", type=float, default=0.0, help="share of ids that are not there")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()

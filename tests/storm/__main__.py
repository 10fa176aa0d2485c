"""Goes through all faults and writes the table of docs/reliability.md: ``python -m tests.storm``, a few minutes.

``python -m tests.storm --hours 1`` lets random calls meet random faults for so long, and says what was lost or doubled.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"  # before anything imports Airflow

from airflow_provider_pipedrive.client import client
from tests.storm.faults import StormClock
from tests.storm.long_storm import LongStorm
from tests.storm.table import write_table
from tests.storm.weather import CELLS, Weather, storm_sandbox

REPORT_EVERY = 300.0
"""Seconds between two lines of the long form."""


def main() -> int:
    """Do what the command line asks for; 1 where something was lost, doubled or otherwise wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--hours", type=float, help="random calls in random weather for so long")
    parser.add_argument("--seed", type=int, default=1, help="of the long form's dice")
    options = parser.parse_args()
    logging.disable()
    client.SystemClock = StormClock  # type: ignore[attr-defined,assignment]
    with (
        tempfile.TemporaryDirectory(prefix="storm-") as folder,
        storm_sandbox() as sandbox,
    ):
        weather = Weather(sandbox, Path(folder))
        if options.hours is None:
            go_through_all(weather)
            return 0
        return let_rain(weather, random.Random(options.seed), options.hours * 3600)


def go_through_all(weather: Weather) -> None:
    """Write the table, with a line for each call on the way."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for number, cell in enumerate(CELLS, start=1):
        found[cell.surface.does, cell.kind].add(weather.outcome(cell))
        if number == len(CELLS) or CELLS[number].surface is not cell.surface:
            sys.stderr.write(f"{number} of {len(CELLS)}: {cell.surface.does}\n")
    write_table(found)


def let_rain(weather: Weather, dice: random.Random, seconds: float) -> int:
    """Report every few minutes, and at once what is wrong."""
    storm = LongStorm(weather, dice)
    began = reported = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        wrong = len(storm.tally.wrong)
        storm.call()
        for line in storm.tally.wrong[wrong:]:
            sys.stdout.write(f"WRONG {line}\n")
        if now - reported > REPORT_EVERY:
            reported = now
            sys.stdout.write(f"{(now - began) / 60:.0f} min: {storm.tally}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{storm.tally}\n")
    return 1 if storm.tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

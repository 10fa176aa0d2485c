"""Goes through all faults and writes the table of docs/reliability.md: ``python -m tests.storm``, a few minutes."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from airflow_provider_pipedrive.client import client
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN, api_token_connection
from tests.storm.weather import CELLS, Weather, write_table
from tests.support.scripted_server import FakeClock


def main() -> None:
    """Write the table, with a line for each call on the way."""
    logging.disable()
    client.SystemClock = FakeClock  # type: ignore[attr-defined,assignment]
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    with (
        tempfile.TemporaryDirectory(prefix="storm-") as folder,
        Sandbox(deals=30, seed=1, api_token=API_TOKEN) as sandbox,
    ):
        os.environ["AIRFLOW_CONN_PIPEDRIVE_DEFAULT"] = api_token_connection(sandbox)
        weather = Weather(sandbox, Path(folder))
        for number, cell in enumerate(CELLS, start=1):
            found[cell.surface.does, cell.kind].add(weather.outcome(cell))
            if number == len(CELLS) or CELLS[number].surface is not cell.surface:
                sys.stderr.write(f"{number} of {len(CELLS)}: {cell.surface.does}\n")
    write_table(found)


if __name__ == "__main__":
    main()

"""Loads into a warehouse, where its extra is installed. One takes about a second, so the short form has few of them."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from typing import Any

from airflow_provider_pipedrive.transfers import PipedriveToWarehouseOperator
from tests.storm.tries import Surface, Try

IS_INSTALLED = all(find_spec(name) for name in ("duckdb", "dlt"))


def _load(attempt: Try) -> Any:
    """How often each person is in the warehouse."""
    import duckdb

    file = attempt.folder / "crm.duckdb"
    task = PipedriveToWarehouseOperator(
        task_id="load", entities=["persons"], destination=f"duckdb:///{file}", staging=str(attempt.folder / "staging")
    )
    task.execute(attempt.context)
    with duckdb.connect(str(file), read_only=True) as database:
        return Counter(database.execute("SELECT id FROM pipedrive.persons").fetchall())


WAREHOUSE_SURFACES = [
    Surface(
        "`PipedriveToWarehouseOperator`", _load, in_short_form=frozenset({"503", "truncate", "null-data", "expired"})
    )
] * IS_INSTALLED

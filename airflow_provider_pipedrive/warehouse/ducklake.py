"""DuckLake as dlt's destination loads into it, but with its extension loaded once a load.

dlt 1.31 connects some thirteen times a load, each time to a DuckDB in memory of its own, which reads and checks the
50 MB of the extension: half of what loading 50,000 deals took. A DuckDB in memory that has a name is one for all
connections, and keeps the extension as long as one of them is open.
https://duckdb.org/docs/stable/clients/python/dbapi#in-memory-connection
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from airflow_provider_pipedrive.warehouse.destination import SMALL_DUCKDB
from airflow_provider_pipedrive.warehouse.pipelines import adapt_clients

DUCKLAKE: Final = "ducklake"


def new_duckdb() -> str:
    """The name of a DuckDB in memory, of one store alone: who closes a connection detaches the lake from all of it."""
    return f":memory:pipedrive_{uuid4().hex}"


@contextmanager
def kept(name: str) -> Iterator[None]:
    """A DuckDB in memory that stays when nobody else is connected to it."""
    import duckdb

    with duckdb.connect(name):
        yield


def connect_to(name: str, pipeline: Any) -> None:
    """Let the clients of a pipeline's destination, a DuckLake, connect to a DuckDB."""

    def adapt(client: Any) -> None:
        credentials = client.config.credentials
        credentials._conn_str = lambda: name
        credentials.global_config = {**SMALL_DUCKDB, **(credentials.global_config or {})}

    adapt_clients(pipeline, adapt)

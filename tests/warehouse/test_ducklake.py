"""DuckLake, as far as there is something to see without its extension, which the tests' DuckDB has not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.warehouse import Destination, Warehouse
from airflow_provider_pipedrive.warehouse.ducklake import kept, new_duckdb

duckdb = pytest.importorskip("duckdb", reason="the extra warehouse is not installed")
pytest.importorskip("dlt", reason="the extra warehouse is not installed")


def lake(folder: Path) -> Warehouse:
    catalog, storage = f"duckdb:///{folder / 'catalog.duckdb'}", {"bucket_url": str(folder / "files")}
    return Warehouse(Destination("ducklake", {"catalog": catalog, "storage": storage}), "crm")


@contextmanager
def connection_of(warehouse: Warehouse, entity: str) -> Iterator[Any]:
    """A connection as dlt's client of a pipeline gets it."""
    with warehouse._pipeline(entity) as pipeline:
        pool = pipeline.destination_client().config.credentials.conn_pool
        connection = pool.borrow_conn()
        yield connection
        pool.return_conn(connection)


def tables(connection: Any) -> list[str]:
    return [name for (name,) in connection.execute("SHOW TABLES").fetchall()]


def test_all_clients_of_a_store_connect_to_one_duckdb_and_those_of_another_store_do_not(tmp_path: Path) -> None:
    store = lake(tmp_path)
    with connection_of(store, "deals") as first:
        first.execute("CREATE TABLE seen (number INTEGER)")
        with connection_of(store, "persons") as second, connection_of(lake(tmp_path), "deals") as other:
            assert (tables(second), tables(other)) == (["seen"], [])


def test_a_lake_is_loaded_by_one_thread_as_a_file_is(tmp_path: Path) -> None:
    with connection_of(lake(tmp_path), "deals") as connection:
        assert connection.execute("SELECT current_setting('threads')").fetchall() == [(1,)]


def test_a_duckdb_stays_when_nobody_is_connected_to_it_and_is_gone_when_it_is_not_kept() -> None:
    name = new_duckdb()
    with kept(name):
        with duckdb.connect(name) as first:
            first.execute("CREATE TABLE seen (number INTEGER)")
        with duckdb.connect(name) as second:
            assert tables(second) == ["seen"]
    with duckdb.connect(name) as later:
        assert tables(later) == []

"""What keeps two loads of an entity apart."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pipedrive.warehouse.statements import only_load


def lake(drivername: str, database: str) -> Any:
    """A pipeline that has not been connected: the lock of a lake asks for its catalog alone."""
    catalog = SimpleNamespace(drivername=drivername, database=database)
    client = SimpleNamespace(credentials=SimpleNamespace(catalog=catalog))
    destination = SimpleNamespace(destination_type="dlt.destinations.ducklake")
    return SimpleNamespace(destination=destination, sql_client=lambda: client)


def is_held(folder: Path) -> bool:
    place = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(place)
    return False


@pytest.mark.parametrize("drivername", ["duckdb", "sqlite"])
def test_a_lake_whose_catalog_is_a_file_is_held_by_one_load_at_a_time(drivername: str, tmp_path: Path) -> None:
    with only_load(lake(drivername, str(tmp_path / "catalog")), "deals"):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lake_whose_catalog_is_a_database_needs_no_folder(tmp_path: Path) -> None:
    with only_load(lake("postgres", "catalog"), "deals"):
        assert not is_held(tmp_path)

"""What Iceberg tables need, and how they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.warehouse import Destination, IcebergLake
from tests.warehouse.test_lake import lake_in
from tests.warehouse.test_merging import COLUMNS, MONDAY, TUESDAY, deal


def test_without_a_catalog_they_are_refused() -> None:
    with pytest.raises(PipedriveParameterError, match=r"need a catalog: .*sqlite:////data/catalog.db"):
        IcebergLake(Destination("filesystem", {"bucket_url": "file:///data/lake"}), "crm")


def test_they_are_refused_where_their_catalog_cannot_be_used(mocker: MockerFixture) -> None:
    credentials = {"bucket_url": "file:///data/lake", "catalog": "sqlite:////data/catalog.db"}
    mocker.patch("sqlalchemy.__version__", "1.4.54")
    with pytest.raises(PipedriveParameterError, match="needs SQLAlchemy 2, which Airflow 2.11 does not have"):
        IcebergLake(Destination("filesystem", credentials), "crm").check()


def test_a_load_of_many_rows_is_one_commit_to_those_who_read_meanwhile(tmp_path: Path) -> None:
    lake = lake_in(tmp_path, "iceberg")
    lake.load([deal(number, "first", MONDAY) for number in range(1_500)])
    lake.load([deal(number, "edited", TUESDAY) for number in range(1_500)], deleted=[{"id": 7, "deleted_at": TUESDAY}])
    assert len(list((tmp_path / "lake" / "crm" / "deals" / "metadata").glob("*.metadata.json"))) == 3
    assert set(lake.table().column("title").to_pylist()) == {"edited"}
    assert lake.table().num_rows == 1_499


def test_of_a_key_of_two_columns_a_row_with_one_in_common_stays(tmp_path: Path) -> None:
    lake = lake_in(tmp_path, "iceberg")
    keys, fewer = ["id", "title"], COLUMNS[:3]
    lake.load([deal(1, "entered", MONDAY, [3]), deal(1, "left", MONDAY, [4]), deal(2, "entered", MONDAY)], key=keys)
    lake.load([deal(1, "left", TUESDAY)], key=keys, columns=fewer)
    found = sorted(zip(*(lake.table()[name].to_pylist() for name in ("id", "title", "label_ids")), strict=True))
    assert found == [(1, "entered", "[3]"), (1, "left", None), (2, "entered", None)]

"""How much memory DuckDB is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.warehouse.memory import limits_mb, memory_mb
from airflow_provider_pipedrive.warehouse.parts import Prepared, Table
from tests.warehouse.test_merging import MONDAY, TUESDAY, Place, deal
from tests.warehouse.test_merging import place as place


def prepared(columns: int, rows: int, widest: int) -> Prepared:
    table = Table("deals", {f"c{number}": "text" for number in range(columns)}, (), Path("x"), rows, widest)
    return Prepared(main=table, children={}, deleted=None, superseded=0, notes=(), names={})


@pytest.mark.parametrize(
    ("columns", "rows", "widest", "megabytes"),
    [(20, 100, 200, 64), (60, 50_000, 1_000, 71), (150, 20_000, 2_000, 169), (10, 9, 5_000_000, 235)],
)
def test_the_first_limit_follows_columns_and_the_length_of_rows(
    columns: int, rows: int, widest: int, megabytes: int
) -> None:
    assert memory_mb(prepared(columns, rows, widest)) == megabytes


def test_each_further_limit_is_twice_the_one_before_as_far_as_the_machine_goes() -> None:
    assert limits_mb(100, most=900) == [100, 200, 400, 800]
    assert limits_mb(100, most=50) == [100]
    assert limits_mb(64)[:2] == [64, 128]


@pytest.mark.long
def test_where_the_memory_was_too_little_the_load_is_repeated_with_more(
    place: Place, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    if not place.destination.file:
        pytest.skip("Postgres has no such limit")
    place.load([deal(number, "first", MONDAY) for number in range(1, 10)])
    for known in ("likely_mb", "memory_mb"):
        mocker.patch(f"airflow_provider_pipedrive.warehouse.warehouse.{known}", return_value=20)
    place.load([deal(number, "x" * 5_000_000, TUESDAY) for number in range(1, 10)])
    assert place.rows("id, length(title)") == [(number, 5_000_000) for number in range(1, 10)]
    assert "20 MB are not enough for DuckDB" in caplog.text

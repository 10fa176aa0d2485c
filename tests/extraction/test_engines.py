"""Engines that read the published Parquet files as one dataset, by a glob and by a folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract

COLUMNS = ["id", "title", "value", "owner_id", "is_archived", "add_time", "expected_close_date", "label_ids", "acv"]


def with_duckdb(folder: Path) -> list[tuple[Any, ...]]:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found: list[tuple[Any, ...]] = connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM read_parquet('{folder}/*.parquet')"
        ).fetchall()
    return found


def with_polars(folder: Path) -> list[tuple[Any, ...]]:
    polars = pytest.importorskip("polars")
    found: list[tuple[Any, ...]] = polars.read_parquet(folder / "*.parquet", columns=COLUMNS).rows()
    return found


def with_pyarrow(folder: Path) -> list[tuple[Any, ...]]:
    dataset = pytest.importorskip("pyarrow.dataset")
    files = sorted(map(str, folder.glob("*.parquet")))
    rows = dataset.dataset(files, format="parquet").to_table(columns=COLUMNS).to_pylist()
    return [tuple(row[name] for name in COLUMNS) for row in rows]


def with_pandas(folder: Path) -> list[tuple[Any, ...]]:
    pandas = pytest.importorskip("pandas")
    arrow = pytest.importorskip("pyarrow")
    frame = pandas.read_parquet(folder, columns=COLUMNS, dtype_backend="pyarrow")  # without files that begin with _
    return [tuple(row[name] for name in COLUMNS) for row in arrow.Table.from_pandas(frame).to_pylist()]


def as_sent(record: dict[str, Any]) -> tuple[Any, ...]:
    """A record's values in the types that the columns have."""
    moment = datetime.fromisoformat(record["add_time"]).astimezone(UTC)
    day = record["expected_close_date"]
    typed = {
        **record,
        "value": None if record["value"] is None else float(record["value"]),
        "add_time": moment,
        "expected_close_date": None if day is None else date.fromisoformat(day),
    }
    return tuple(typed[name] for name in COLUMNS)


@pytest.mark.parametrize("engine", [with_duckdb, with_polars, with_pyarrow, with_pandas])
def test_an_engine_reads_what_pipedrive_sent_row_by_row(
    client: PipedriveClient, tmp_path: Path, engine: Callable[[Path], list[tuple[Any, ...]]]
) -> None:
    extract(client, tmp_path, ExtractionJob(["deals"], format="parquet", part_mb=0))
    assert len([*(tmp_path / "deals").glob("*.parquet")]) > 1
    sent = {record["id"]: as_sent(record) for record in client.iterate("getDeals", {"limit": 500})}
    found = engine(tmp_path / "deals")
    assert len(found) == len(sent)
    for row in found:
        at = COLUMNS.index("add_time")
        assert (*row[:at], row[at].astimezone(UTC), *row[at + 1 :]) == sent[row[0]]


def test_all_parts_have_the_same_schema_and_columns_without_a_value_are_typed(
    client: PipedriveClient, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    extract(client, tmp_path, ExtractionJob(["deals"], format="parquet", part_mb=0))
    schemas = [parquet.read_schema(path) for path in (tmp_path / "deals").glob("*.parquet")]
    assert len(schemas) > 1
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
    assert str(schemas[0].field("acv").type) == "double"
    assert str(schemas[0].field("label_ids").type) == "list<element: int64>"

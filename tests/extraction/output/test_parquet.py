"""Parts as Parquet: types, row groups, order and statistics."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from airflow_provider_pipedrive.extraction.output.formats import open_part, read_rows
from tests.support.parts import FileColumn, written


def test_parquet_has_the_declared_types_and_is_compressed_with_zstd(tmp_path: Path) -> None:
    columns = [
        FileColumn(kind, kind) for kind in ("string", "integer", "number", "boolean", "timestamp", "date", "json")
    ]
    columns += [FileColumn("time", "time"), FileColumn("list", "list", "integer")]
    written(tmp_path / "part", "parquet", columns, [{column.name: None for column in columns}])
    with pq.ParquetFile(tmp_path / "part") as file:
        assert {field.name: str(field.type) for field in file.schema_arrow} == {
            "string": "string",
            "integer": "int64",
            "number": "double",
            "boolean": "bool",
            "timestamp": "timestamp[us, tz=UTC]",
            "date": "date32[day]",
            "json": "string",
            "time": "string",
            "list": "list<element: int64>",
        }
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize(
    ("rows", "size", "groups"),
    [(12_500, 1, [5_000, 5_000, 2_500]), (1_000, 20_000, [500, 500])],
)
def test_row_groups_are_bounded_in_rows_and_in_bytes(tmp_path: Path, rows: int, size: int, groups: list[int]) -> None:
    writer = open_part(tmp_path / "part", "parquet", [FileColumn("note")])
    for _ in range(rows // 500):
        writer.write([{"note": "x" * size}] * 500)
    writer.close()
    with pq.ParquetFile(tmp_path / "part") as file:
        assert [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)] == groups


def test_a_columns_field_says_what_it_is_called_in_pipedrive_and_which_options_it_has(tmp_path: Path) -> None:
    columns = [
        FileColumn("size", description="Größe", labels={"11": "Klein", "12": "Groß"}),
        FileColumn("deal_value", "number", description="Deal value"),
        FileColumn("other", "json"),
    ]
    written(tmp_path / "part", "parquet", columns, [{"size": "Klein", "deal_value": 5, "other": None}])
    assert {field.name: field.metadata for field in pq.read_schema(tmp_path / "part")} == {
        "size": {b"description": "Größe".encode(), b"options": '{"11":"Klein","12":"Groß"}'.encode()},
        "deal_value": {b"description": b"Deal value"},
        "other": None,
    }


def test_rows_that_nothing_sorts_are_written_in_order(tmp_path: Path) -> None:
    writer = open_part(tmp_path / "part", "parquet", [FileColumn("id", "integer"), FileColumn("note")])
    for start in range(0, 21_000, 700):
        writer.write_columns({"id": [*range(start, start + 700)], "note": ["x" * 50] * 700}, 700)
    assert writer.close().rows == 21_000
    assert [row["id"] for row in read_rows(tmp_path / "part", "parquet")] == [*range(21_000)]


DEALS = [FileColumn("id", "integer"), FileColumn("pipeline_id", "integer"), FileColumn("update_time", "timestamp")]


def deals(count: int) -> list[dict[str, Any]]:
    """Of three pipelines in turns; 20,000 were last updated in January, the others in February."""
    return [
        {"id": at, "pipeline_id": at % 3 + 1, "update_time": f"2026-{at // 20_000 + 1:02}-01T{at // 60 % 24:02}:00:00Z"}
        for at in range(count)
    ]


FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)


def test_a_filter_on_pipeline_or_last_update_skips_half_of_the_row_groups(tmp_path: Path) -> None:
    dataset = pytest.importorskip("pyarrow.dataset")
    rows = deals(40_000)
    written(tmp_path / "part", "parquet", DEALS, *(rows[at : at + 500] for at in range(0, len(rows), 500)))
    (fragment,) = dataset.dataset(tmp_path / "part", format="parquet").get_fragments()
    assert len(fragment.split_by_row_group()) == 8
    assert len(fragment.split_by_row_group(pc.field("pipeline_id") == 2)) == 4
    assert len(fragment.split_by_row_group(pc.field("update_time") >= FEBRUARY)) == 4


def test_rows_keep_their_values_where_a_column_has_none_in_some_of_them(tmp_path: Path) -> None:
    columns = [*DEALS, FileColumn("note"), FileColumn("tags", "list", "string"), FileColumn("nothing", "number")]
    rows = [{**row, "note": None, "tags": None, "nothing": None} for row in deals(30_000)[::-1]]
    for row in rows[21_000:]:
        row |= {"note": f"of {row['id']}", "tags": [str(row["id"])]}
    written(tmp_path / "part", "parquet", columns, *(rows[at : at + 500] for at in range(0, len(rows), 500)))
    found = [(row["id"], row["note"], row["tags"], row["nothing"]) for row in read_rows(tmp_path / "part", "parquet")]
    assert sorted(found) == [(row["id"], row["note"], row["tags"], None) for row in rows[::-1]]


def test_the_footer_names_the_order_of_the_rows_and_they_are_in_it(tmp_path: Path) -> None:
    rows = [*deals(12_000)[::-1], {"id": -1, "pipeline_id": None, "update_time": None}]
    written(tmp_path / "part", "parquet", DEALS, rows)
    with pq.ParquetFile(tmp_path / "part") as file:
        for at in range(file.num_row_groups):
            named = file.metadata.row_group(at).sorting_columns
            assert [(each.column_index, each.descending, each.nulls_first) for each in named] == [
                (1, False, False),
                (2, False, False),
            ]
    found = [(row["pipeline_id"], row["update_time"]) for row in read_rows(tmp_path / "part", "parquet")]
    assert found[-1] == (None, None)
    assert found[:-1] == sorted(found[:-1])


def test_rows_that_have_neither_pipeline_nor_last_update_claim_no_order(tmp_path: Path) -> None:
    written(tmp_path / "part", "parquet", [FileColumn("id", "integer")], [{"id": 2}, {"id": 1}])
    assert [row["id"] for row in read_rows(tmp_path / "part", "parquet")] == [2, 1]
    assert pq.read_metadata(tmp_path / "part").row_group(0).sorting_columns == ()

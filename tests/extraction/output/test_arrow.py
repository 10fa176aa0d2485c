"""Values as typed columns, and how such rows wait to be published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.extraction.output.arrow import schema_of
from airflow_provider_pipedrive.extraction.output.formats import read_rows
from tests.support.parts import FileColumn, written


def in_parquet(path: Path, kind: str, values: Sequence[Any], items: str | None = None) -> tuple[list[Any], int]:
    """The values of one column as they are read back, and how many did not fit."""
    part = written(path / "x.parquet", "parquet", [FileColumn("x", kind, items)], [{"x": value} for value in values])
    return [row["x"] for row in read_rows(path / "x.parquet", "parquet")], part.nulled_values.get("x", 0)


@pytest.mark.parametrize(
    ("kind", "items", "values", "read"),
    [
        ("string", None, ["a", None, ""], ["a", None, ""]),
        ("string", None, ["a", 5, True, {"x": [1]}], ["a", "5", "true", '{"x":[1]}']),
        ("integer", None, [1, None, -(2**63)], [1, None, -(2**63)]),
        ("integer", None, [5.0, "6", " 7 ", ""], [5, 6, 7, None]),
        ("number", None, [1, 2.5, None], [1.0, 2.5, None]),
        ("number", None, ["2.50", 2**60 + 1, ""], [2.5, float(2**60), None]),
        ("boolean", None, [True, False, None], [True, False, None]),
        ("boolean", None, [1, 0, "1", "False", ""], [True, False, True, False, None]),
        ("time", None, ["08:30", "100:15", None], ["08:30", "100:15", None]),
        ("json", None, [{"a": 1}, ["b"], "c", "", None, 1], ['{"a":1}', '["b"]', '"c"', '""', None, "1"]),
        ("list", "integer", [[1, 2], [], None, [None]], [[1, 2], [], None, [None]]),
        ("list", "string", [["a", 5], ("b",), ""], [["a", "5"], ["b"], None]),
        ("list", "json", [[{"v": "a@b.example"}]], [['{"v":"a@b.example"}']]),
        ("list", "date", [["2026-01-31"]], [[date(2026, 1, 31)]]),
        ("list", None, [["a"]], [["a"]]),
        ("date", None, ["2026-01-31", None], [date(2026, 1, 31), None]),
        ("date", None, ["2026-01-31 00:00:00", ""], [date(2026, 1, 31), None]),
    ],
)
def test_parquet_holds_what_fits_a_columns_type(
    tmp_path: Path, kind: str, items: str | None, values: list[Any], read: list[Any]
) -> None:
    assert in_parquet(tmp_path, kind, values, items) == (read, 0)


@pytest.mark.parametrize(
    "written_as",
    [
        "2026-01-31T12:00:00.500000Z",
        "2026-01-31T12:00:00.5Z",
        "2026-01-31 12:00:00.5",
        "2026-01-31T12:00:00.5",
        "2026-01-31T14:00:00.5+02:00",
        "2026-01-31T14:00:00.5+0200",
        "2026-01-31 06:30:00.5-05:30",
        "2026-01-31T12:00:00.500000999Z",
    ],
)
@pytest.mark.parametrize("beside", ["2026-01-31T12:00:00Z", "2026-01-31 12:00:00", None, "", "nonsense"])
def test_a_timestamp_is_read_in_every_spelling_whatever_stands_beside_it(
    tmp_path: Path, written_as: str, beside: str | None
) -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    read, nulled_values = in_parquet(tmp_path, "timestamp", [written_as, beside])
    assert read == [noon.replace(microsecond=500_000), noon if beside and beside[0] == "2" else None]
    assert nulled_values == (beside == "nonsense")


def test_a_date_alone_is_its_first_moment_in_utc(tmp_path: Path) -> None:
    read, nulled_values = in_parquet(tmp_path, "timestamp", ["2026-01-31", "2026-01-31T12:00:00Z"])
    assert (read[0], nulled_values) == (datetime(2026, 1, 31, tzinfo=UTC), 0)


@pytest.mark.parametrize(
    ("kind", "items", "value", "read"),
    [
        ("integer", None, 1.5, None),
        ("integer", None, "1.5", None),
        ("integer", None, True, None),
        ("integer", None, 2**63, None),
        ("integer", None, [1], None),
        ("number", None, "much", None),
        ("number", None, False, None),
        ("number", None, "inf", None),
        ("number", None, 10**400, None),
        ("boolean", None, "maybe", None),
        ("boolean", None, 2, None),
        ("timestamp", None, "0000-00-00 00:00:00", None),
        ("timestamp", None, 1_769_860_800, None),
        ("date", None, "31.01.2026", None),
        ("date", None, "2026-01-31 12:00:00", None),
        ("date", None, 20260131, None),
        ("list", "integer", 5, None),
        ("list", "integer", "12", None),
        ("list", "string", {"a": 1}, None),
        ("list", "integer", [1, "two", 3], [1, None, 3]),
    ],
)
def test_what_does_not_fit_becomes_null_is_counted_and_harms_no_neighbour(
    tmp_path: Path, kind: str, items: str | None, value: Any, read: Any
) -> None:
    good = {"integer": 7, "number": 7.5, "boolean": True, "list": [7] if items == "integer" else ["7"]}
    good |= {"date": "2026-02-01", "timestamp": "2026-02-01T00:00:00Z"}
    expected = {"date": date(2026, 2, 1), "timestamp": datetime(2026, 2, 1, tzinfo=UTC)}
    values, nulled_values = in_parquet(tmp_path, kind, [good[kind], value, good[kind]], items)
    assert values == [expected.get(kind, good[kind]), read, expected.get(kind, good[kind])]
    assert nulled_values == 1


def test_a_moment_before_the_first_year_does_not_fit(tmp_path: Path) -> None:
    assert in_parquet(tmp_path, "timestamp", ["0001-01-01T00:00:00+14:00", 0]) == ([None, None], 2)


def test_unfit_values_are_counted_by_column_over_the_whole_part(tmp_path: Path) -> None:
    columns = [FileColumn("a", "integer"), FileColumn("b", "date"), FileColumn("c", "list", "integer"), FileColumn("d")]
    row = {"a": "x", "b": "y", "c": ["z", "z"], "d": "fits"}
    assert written(tmp_path / "part", "parquet", columns, [row] * 600).nulled_values == {"a": 600, "b": 600, "c": 1_200}


def test_rows_wait_with_their_columns_and_are_read_in_their_order(tmp_path: Path) -> None:
    columns = [FileColumn("id", "integer", description="ID"), FileColumn("day", "date")]
    part = written(
        tmp_path / "part.arrows", "arrows", columns, [{"id": 2, "day": "2026-01-31"}], [{"id": 1, "day": ""}]
    )
    assert list(read_rows(tmp_path / "part.arrows", "arrows")) == [
        {"id": 2, "day": date(2026, 1, 31)},
        {"id": 1, "day": None},
    ]
    found = schema_of(tmp_path / "part.arrows")
    assert (found.names, found.field("id").metadata, part.rows) == (["id", "day"], {b"description": b"ID"}, 2)

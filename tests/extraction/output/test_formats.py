"""The files that records land in, written and read back."""

from __future__ import annotations

import errno
import gzip
import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.output.formats import (
    FORMATS,
    Part,
    check_format,
    open_part,
    read_rows,
    without_rows,
)


@dataclass(frozen=True)
class Column:
    name: str
    type: str = "string"
    items: str | None = None


ID_AND_TITLE = [Column("id", "integer"), Column("title")]


def written(path: Path, fmt: str, columns: Sequence[Column] | None, *batches: Sequence[Mapping[str, Any]]) -> Part:
    writer = open_part(path, fmt, columns)
    for batch in batches:
        writer.write(batch)
    return writer.close()


def in_parquet(path: Path, kind: str, values: Sequence[Any], items: str | None = None) -> tuple[list[Any], int]:
    """The values of one column as they are read back, and how many did not fit."""
    part = written(path / "x.parquet", "parquet", [Column("x", kind, items)], [{"x": value} for value in values])
    return [row["x"] for row in read_rows(path / "x.parquet", "parquet")], part.nulled_values.get("x", 0)


# ---- every format


@pytest.mark.parametrize("fmt", FORMATS)
def test_what_is_written_is_read_again_and_the_part_tells_its_rows_size_and_hash(tmp_path: Path, fmt: str) -> None:
    path = tmp_path / f"part-00000.{fmt}"
    part = written(path, fmt, ID_AND_TITLE, [{"id": 1, "title": "Größe"}], [{"id": 2, "title": None}])
    numbers = ["1", "2"] if fmt == "csv" else [1, 2]
    assert list(read_rows(path, fmt)) == [
        {"id": numbers[0], "title": "Größe"},
        {"id": numbers[1], "title": None},
    ]
    content = path.read_bytes()
    assert part == Part(rows=2, bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), nulled_values={})


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_part_without_rows_can_be_read(tmp_path: Path, fmt: str) -> None:
    path = tmp_path / "empty"
    assert written(path, fmt, ID_AND_TITLE).rows == 0
    assert list(read_rows(path, fmt)) == []


@pytest.mark.parametrize("fmt", FORMATS)
def test_the_same_rows_give_the_same_bytes_however_they_come_in(tmp_path: Path, fmt: str) -> None:
    rows = [{"id": number, "title": f"Deal {number}"} for number in range(1_201)]
    at_once = written(tmp_path / "one", fmt, ID_AND_TITLE, rows)
    in_pages = written(tmp_path / "two", fmt, ID_AND_TITLE, rows[:7], rows[7:700], rows[700:])
    if fmt != "jsonl.gz":  # what the compressor was given together is seen in the file
        assert at_once == in_pages
    assert at_once == written(tmp_path / "three", fmt, ID_AND_TITLE, rows)


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_part_is_written_anew_without_some_of_its_rows(tmp_path: Path, fmt: str) -> None:
    columns = [*ID_AND_TITLE, Column("labels", "list", "integer")]
    rows = [{"id": number, "title": f'"{number}",\n', "labels": [number]} for number in range(1_100)]
    kept = [rows[number] for number in range(1_100) if number not in (0, 501, 1_099)]
    written(tmp_path / "old", fmt, columns, rows)
    part = without_rows(tmp_path / "old", tmp_path / "new", fmt, columns, {0, 501, 1_099})
    written(tmp_path / "expected", fmt, columns, kept)
    assert part.rows == 1_097
    assert list(read_rows(tmp_path / "new", fmt)) == list(read_rows(tmp_path / "expected", fmt))
    assert part.sha256 == hashlib.sha256((tmp_path / "new").read_bytes()).hexdigest()


@pytest.mark.parametrize("fmt", FORMATS)
def test_an_aborted_part_leaves_nothing_and_can_be_aborted_again(tmp_path: Path, fmt: str) -> None:
    writer = open_part(tmp_path / "part", fmt, ID_AND_TITLE)
    writer.write([{"id": 1, "title": "a"}])
    writer.abort()
    writer.abort()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="closed"):
        writer.write([{"id": 2, "title": "b"}])


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_finished_part_is_not_removed_by_an_abort_that_comes_late(tmp_path: Path, fmt: str) -> None:
    writer = open_part(tmp_path / "part", fmt, ID_AND_TITLE)
    writer.close()
    writer.abort()
    assert list(read_rows(tmp_path / "part", fmt)) == []


class SmallDisk:
    """A path on a disk with room for a few bytes."""

    def __init__(self, path: Path, room: int) -> None:
        self.path = path
        self.room = room

    def open(self, mode: str) -> SmallDisk:
        self.file = self.path.open(mode)
        return self

    def write(self, data: bytes) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)

    def close(self) -> None:
        self.file.close()

    def unlink(self) -> None:
        self.path.unlink()


@pytest.mark.parametrize("room", [2, 300])
@pytest.mark.parametrize("fmt", FORMATS)
def test_a_full_disk_is_told_as_it_is_and_the_file_is_gone(tmp_path: Path, fmt: str, room: int) -> None:
    rows = [{"id": number, "title": hashlib.sha256(bytes([number])).hexdigest()} for number in range(100)]
    with pytest.raises(OSError, match="No space left") as raised:
        written(SmallDisk(tmp_path / "part", room), fmt, ID_AND_TITLE, rows)  # type: ignore[arg-type]
    assert raised.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="title"):
        written(tmp_path / "part", "csv", ID_AND_TITLE, [{"id": 1}])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "said"), [("json", r"did you mean 'jsonl'\?"), (".PARQUET", "'parquet'"), (None, "jsonl, jsonl.gz, csv")]
)
def test_an_unknown_format_is_told_with_the_nearest_one(wrong: Any, said: str) -> None:
    with pytest.raises(PipedriveParameterError, match=said):
        check_format(wrong)


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(PipedriveParameterError, match=r"airflow-provider-pipedrive\[parquet\]"):
        check_format("parquet")
    assert check_format("csv") == "csv"


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_a_table_needs_its_columns(tmp_path: Path, fmt: str) -> None:
    with pytest.raises(PipedriveParameterError, match=f"{fmt} needs the columns"):
        open_part(tmp_path / "part", fmt, None)
    assert list(tmp_path.iterdir()) == []


# ---- JSON lines


def test_raw_records_become_lines_as_they_came(tmp_path: Path) -> None:
    writer = open_part(tmp_path / "part", "jsonl", None)
    writer.write_raw([b'{"id": 1, "value": 1.10}', msgspec.Raw(b'{"id":2}')])
    writer.write_raw([])
    assert writer.close().rows == 2
    assert (tmp_path / "part").read_bytes() == b'{"id": 1, "value": 1.10}\n{"id":2}\n'


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_raw_record_over_several_lines_becomes_one_line_with_its_numbers_untouched(
    tmp_path: Path, end: bytes
) -> None:
    writer = open_part(tmp_path / "part", "jsonl", None)
    writer.write_raw([b'{"id":1}', b'{"id": 2,' + end + b' "value": 1.10, "of": 123456789012345678901234567890}'])
    writer.close()
    lines = (tmp_path / "part").read_bytes()
    assert lines == b'{"id":1}\n{"id":2,"value":1.10,"of":123456789012345678901234567890}\n'


def test_gzipped_lines_are_the_lines_and_carry_no_time(tmp_path: Path) -> None:
    writer = open_part(tmp_path / "part", "jsonl.gz", None)
    writer.write_raw([b'{"id":1}'])
    writer.write([{"id": 2}])
    writer.close()
    content = (tmp_path / "part").read_bytes()
    assert gzip.decompress(content) == b'{"id":1}\n{"id":2}\n'
    assert content[4:8] == bytes(4)


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_a_table_takes_no_raw_records(tmp_path: Path, fmt: str) -> None:
    writer = open_part(tmp_path / "part", fmt, ID_AND_TITLE)
    with pytest.raises(ValueError, match="JSON lines"):
        writer.write_raw([b"{}"])


# ---- CSV


def test_csv_says_every_kind_of_value_plainly(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "text": 'say "hi",\r\nthen go',
        "nothing": None,
        "yes": True,
        "no": False,
        "large": 1e22,
        "small": 1.5e-07,
        "whole": 12345678901234567890,
        "list": ["a", 1],
        "object": {"amount": 5, "currency": "EUR"},
        "umlaut": "Müller 株式会社",
    }
    written(tmp_path / "part", "csv", [Column(name) for name in values], [values])
    assert (tmp_path / "part").read_bytes().decode() == (
        "text,nothing,yes,no,large,small,whole,list,object,umlaut\r\n"
        '"say ""hi"",\r\nthen go",,true,false,10000000000000000000000,0.00000015,12345678901234567890,'
        '"[""a"",1]","{""amount"":5,""currency"":""EUR""}",Müller 株式会社\r\n'
    )


def test_csv_keeps_formulas_as_they_are_unless_told_otherwise(tmp_path: Path) -> None:
    written(tmp_path / "part", "csv", [Column("=name")], [{"=name": "=1+1"}])
    assert (tmp_path / "part").read_text() == "=name\n=1+1\n"


def test_csv_puts_an_apostrophe_before_texts_that_a_spreadsheet_would_compute(tmp_path: Path) -> None:
    texts = ["=1+1", "+49 30 1234", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "1=1", "'=1", " =1", "", "a-b"]
    others = [-1, -1.5, True, None, ["=1"], {"a": "=1"}]
    columns = [Column("id"), Column("=x")]
    writer = open_part(tmp_path / "part", "csv", columns, escape_formulas=True)
    writer.write([{"id": 1, "=x": value} for value in texts])
    writer.write([{"id": 2, "=x": value} for value in others])
    writer.close()
    without_rows(tmp_path / "part", tmp_path / "copy", "csv", columns, {0})
    rows = list(read_rows(tmp_path / "part", "csv"))
    assert [row["'=x"] for row in rows] == [
        *("'=1+1", "'+49 30 1234", "'-1", "'@SUM(1)", "'\t=1", "'\r=1", "'\n=1", "'\uff1d1"),
        *("1=1", "'=1", " =1", None, "a-b"),
        *("-1", "-1.5", "true", None, '["=1"]', '{"a":"=1"}'),
    ]
    assert len(list(read_rows(tmp_path / "copy", "csv"))) == len(rows) - 1
    assert "''" not in (tmp_path / "copy").read_text().splitlines()[0]


# ---- Parquet


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
    columns = [Column("a", "integer"), Column("b", "date"), Column("c", "list", "integer"), Column("d")]
    row = {"a": "x", "b": "y", "c": ["z", "z"], "d": "fits"}
    assert written(tmp_path / "part", "parquet", columns, [row] * 600).nulled_values == {"a": 600, "b": 600, "c": 1_200}


def test_parquet_has_the_declared_types_and_is_compressed_with_zstd(tmp_path: Path) -> None:
    columns = [Column(kind, kind) for kind in ("string", "integer", "number", "boolean", "timestamp", "date", "json")]
    columns += [Column("time", "time"), Column("list", "list", "integer")]
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
    [(25_000, 1, [10_000, 10_000, 5_000]), (2_000, 20_000, [1_000, 1_000])],
)
def test_row_groups_are_bounded_in_rows_and_in_bytes(tmp_path: Path, rows: int, size: int, groups: list[int]) -> None:
    writer = open_part(tmp_path / "part", "parquet", [Column("note")])
    for _ in range(rows // 500):
        writer.write([{"note": "x" * size}] * 500)
    writer.close()
    with pq.ParquetFile(tmp_path / "part") as file:
        assert [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)] == groups

"""The files that records land in, written and read back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import FORMATS, TYPED_ROWS
from airflow_provider_pipedrive.extraction.output.formats import open_part, read_rows, without_rows
from airflow_provider_pipedrive.extraction.output.part_writer import Part
from tests.support.parts import ID_AND_TITLE, FileColumn, written


@pytest.mark.parametrize("fmt", [*FORMATS, TYPED_ROWS])
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


@pytest.mark.parametrize("fmt", [*FORMATS, TYPED_ROWS])
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


@pytest.mark.parametrize("fmt", [*FORMATS, TYPED_ROWS])
def test_a_part_is_written_anew_without_some_of_its_rows(tmp_path: Path, fmt: str) -> None:
    columns = [*ID_AND_TITLE, FileColumn("labels", "list", "integer")]
    rows = [{"id": number, "title": f'"{number}",\n', "labels": [number]} for number in range(1_100)]
    kept = [rows[number] for number in range(1_100) if number not in (0, 501, 1_099)]
    old, new = tmp_path / f"old.{fmt}", tmp_path / f"new.{fmt}"
    written(old, fmt, columns, rows)
    part = without_rows(old, new, 1_100, {0, 501, 1_099})
    written(tmp_path / "expected", fmt, columns, kept)
    assert part.rows == 1_097
    assert list(read_rows(new, fmt)) == list(read_rows(tmp_path / "expected", fmt))
    assert part.sha256 == hashlib.sha256(new.read_bytes()).hexdigest()


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_a_table_needs_its_columns(tmp_path: Path, fmt: str) -> None:
    with pytest.raises(PipedriveParameterError, match=f"{fmt} needs the columns"):
        open_part(tmp_path / "part", fmt, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_a_table_takes_no_raw_records(tmp_path: Path, fmt: str) -> None:
    writer = open_part(tmp_path / "part", fmt, ID_AND_TITLE)
    with pytest.raises(ValueError, match="JSON lines"):
        writer.write_raw([b"{}"])


@pytest.mark.parametrize(
    ("fmt", "ids", "labels", "objects"),
    [
        ("jsonl", [7, 8], ["Größe"], [{"value": "a@b.c"}]),
        ("jsonl.gz", [7, 8], ["Größe"], [{"value": "a@b.c"}]),
        ("csv", "[7,8]", '["Größe"]', '[{"value":"a@b.c"}]'),
        ("parquet", [7, 8], ["Größe"], ['{"value":"a@b.c"}']),
        (TYPED_ROWS, [7, 8], ["Größe"], ['{"value":"a@b.c"}']),
    ],
)
def test_what_a_list_of_ids_of_labels_and_of_objects_is_in_each_format(
    tmp_path: Path, fmt: str, ids: Any, labels: Any, objects: Any
) -> None:
    columns = [FileColumn(name, "list", items) for name, items in _LISTS.items()]
    row = {"ids": [7, 8], "labels": ["Größe"], "objects": [{"value": "a@b.c"}]}
    written(tmp_path / f"part.{fmt}", fmt, columns, [row, dict.fromkeys(_LISTS)])
    first, second = read_rows(tmp_path / f"part.{fmt}", fmt)
    assert first == {"ids": ids, "labels": labels, "objects": objects}
    assert second == dict.fromkeys(_LISTS)


_LISTS = {"ids": "integer", "labels": "string", "objects": "json"}

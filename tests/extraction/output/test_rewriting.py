"""Parts that are put together when they are published."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.extraction.definition import FORMATS
from airflow_provider_pipedrive.extraction.output.formats import read_rows, staged_as
from airflow_provider_pipedrive.extraction.output.names import PartNames
from airflow_provider_pipedrive.extraction.output.part_uploads import PartUploads
from airflow_provider_pipedrive.extraction.output.rewriting import PartRewriter
from tests.support.parts import ID_AND_TITLE, FileColumn, written


def staged(
    folder: Path, fmt: str, *ids: Sequence[int], columns: Sequence[FileColumn] = ID_AND_TITLE
) -> list[dict[str, Any]]:
    """Parts with these rows, as a publication names them."""
    names, parts = PartNames("me", fmt), []
    for each in ids:
        name = names.next("part", staged_as(fmt))
        rows = [{**{column.name: f'{at},\n"' for column in columns}, "id": at} for at in each]
        part = written(folder / name, staged_as(fmt), columns, rows)
        parts.append({"name": name, "drop": [], "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256})
    return parts


def rewriter(folder: Path, fmt: str, most_bytes: int = 10**6) -> PartRewriter:
    uploads = PartUploads(folder, sys.maxsize)
    names = PartNames("me", fmt)
    return PartRewriter(folder, fmt, names, whole_bytes=most_bytes, most_bytes=most_bytes, uploads=uploads)


def put_together(
    folder: Path, fmt: str, parts: Sequence[Mapping[str, Any]], most_bytes: int = 10**6
) -> list[list[int]]:
    """The ids in each published file, which must be as its entry says."""
    found = []
    for entry in rewriter(folder, fmt, most_bytes).published(parts):
        path = folder / entry["name"]
        assert (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) == (entry["bytes"], entry["sha256"])
        rows = list(read_rows(path, fmt))
        assert len(rows) == entry["rows"]
        assert all(row["title"] == f'{row["id"]},\n"' for row in rows)
        found.append([int(row["id"]) for row in rows])
    return found


@pytest.mark.parametrize("fmt", FORMATS)
def test_parts_are_put_together_in_their_order_without_the_rows_that_do_not_count(tmp_path: Path, fmt: str) -> None:
    parts = staged(tmp_path, fmt, [5, 6], [3, 4, 9], [1])
    parts[1]["drop"] = [1]
    assert put_together(tmp_path, fmt, parts) == [[5, 6, 3, 9, 1]]


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_file_that_is_large_enough_gets_no_further_parts(tmp_path: Path, fmt: str) -> None:
    parts = staged(tmp_path, fmt, [1, 2], [3], [4])
    assert put_together(tmp_path, fmt, parts, most_bytes=0) == [[1, 2], [3], [4]]


def test_a_part_that_is_large_enough_stays_as_it_is_between_others_that_are_put_together(tmp_path: Path) -> None:
    parts = staged(tmp_path, "jsonl", [1], [2], [*range(3, 90)], [90], [91])
    entries = rewriter(tmp_path, "jsonl", 1_000).published(parts)
    assert [entry["rows"] for entry in entries] == [2, 87, 2]
    assert entries[1] == {name: parts[2][name] for name in ("name", "rows", "bytes", "sha256")}


def test_a_small_part_with_large_ones_around_it_stays_as_it_is_unless_it_has_lost_rows(tmp_path: Path) -> None:
    parts = staged(tmp_path, "jsonl", range(90), [90, 91], range(100, 190), [190, 191])
    parts[1]["drop"] = [0]
    entries = rewriter(tmp_path, "jsonl", 1_000).published(parts)
    assert [entry["rows"] for entry in entries] == [90, 1, 90, 2]
    assert [entry["name"] == part["name"] for entry, part in zip(entries, parts, strict=True)] == [
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("fmt", FORMATS)
def test_what_is_put_together_twice_is_the_same_both_times(tmp_path: Path, fmt: str) -> None:
    parts = staged(tmp_path, fmt, [1, 2], [3])
    first, second = (rewriter(tmp_path, fmt).published(parts) for _ in range(2))
    assert first[0]["name"] != second[0]["name"]
    assert [entry["sha256"] for entry in first] == [entry["sha256"] for entry in second]


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_parts_with_other_columns_are_in_a_file_of_their_own(tmp_path: Path, fmt: str) -> None:
    new = [*ID_AND_TITLE, FileColumn("size")]
    parts = staged(tmp_path, fmt, [1], [2]) + staged(tmp_path, fmt, [3], [4], columns=new)
    assert put_together(tmp_path, fmt, parts) == [[1, 2], [3, 4]]


def test_an_error_while_parts_are_put_together_leaves_no_file(tmp_path: Path) -> None:
    parts = staged(tmp_path, "jsonl", [1], [2])
    (tmp_path / parts[1]["name"]).unlink()
    with pytest.raises(FileNotFoundError):
        rewriter(tmp_path, "jsonl").published(parts)
    assert [path.name for path in tmp_path.iterdir()] == [parts[0]["name"]]

"""Parts in object storage, whose files can do less than those on a disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_pipedrive.extraction.definition import FORMATS
from airflow_provider_pipedrive.extraction.output.formats import open_part, read_rows, without_rows


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    items: str | None = None
    description: str = ""
    labels: Mapping[str, str] | None = None


COLUMNS = [Column("id", "integer"), Column("title", "string"), Column("labels", "list", "integer")]


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_part_in_object_storage_is_written_read_and_written_anew(bucket: str, fmt: str) -> None:
    folder = ObjectStoragePath(bucket)
    folder.mkdir(exist_ok=True)
    rows = [{"id": number, "title": f"Deal\n{number}", "labels": [number]} for number in range(1_200)]
    writer = open_part(folder / f"old.{fmt}", fmt, COLUMNS)
    writer.write(rows)
    part = writer.close()
    assert (folder / f"old.{fmt}").stat().st_size == part.bytes
    assert without_rows(folder / f"old.{fmt}", folder / f"new.{fmt}", 1_200, {0, 700}).rows == 1_198
    kept = [row for row in rows if row["id"] not in (0, 700)]
    if fmt == "csv":
        assert [row["title"] for row in read_rows(folder / f"new.{fmt}", fmt)] == [row["title"] for row in kept]
    else:
        assert list(read_rows(folder / f"new.{fmt}", fmt)) == kept


def test_rows_that_wait_in_object_storage_are_published_as_parquet(bucket: str) -> None:
    folder = ObjectStoragePath(bucket)
    folder.mkdir(exist_ok=True)
    rows = [{"id": number, "title": f"Deal {number}", "labels": [number]} for number in range(3)]
    writer = open_part(folder / "part.arrows", "arrows", COLUMNS)
    writer.write(rows)
    writer.close()
    without_rows(folder / "part.arrows", folder / "part.parquet", 3, {1})
    assert list(read_rows(folder / "part.parquet", "parquet")) == [rows[0], rows[2]]


@pytest.mark.parametrize("fmt", FORMATS)
def test_an_aborted_part_leaves_no_object(bucket: str, fmt: str) -> None:
    folder = ObjectStoragePath(bucket)
    folder.mkdir(exist_ok=True)
    writer = open_part(folder / "part", fmt, COLUMNS)
    writer.write([{"id": 1, "title": "a", "labels": None}])
    writer.abort()
    assert not (folder / "part").exists()

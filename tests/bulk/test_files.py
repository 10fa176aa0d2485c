"""Files of rows that are not what they seem."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_pipedrive.bulk.files import read_rows
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"mail;name\nanna@example.com;Anna\n", "its header is one column, 'mail;name'"),
        ("a.csv", b"mail,mail\na@example.com,b@example.com\n", "two columns have the name 'mail'"),
        ("a.csv", b"mail,\xff\n", "line 1 is not CSV in UTF-8"),
        ("a.jsonl", b'{"a": 1}\n[2]\n', "line 2 must be an object"),
        ("a.jsonl.gz", b'{"a": 1}\n', "is not a whole file of gzip"),
        ("a.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 9)[:20], "is not a whole file of gzip"),
        ("a.parquet", b"PAR1", "is not Parquet"),
    ],
)
def test_a_file_that_is_not_of_its_format_is_said(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(PipedriveParameterError, match=said):
        list(read_rows(tmp_path / name))


def test_two_columns_of_one_name_in_parquet_are_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["seats", "seats"]), tmp_path / "a.parquet")

    with pytest.raises(PipedriveParameterError, match="two columns have the name 'seats'"):
        list(read_rows(tmp_path / "a.parquet"))

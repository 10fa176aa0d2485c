"""Parts as JSON lines."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest

from airflow_provider_pipedrive.extraction.output.formats import open_part


def test_raw_records_become_lines_as_they_came(tmp_path: Path) -> None:
    writer = open_part(tmp_path / "part", "jsonl", None)
    writer.write_raw([b'{"id": 1, "value": 1.10}', msgspec.Raw(b'{"id":2}')])
    writer.write_raw([])
    assert writer.close().rows == 2
    assert (tmp_path / "part").read_bytes() == b'{"id": 1, "value": 1.10}\n{"id":2}\n'


def test_raw_records_stay_in_order_however_many_are_written(tmp_path: Path) -> None:
    records = [b'{"id":%d}' % number for number in range(1234)]
    writer = open_part(tmp_path / "part", "jsonl", None)
    writer.write_raw(records)
    assert writer.close().rows == 1234
    assert (tmp_path / "part").read_bytes().splitlines() == records


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


def test_columns_become_lines_as_their_rows_do(tmp_path: Path) -> None:
    writer = open_part(tmp_path / "part", "jsonl", None)
    writer.write_columns({"none": [None, None], "id": [1, 2], "téxt": ["a\nb", None], "many": [[1.5], {"x": []}]}, 2)
    writer.write_columns({"none": [], "id": []}, 0)
    writer.write_columns({"none": [None], "void": [None]}, 1)
    assert writer.close().rows == 3
    lines = (tmp_path / "part").read_text().splitlines()
    assert lines == [
        '{"none":null,"id":1,"téxt":"a\\nb","many":[1.5]}',
        '{"none":null,"id":2,"téxt":null,"many":{"x":[]}}',
        '{"none":null,"void":null}',
    ]

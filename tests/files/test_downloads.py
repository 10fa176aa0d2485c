"""A file gets its place whole, measured, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

import pytest

from airflow_provider_pipedrive.files.downloads import Landed, place


def test_a_download_that_begins_again_is_measured_from_its_new_beginning(tmp_path: Path) -> None:
    def fetch(sink: BinaryIO) -> None:
        sink.write(b"broken off")
        sink.seek(0)
        sink.truncate()
        sink.write(b"who")
        sink.write(b"le")

    landed = place(tmp_path / "file", fetch, max_bytes=10)
    assert landed == Landed("file", 5, hashlib.sha256(b"whole").hexdigest())
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_what_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")

    def fetch(sink: BinaryIO) -> None:
        sink.write(b"12345")
        sink.write(b"67890")

    with pytest.raises(Exception, match="more than 9 bytes"):
        place(tmp_path / "file", fetch, max_bytes=9)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    place(tmp_path / "file", fetch, max_bytes=10)
    assert (tmp_path / "file").read_bytes() == b"1234567890"

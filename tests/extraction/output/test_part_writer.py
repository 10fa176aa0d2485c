"""A part is whole or gone, in every format."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path
from typing import BinaryIO

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import whole_files
from airflow_provider_pipedrive.extraction.definition import FORMATS
from airflow_provider_pipedrive.extraction.output.formats import open_part, read_rows
from tests.support.parts import ID_AND_TITLE, written


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


class FileOnSmallDisk:
    """A file on a disk with room for a few bytes."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self.file = file
        self.room = room

    def write(self, data: bytes) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)

    def close(self) -> None:
        self.file.close()


@pytest.mark.parametrize("room", [2, 300])
@pytest.mark.parametrize("fmt", FORMATS)
def test_a_full_disk_is_told_as_it_is_and_the_file_is_gone(
    tmp_path: Path, mocker: MockerFixture, fmt: str, room: int
) -> None:
    mocker.patch.object(
        whole_files, "open", lambda path, mode, opener: FileOnSmallDisk(path.open(mode), room), create=True
    )
    rows = [{"id": number, "title": hashlib.sha256(bytes([number])).hexdigest()} for number in range(100)]
    with pytest.raises(OSError, match="No space left") as raised:
        written(tmp_path / "part", fmt, ID_AND_TITLE, rows)
    assert raised.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="title"):
        written(tmp_path / "part", "csv", ID_AND_TITLE, [{"id": 1}])
    assert list(tmp_path.iterdir()) == []

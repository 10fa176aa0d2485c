"""What every place for files does alike: a disk, memory and S3; Azure and Google where the trial runs their servers."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from storage_proxy import Asked, proxy_to

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveStorageError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.storage.files import (
    StoredFile,
    below,
    files,
    joined,
    read,
    remove,
    remove_all,
    try_place,
    upload,
    write,
)
from airflow_provider_pipedrive.extraction.storage.store import BLOCK, PIECE
from tests.support.object_storages import IN_OBJECT_STORAGE, KINDS, Key, folder_at, folder_in, server_of
from tests.support.s3_server import s3 as s3
from tests.support.s3_server import s3_server as s3_server

NAMES = ["a b.json", "a+b", "a%20b", "[ab]", "a*b", "a?b", "a#b", "Łódź/ż.json"]


@pytest.fixture(params=KINDS)
def folder(request: pytest.FixtureRequest) -> Any:
    return folder_in(request.param, request)


@pytest.fixture(params=[kind for kind in KINDS if kind not in ("disk", "memory")])
def key(request: pytest.FixtureRequest) -> Any:
    """A folder in object storage."""
    return folder_in(request.param, request)


def test_a_name_is_a_name_whatever_characters_are_in_it(folder: Any) -> None:
    for number, name in enumerate(NAMES):
        write(joined(folder, name), b"before")
        write(joined(folder, name), str(number).encode())
    assert [read(joined(folder, name)) for name in NAMES] == [str(number).encode() for number in range(len(NAMES))]
    assert sorted(found.name for found in below(folder)) == sorted(NAMES)
    assert sorted(found.name for found in files(folder)) == sorted(NAMES[:-1])
    remove_all([joined(folder, name) for name in NAMES[1:]])
    assert [found.name for found in below(folder)] == NAMES[:1]


def test_what_is_not_there_is_an_empty_folder_no_file_and_nothing_to_remove(folder: Any) -> None:
    assert below(folder) == files(folder) == []
    with pytest.raises(FileNotFoundError):
        read(folder / "a.json")
    remove(folder / "a.json")
    remove_all([folder / "a.json", folder / "b.json"])


@pytest.mark.parametrize("size", [0, 1000, PIECE + 1000])
def test_a_file_is_uploaded_whole_whatever_its_size(key: Any, tmp_path: Path, size: int) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(size - size // 2) + b"x" * (size // 2))
    with (tmp_path / "a.bin").open("rb") as source:
        upload(key / "a.bin", source)
        upload(key / "a.bin", source)
    assert read(key / "a.bin") == (tmp_path / "a.bin").read_bytes()
    assert [found.name for found in below(key)] == ["a.bin"]


@pytest.mark.parametrize("kind", IN_OBJECT_STORAGE)
def test_a_file_is_read_in_blocks_however_little_is_asked_for_at_once(
    kind: str, request: pytest.FixtureRequest
) -> None:
    begins: list[str] = []

    def note(asked: Asked) -> None:
        if found := asked.headers.get("range") or asked.headers.get("x-ms-range"):
            begins.append(found.partition("-")[0])

    with proxy_to(server_of(kind, request), refuses=note) as proxy:
        path = folder_at(kind, proxy.url) / "a.bin"
        write(path, b"x" * (2 * BLOCK + 1000))
        begins.clear()
        with StoredFile(path).open() as file:
            assert sum(len(some) for some in iter(lambda: file.read(64 * 1024), b"")) == 2 * BLOCK + 1000
    assert begins == ["bytes=0", "bytes=5242880", "bytes=10485760"]


THERE_AND_BACK = """
import re, sys, tempfile
from pathlib import Path
from airflow_provider_pipedrive.extraction.storage.files import StoredFile, upload
from tests.support.object_storages import folder_at

def there_and_back(size):
    with tempfile.TemporaryFile() as source:
        source.truncate(size)
        upload(path, source)
    with StoredFile(path).open() as file:
        assert sum(len(block) for block in iter(lambda: file.read(1_000_000), b"")) == size

def used(name):
    return int(re.search(rf"{name}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

path = folder_at(sys.argv[1], sys.argv[2]) / "large.bin"
there_and_back(1_000)
Path("/proc/self/clear_refs").write_text("5")  # the peak begins now
before = used("VmRSS")
there_and_back(int(sys.argv[3]))
print(used("VmHWM") - before)
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", IN_OBJECT_STORAGE)
def test_a_file_of_200_mb_goes_into_object_storage_and_out_of_it_within_40_mb(
    kind: str, request: pytest.FixtureRequest
) -> None:
    command = [sys.executable, "-c", THERE_AND_BACK, kind, server_of(kind, request), "200000000"]
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=path)
    assert float(done.stdout) < 40


def test_a_file_of_several_blocks_that_cannot_be_read_to_its_end_does_not_appear(key: Any, tmp_path: Path) -> None:
    class CutShort(io.FileIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            return super().seek(offset, whence) if whence == os.SEEK_SET else PIECE + 1000

    (tmp_path / "a.bin").write_bytes(bytes(PIECE))
    with CutShort(str(tmp_path / "a.bin")) as source, pytest.raises((PipedriveStorageError, OSError)):
        upload(key / "cut.bin", cast(BinaryIO, source))
    assert below(key) == []


def test_trying_a_place_leaves_nothing_there_and_changes_nothing(key: Any) -> None:
    write(key / "a.json", b"as it was")
    try_place(key / "a.json")
    try_place(key / "b.json")
    assert [found.name for found in below(key)] == ["a.json"]
    assert read(key / "a.json") == b"as it was"


def test_a_bucket_that_does_not_exist_is_said_by_whatever_would_write_there(key: Any) -> None:
    nowhere = Key(key.fs, "crn-data/crm/a.json")
    for call in (try_place, below, lambda path: write(path, b"x"), _upload):
        with pytest.raises(PipedriveParameterError, match="there is no bucket or container 'crn-data'"):
            call(nowhere)


def _upload(path: Any) -> None:
    with tempfile.TemporaryFile() as source:
        source.write(b"x")
        upload(path, source)


def test_an_extraction_lands_the_same_rows_everywhere_and_leaves_nothing_unfinished(
    client: PipedriveClient, folder: Any
) -> None:
    for _ in range(2):
        receipt = extract(client, folder, ExtractionJob(["stages"], keep_previous=0))
    manifest = json.loads(read(folder / "stages" / "_manifest.json"))
    lines = [line for part in manifest["parts"] for line in read(folder / "stages" / part["name"]).splitlines()]
    assert [json.loads(line)["id"] for line in lines] == [record["id"] for record in client.run("getStages")]
    assert receipt["rows"] == len(lines)
    assert len(files(folder / "stages")) == 2
    assert below(folder / "_pipedrive" / "unfinished") == []

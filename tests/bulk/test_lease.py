"""A folder in object storage belongs to one run at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("upath", reason="no object storage without it")

from fsspec.implementations.memory import MemoryFileSystem
from upath import UPath

from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.bulk.lease import FILE, FolderLease
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.extraction.storage.versioned import read_versioned, replace_versioned


@pytest.fixture
def folder() -> Iterator[Any]:
    yield UPath("memory://bulk-lease/run")
    MemoryFileSystem.store.clear()


def renewing(folder: Any) -> Callable[[float], None]:
    """Somebody else renews while this run looks."""

    def sleep(seconds: float) -> None:
        _, version = read_versioned(folder / FILE)
        replace_versioned(folder / FILE, {"owner": "another"}, version)

    return sleep


def test_a_folder_whose_run_is_alive_is_refused(folder: Any) -> None:
    replace_versioned(folder / FILE, {"owner": "another"}, None)

    with pytest.raises(PipedriveParameterError, match="is in use: another process"):
        FolderLease(folder, renewing(folder))


def test_a_folder_whose_run_has_died_is_taken_after_it_was_watched(folder: Any) -> None:
    replace_versioned(folder / FILE, {"owner": "another"}, None)
    slept: list[float] = []

    FolderLease(folder, slept.append).release()

    assert sum(slept) == 40


def test_a_folder_that_was_released_is_taken_at_once(folder: Any) -> None:
    FolderLease(folder).release()
    slept: list[float] = []

    FolderLease(folder, slept.append).release()

    assert not slept


def test_a_run_whose_folder_was_taken_writes_no_further(folder: Any) -> None:
    lease = FolderLease(folder)
    _, version = read_versioned(folder / FILE)
    replace_versioned(folder / FILE, {"owner": "another"}, version)
    lease._renew_once()

    with pytest.raises(PipedriveError, match="was taken by another run") as raised:
        lease.check()
    assert raised.value.retryable
    lease.release()
    assert (read_versioned(folder / FILE)[0] or {})["owner"] == "another"


def test_a_run_releases_its_folder(client: PipedriveClient, folder: Any) -> None:
    receipt = write(client, [{"email": "a@b.example", "name": "A"}], BulkJob("persons"), folder=folder)

    assert receipt["created"] == 1
    assert read_versioned(folder / FILE)[0] == {"owner": None}

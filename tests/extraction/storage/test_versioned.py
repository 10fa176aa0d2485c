"""A file that several runs replace: of two that come at once one wins, and the other is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.storage.files import remove
from airflow_provider_pipedrive.extraction.storage.versioned import read_versioned, replace_versioned
from tests.support.object_storages import KINDS, folder_in
from tests.support.s3_server import Storage
from tests.support.s3_server import s3 as s3
from tests.support.s3_server import s3_server as s3_server


@pytest.fixture(params=KINDS)
def file(request: pytest.FixtureRequest) -> Any:
    """One that does not exist yet; its name is full of what other places take for a pattern."""
    return folder_in(request.param, request) / "deals [*?].json"


def test_a_file_is_made_and_replaced_by_whoever_read_its_last_version(file: Any) -> None:
    assert read_versioned(file) == (None, None)
    replace_versioned(file, {"until": 1}, None)
    value, version = read_versioned(file)
    assert value == {"until": 1}
    replace_versioned(file, {"until": 2}, version)
    assert read_versioned(file)[0] == {"until": 2}


@pytest.mark.parametrize("read_before", ["it was made", "it was replaced"])
def test_who_read_an_earlier_version_is_told_and_changes_nothing(file: Any, read_before: str) -> None:
    version = None
    if read_before == "it was replaced":
        replace_versioned(file, {"until": 0}, None)
        _, version = read_versioned(file)
    assert replace_versioned(file, {"until": 1}, version)
    assert not replace_versioned(file, {"until": 2}, version)
    assert read_versioned(file)[0] == {"until": 1}


def test_a_file_that_was_removed_meanwhile_is_no_longer_what_was_read(file: Any) -> None:
    replace_versioned(file, {"until": 1}, None)
    _, version = read_versioned(file)
    remove(file)
    assert not replace_versioned(file, {"until": 2}, version)
    assert read_versioned(file) == (None, None)


def test_of_many_that_count_at_once_each_is_counted_once(file: Any) -> None:
    def count() -> None:
        while True:
            value, version = read_versioned(file)
            if replace_versioned(file, {"count": (value or {"count": 0})["count"] + 1}, version):
                return

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_versioned(file)[0] == {"count": 8}


def test_a_write_whose_answer_was_lost_is_no_conflict_when_it_is_sent_again(s3: Storage) -> None:
    file = s3.path("deals.json")
    send: Callable[..., Any] = s3.fs.pipe_file

    def twice(*args: Any, **given: Any) -> None:  # as the client of the storage does where no answer comes
        send(*args, **given)
        send(*args, **given)

    s3.fs.pipe_file = twice
    assert replace_versioned(file, {"until": 1}, None)
    assert read_versioned(file)[0] == {"until": 1}


def test_a_conditional_write_is_one_request_and_so_is_reading(s3: Storage) -> None:
    file = s3.path("deals.json")
    replace_versioned(file, {"until": 1}, None)
    read_versioned(file)
    assert s3.requests == {"put_object": 1, "get_object": 1}


def test_a_bucket_that_does_not_exist_is_said_and_not_created(s3: Storage) -> None:
    with pytest.raises(PipedriveParameterError, match="there is no bucket or container 'crn'"):
        replace_versioned(s3.path("crm/watermarks/deals.json", bucket="crn"), {"until": 1}, None)
    assert "crn" not in s3.buckets


def test_a_storage_without_conditional_writes_is_read_before_it_is_written(
    s3: Storage,
) -> None:
    from botocore.exceptions import ClientError

    file = s3.path("deals.json")
    plain: Callable[..., Any] = s3.fs.pipe_file

    def refuse_conditions(key: str, content: bytes, **conditions: Any) -> None:
        if conditions:
            raise OSError("not here") from ClientError({"Error": {"Code": "NotImplemented"}}, "PutObject")
        plain(key, content)

    s3.fs.pipe_file = refuse_conditions
    replace_versioned(file, {"until": 1}, None)
    assert not replace_versioned(file, {"until": 2}, None)
    assert read_versioned(file)[0] == {"until": 1}

"""Uploads that are begun one after another, done side by side, and noted in order."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.extraction.storage.uploading import MOST_WAITING, OrderedUploads
from tests.support.object_storages import folder_at


@pytest.fixture
def uploads() -> Any:
    found = OrderedUploads(folder_at("memory", ""))
    yield found
    found.close()


def nothing() -> None:
    """An upload that is done at once."""


def test_of_a_stream_nothing_is_noted_before_what_was_begun_before_it(uploads: OrderedUploads) -> None:
    first_may_end, noted = threading.Event(), []
    uploads.begin("a", first_may_end.wait, lambda: noted.append("a1"))
    uploads.begin("a", nothing, lambda: noted.append("a2"))
    uploads.begin("b", nothing, lambda: (noted.append("b1"), first_may_end.set()))
    uploads.settle()
    assert noted == ["b1", "a1", "a2"]


def test_what_is_noted_between_the_streams_comes_after_what_was_begun_and_before_what_follows(
    uploads: OrderedUploads,
) -> None:
    first_may_end, second_is_there, noted = threading.Event(), threading.Event(), []
    uploads.begin("a", first_may_end.wait, lambda: noted.append("a1"))
    uploads.note(lambda: noted.append("plan"))
    uploads.begin("b", second_is_there.set, lambda: noted.append("b1"))
    assert second_is_there.wait(30)
    assert noted == []
    first_may_end.set()
    uploads.settle()
    assert noted == ["a1", "plan", "b1"]


def test_what_follows_a_failed_upload_is_not_noted_and_its_error_is_raised(uploads: OrderedUploads) -> None:
    def fail() -> None:
        raise ConnectionError("the storage is away")

    def go_on() -> None:
        for number in range(2, MOST_WAITING + 3):
            uploads.begin("a", nothing, partial(noted.append, f"a{number}"))

    noted: list[str] = []
    away = threading.Event()
    uploads.begin("a", lambda: away.wait() and fail(), lambda: noted.append("a1"))
    uploads.begin("b", nothing, lambda: (noted.append("b1"), away.set()))
    with pytest.raises(ConnectionError, match="the storage is away"):
        go_on()
    uploads.close()
    assert noted == ["b1"]


def test_on_a_disk_each_is_done_at_once(tmp_path: Path) -> None:
    uploads, done = OrderedUploads(tmp_path), []
    uploads.begin("a", lambda: done.append("file"), lambda: done.append("note"))
    assert done == ["file", "note"]
    with pytest.raises(OSError, match="full"):
        uploads.begin("a", lambda: done.append("file"), lambda: _raise(OSError("full")))
    uploads.note(lambda: done.append("plan"))
    uploads.settle()
    assert done == ["file", "note", "file", "plan"]


def _raise(error: Exception) -> None:
    raise error

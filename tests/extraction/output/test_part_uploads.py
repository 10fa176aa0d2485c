"""What is finished stays on the disk for a run's first seconds, and is uploaded in order from then on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.extraction.output import part_uploads
from airflow_provider_pipedrive.extraction.output.formats import open_part, read_rows
from airflow_provider_pipedrive.extraction.output.part_uploads import HELD_SECONDS, PartUploads
from airflow_provider_pipedrive.extraction.storage.files import below
from airflow_provider_pipedrive.extraction.storage.store import FileStore
from tests.support.object_storages import folder_at

LARGE = 1_000


class Finished:
    """Parts that are finished one after another, each of a row."""

    def __init__(self) -> None:
        self.folder = folder_at("memory", "")
        self.uploads = PartUploads(self.folder, LARGE)
        self.noted: list[str] = []

    def part(self, number: int, rows: int = 1) -> str:
        name = f"part-{number}.jsonl"
        part = open_part(self.folder / name, "jsonl", None)
        part.write([{"id": number}] * rows)
        part.end()
        self.uploads.begin("a", name, part, lambda: self.noted.append(name))
        return name

    @property
    def there(self) -> list[str]:
        self.uploads.settle()
        return sorted(found.name for found in below(self.folder))


@pytest.fixture
def finished() -> Iterator[Finished]:
    found = Finished()
    yield found
    found.uploads.close()


def test_what_is_finished_in_the_first_seconds_is_uploaded_when_they_are_over(
    finished: Finished, mocker: MockerFixture
) -> None:
    clock = mocker.patch.object(part_uploads.time, "monotonic", return_value=1000.0)
    first = [finished.part(1), finished.part(2)]
    assert (finished.there, finished.noted) == ([], [])
    clock.return_value += HELD_SECONDS
    names = [*first, finished.part(3), finished.part(4)]
    assert finished.there == finished.noted == names


@pytest.mark.parametrize("most", ["HELD_PARTS", "HELD_BYTES"])
def test_no_more_stays_on_the_disk_than_there_is_room_for(finished: Finished, mocker: MockerFixture, most: str) -> None:
    mocker.patch.object(part_uploads, most, {"HELD_PARTS": 2, "HELD_BYTES": 2 * len(json.dumps({"id": 1}))}[most])
    names = [finished.part(1), finished.part(2)]
    assert finished.there == []
    names.append(finished.part(3))
    assert finished.there == finished.noted == names
    assert [rows(finished, name) for name in names] == [[{"id": number}] for number in (1, 2, 3)]


def test_a_large_part_is_uploaded_at_once_and_only_once_and_noted_in_its_order(
    finished: Finished, mocker: MockerFixture
) -> None:
    uploads = mocker.spy(FileStore, "upload")
    small, large = finished.part(1), finished.part(2, rows=LARGE)
    assert (finished.there, finished.noted) == ([large], [])
    finished.uploads.publish(large)
    finished.uploads.upload_held()
    assert finished.there == finished.noted == [small, large]
    assert uploads.call_count == 2


def test_a_part_can_be_read_before_it_is_uploaded_and_one_that_is_forgotten_never_is(finished: Finished) -> None:
    first, second = finished.part(1), finished.part(2)
    assert rows(finished, second) == [{"id": 2}]
    finished.uploads.forget(first)
    finished.uploads.upload_held()
    assert finished.there == finished.noted == [second]


def rows(finished: Finished, name: str) -> list[dict[str, Any]]:
    return list(read_rows(finished.uploads.source(name), "jsonl"))

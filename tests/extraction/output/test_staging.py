"""Nothing looks finished that is not, and what was begun continues, wherever a run ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.extraction.output import part_uploads, publication, rewriting
from airflow_provider_pipedrive.extraction.output import staging as staging_module
from airflow_provider_pipedrive.extraction.output.parts import FinishedPart
from airflow_provider_pipedrive.extraction.output.publication import EntityFolders
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading.pages import Key
from airflow_provider_pipedrive.extraction.storage.files import below, remove_folder
from tests.support.s3_server import Storage
from tests.support.s3_server import s3 as s3
from tests.support.s3_server import s3_server as s3_server
from tests.support.stagings import found_in

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process ends."""


def at(folder: Path) -> EntityStaging:
    folders = EntityFolders("deals", folder / "unfinished", folder / "deals", keep_previous=0)
    return found_in(folders, EntityStaging)


def begun(folder: Path) -> EntityStaging:
    staging = at(folder)
    staging.load()
    staging.save({"strategy": "windows"})
    return staging


def write(staging: EntityStaging, stream: str, *numbers: int, order: int = 0) -> None:
    records = [json.dumps({"id": number}).encode() for number in numbers]
    staging.write(stream, [order], records, [Key(number, NOON) for number in numbers])


def two_parts(folder: Path) -> EntityStaging:
    staging = begun(folder)
    write(staging, "b", 3, 4, order=2)
    write(staging, "a", 1, 2, order=1)
    for stream in "ba":
        staging.finish(stream, {"until": stream})
    return staging


def published(folder: Path) -> list[int]:
    """What a reader of the manifest finds, tombstones as negative numbers; every file must be as the manifest says."""
    manifest = json.loads((folder / "deals" / "_manifest.json").read_text())
    found: list[int] = []
    for kind, sign in (("parts", 1), ("tombstones", -1)):
        for part in manifest[kind]:
            content = (folder / "deals" / part["name"]).read_bytes()
            assert (len(content), content.count(b"\n")) == (part["bytes"], part["rows"])
            found += [sign * json.loads(line)["id"] for line in content.splitlines()]
    return found


def named(folder: Path) -> set[str]:
    manifest = json.loads((folder / "deals" / "_manifest.json").read_text())
    return {part["name"] for part in [*manifest["parts"], *manifest["tombstones"]]} | {"_manifest.json"}


def hidden(folder: Path) -> list[str]:
    """The parts under way: on a disk they have their names only when they are whole."""
    return [path.name for path in (folder / "deals").iterdir() if path.name.startswith(".part-")]


def files(folder: Path) -> set[str]:
    """What lies there, but for the lock of a process that was killed: the next one takes it."""
    return {path.name for path in (folder / "deals").iterdir()} - {"._manifest.json.lock"}


def test_parts_are_published_in_their_order_whoever_was_faster(tmp_path: Path) -> None:
    manifest = two_parts(tmp_path).publish(lambda part: (), {"run": "1"})
    assert published(tmp_path) == [1, 2, 3, 4]
    assert (manifest["rows"], manifest["run"], manifest["entity"]) == (4, "1", "deals")


def test_rows_that_something_newer_took_the_place_of_are_left_out_and_so_is_an_empty_part(tmp_path: Path) -> None:
    manifest = two_parts(tmp_path).publish(lambda part: {"a": [1], "b": [0, 1]}[part.stream], {})
    assert published(tmp_path) == [1]
    assert (manifest["rows"], len(manifest["parts"])) == (1, 1)


def test_nothing_is_published_before_it_is_published(tmp_path: Path) -> None:
    two_parts(tmp_path)
    assert not (tmp_path / "deals" / "_manifest.json").exists()


def test_a_run_goes_on_with_its_finished_parts_and_throws_the_others_away(tmp_path: Path) -> None:
    staging = two_parts(tmp_path)
    write(staging, "c", 5)  # and killed before it was finished
    assert len(hidden(tmp_path)) == 1
    after = at(tmp_path)
    assert after.load() == {"strategy": "windows"}
    assert [(part.stream, part.resume_info, list(part.ids)) for part in after.finished] == [
        ("b", {"until": "b"}, [3, 4]),
        ("a", {"until": "a"}, [1, 2]),
    ]
    assert (after.rows, after.newest, sorted(after.ids())) == (4, NOON, [1, 2, 3, 4])
    assert hidden(tmp_path) == []
    write(after, "c", 5, order=3)
    after.finish("c", {})
    after.publish(lambda part: (), {})
    assert published(tmp_path) == [1, 2, 3, 4, 5]


def test_a_part_without_its_description_does_not_count(tmp_path: Path) -> None:
    staging = two_parts(tmp_path)
    name = staging.finished[0].name
    (tmp_path / "unfinished" / f"{name}.json").unlink()
    after = at(tmp_path)
    after.load()
    assert [part.stream for part in after.finished] == ["a"]
    assert name not in files(tmp_path)


def test_parts_of_a_run_without_a_plan_are_thrown_away(tmp_path: Path) -> None:
    two_parts(tmp_path)
    (tmp_path / "unfinished" / "plan.json").unlink()
    after = at(tmp_path)
    assert after.load() is None
    assert list((tmp_path / "unfinished").iterdir()) == []
    assert files(tmp_path) == set()


def test_what_is_read_again_is_forgotten_with_its_files(tmp_path: Path) -> None:
    staging = two_parts(tmp_path)
    staging.forget({staging.finished[0].name})
    assert [part.stream for part in staging.finished] == ["a"]
    assert len(files(tmp_path)) == 1
    after = at(tmp_path)
    after.load()
    assert [part.stream for part in after.finished] == ["a"]


def test_ids_may_be_texts(tmp_path: Path) -> None:
    staging = begun(tmp_path)
    staging.write("a", [0], [b'{"id":1}', b'{"id":"x"}'], [Key(1), Key("x")])
    staging.finish("a", {})
    after = at(tmp_path)
    after.load()
    assert list(after.ids()) == [1, "x"]
    assert after.newest is None


def steps(mocker: MockerFixture, dies_at: int) -> list[str]:
    """Let the process die before its n-th step towards a published folder; the steps that it has taken."""
    taken: list[str] = []

    def counted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **more: Any) -> Any:
            if len(taken) == dies_at:
                raise Killed
            taken.append(name)
            return work(*args, **more)

        return step

    for place, name in ((Path, "rename"), (Path, "unlink"), (rewriting, "open_copy"), (rewriting, "open_part")):
        mocker.patch.object(place, name, counted(name, getattr(place, name)))
    return taken


def first_of_a(part: FinishedPart) -> list[int]:
    return [0] if part.stream == "a" else []


def test_a_publication_goes_on_wherever_it_was_interrupted(tmp_path: Path, mocker: MockerFixture) -> None:
    for dies_at in range(100):
        folder = tmp_path / str(dies_at)
        first = two_parts(folder)
        first.publish(lambda part: (), {}, {9: None})
        before = published(folder)
        remove_folder(folder / "unfinished")
        staging = begun(folder)
        write(staging, "a", 11, 12, order=1)
        write(staging, "b", 13, order=2)
        for stream in "ab":
            staging.finish(stream, {})
        died = False
        taken = steps(mocker, dies_at)
        try:
            staging.publish(first_of_a, {}, {7: NOON})
        except Killed:
            died = True
        mocker.stopall()
        assert published(folder) in (before, [12, 13, -7]), f"between two states, after {taken}"
        after = at(folder)
        after.load()
        assert sorted(after.ids()) == [11, 12, 13]
        after.publish(first_of_a, {}, {7: NOON})
        assert published(folder) == [12, 13, -7], f"after {taken}"
        assert files(folder) == named(folder), f"left behind after {taken}"
        if not died:
            break
    assert dies_at > 6


def test_a_full_disk_leaves_nothing_that_looks_finished(tmp_path: Path, mocker: MockerFixture) -> None:
    staging = two_parts(tmp_path)
    write(staging, "c", 5, order=3)

    def full(path: Path, target: Path) -> None:
        raise OSError(ENOSPC, "No space left on device")

    mocker.patch.object(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        staging.finish("c", {})
    staging.abort()
    mocker.stopall()
    after = at(tmp_path)
    after.load()
    assert sorted(after.ids()) == [1, 2, 3, 4]
    assert not list((tmp_path / "unfinished").glob(".*.tmp"))


@pytest.mark.parametrize(
    ("dropped", "most_bytes", "most"),
    [
        pytest.param([], 0, 2, id="published as it is"),
        pytest.param([0], 0, 5, id="without a row"),
        pytest.param([], 1_000_000, 5, id="put together with others"),
    ],
)
def test_a_part_needs_five_requests_at_most_in_object_storage_and_two_if_all_its_rows_count(
    s3: Storage, mocker: MockerFixture, dropped: list[int], most_bytes: int, most: int
) -> None:
    mocker.patch.object(part_uploads, "HELD_SECONDS", 0.0)
    assert 0 < ten_parts_more(s3, dropped, most_bytes) <= 10 * most


@pytest.mark.parametrize(
    ("dropped", "most_bytes", "most"),
    [
        pytest.param([], 0, 1, id="published as it is"),
        pytest.param([0], 1_000_000, 0, id="put together with others, without a row"),
    ],
)
def test_of_a_run_of_a_few_seconds_nothing_is_uploaded_but_what_it_publishes(
    s3: Storage, dropped: list[int], most_bytes: int, most: int
) -> None:
    assert ten_parts_more(s3, dropped, most_bytes) == 10 * most


def ten_parts_more(s3: Storage, dropped: list[int], most_bytes: int) -> int:
    """The requests that ten parts more take."""
    asked = []
    for parts in (1, 11):
        folders = EntityFolders(
            "deals", s3.path(f"{parts}/unfinished"), s3.path(f"{parts}/deals"), most_bytes=most_bytes
        )
        s3.requests.clear()
        staging = found_in(folders, EntityStaging)
        staging.load()
        staging.save({"strategy": "windows"})
        for number in range(parts):
            write(staging, "a", 2 * number, 2 * number + 1)
            staging.finish("a", {})
        manifest = staging.publish(lambda part: dropped, {})
        staging.close()
        remove_folder(folders.unfinished)
        assert manifest["rows"] == parts * (2 - len(dropped))
        asked.append(s3.requests.total())
    return asked[1] - asked[0]


def test_what_a_run_of_a_few_seconds_has_read_is_kept_for_another_try_when_it_fails(s3: Storage) -> None:
    folders = EntityFolders("deals", s3.path("unfinished"), s3.path("deals"))
    for number in range(2):
        staging = found_in(folders, EntityStaging)
        assert staging.load() == ({"strategy": "windows"} if number else None)
        staging.save({"strategy": "windows"})
        write(staging, "a", 2 * number, 2 * number + 1)
        staging.finish("a", {})
        staging.abort()  # the task fails
        staging.keep()
        staging.close()
    assert sorted(staging.ids()) == [0, 1, 2, 3]
    assert staging.publish(lambda part: [], {})["rows"] == 4


ROW = len(b'{"id": 1}\n')


@pytest.fixture
def large_parts_are_of_two_rows(mocker: MockerFixture) -> None:
    mocker.patch.object(staging_module, "PART_ROWS", 1)
    for module in (staging_module, publication):
        mocker.patch.object(module, "WHOLE", 2 * ROW)


@pytest.mark.usefixtures("large_parts_are_of_two_rows")
def test_files_of_a_long_list_grow_up_to_the_size_that_is_asked_for(tmp_path: Path) -> None:
    staging = found_in(EntityFolders("deals", tmp_path / "a", tmp_path / "b", most_bytes=4 * ROW), EntityStaging)
    staging.save({"strategy": "windows"})
    record, key = json.dumps({"id": 1}).encode(), Key(1, NOON)
    for _ in range(50):
        if staging.write("scans", [0], [record], [key]):
            staging.finish("scans", {})
    staging.finish("scans", {})
    assert [part.part.rows for part in staging.finished] == [2, 2, 2, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 2]


@pytest.mark.usefixtures("large_parts_are_of_two_rows")
def test_a_large_part_goes_to_object_storage_next_to_the_reading_and_is_published_as_it_is(s3: Storage) -> None:
    folders = EntityFolders("deals", s3.path("unfinished"), s3.path("deals"))
    staging = found_in(folders, EntityStaging)
    staging.save({"strategy": "windows"})
    write(staging, "scans", 1, 2)
    staging.finish("scans", {})
    staging.settle()
    (early,) = (found.name for found in below(folders.target))
    write(staging, "scans", 3)
    staging.finish("scans", {})
    s3.requests.clear()
    manifest = staging.publish(lambda part: [], {})
    staging.close()
    assert [(part["name"] == early, part["rows"]) for part in manifest["parts"]] == [(True, 2), (False, 1)]
    assert s3.requests["put_object"] == 2  # the other file, and the manifest

"""Whose rows a manifest names after which run, and what becomes of files that none names."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.extraction.context import EntityRun
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.output import publication as module
from airflow_provider_pipedrive.extraction.output.encoders import RawEncoder
from airflow_provider_pipedrive.extraction.output.formats import read_rows
from airflow_provider_pipedrive.extraction.output.publication import Publication
from airflow_provider_pipedrive.extraction.output.run_folder import RunFolder
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reader import EntityReader
from airflow_provider_pipedrive.extraction.reading.pages import Key
from airflow_provider_pipedrive.extraction.reading.server_clock import ServerClock
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.extraction.conftest import by_id, client_of, landed

MAY, JUNE = (
    {"since": "2026-05-01T00:00:00+00:00", "until": "2026-06-01T00:00:00+00:00"},
    {"since": "2026-06-01T00:00:00+00:00", "until": "2026-07-01T00:00:00+00:00"},
)


class Killed(BaseException):
    """The process ends."""


def publish(
    folder: Path,
    run: str,
    window: dict[str, str] | None,
    *records: dict[str, Any],
    deleted: Sequence[int] = (),
    adds: bool = True,
    asked: str = "all of company 1",
) -> None:
    job = RunFolder(folder, run, run)
    staging = job.entity("deals", "jsonl", RawEncoder(), "p")
    staging.load()
    staging.save({"strategy": "window"})
    if records:
        staging.write("s", [0], [json.dumps(record).encode() for record in records], [Key(r["id"]) for r in records])
    staging.finish("s", {})
    about = {"key": ["id"], "strategy": "window", "run": run, "window": window}
    staging.publish(lambda part: (), about, dict.fromkeys(deleted), adds=adds, asked=asked)
    job.clear()


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "deals" / "p" / "_manifest.json").read_text())
    return found


def rows(folder: Path) -> list[tuple[str, int, str]]:
    """Run, id and title of each row that counts; of a tombstone without a title."""
    manifest, found = manifest_of(folder), []
    for part in [*manifest["parts"], *manifest["tombstones"]]:
        for row in read_rows(folder / "deals" / "p" / part["name"], "jsonl"):
            found.append((part["run"], row["id"], row.get("title", "deleted")))
    return found


def deal(number: int, title: str) -> dict[str, Any]:
    return {"id": number, "title": title}


# ---- what a partition holds


def test_another_window_of_another_run_is_published_beside_what_is_there(tmp_path: Path) -> None:
    publish(tmp_path, "monday", MAY, deal(1, "Monday's"), deleted=[8])
    publish(tmp_path, "tuesday", JUNE, deal(2, "Tuesday's"))
    assert rows(tmp_path) == [("monday", 1, "Monday's"), ("tuesday", 2, "Tuesday's"), ("monday", 8, "deleted")]
    manifest = manifest_of(tmp_path)
    assert [(part["run"], part["window"]) for part in manifest["parts"]] == [("monday", MAY), ("tuesday", JUNE)]
    assert (manifest["run"], manifest["window"], manifest["rows"]) == ("tuesday", JUNE, 2)


def test_another_run_that_finds_nothing_takes_nothing_away(tmp_path: Path) -> None:
    publish(tmp_path, "monday", MAY, deal(1, "Monday's"))
    publish(tmp_path, "tuesday", JUNE)
    assert rows(tmp_path) == [("monday", 1, "Monday's")]


def test_another_run_that_has_read_the_same_window_replaces_what_was_read_in_it(tmp_path: Path) -> None:
    publish(tmp_path, "monday", MAY, deal(1, "old"), deal(2, "moved on since"), deleted=[8])
    publish(tmp_path, "monday again", MAY, deal(1, "new"))
    assert rows(tmp_path) == [("monday again", 1, "new")]


def test_the_same_window_of_other_records_is_published_beside_what_is_there(tmp_path: Path) -> None:
    publish(tmp_path, "task.0", MAY, deal(1, "of filter 7"), asked="filter 7")
    publish(tmp_path, "task.1", MAY, deal(2, "of filter 8"), asked="filter 8")
    assert [row[1] for row in rows(tmp_path)] == [1, 2]


def test_the_same_run_keeps_the_rows_that_it_did_not_find_again(tmp_path: Path) -> None:
    publish(tmp_path, "monday", MAY, deal(1, "moved on since"), deal(2, "first try"), deleted=[8, 9])
    publish(tmp_path, "monday", JUNE, deal(2, "second try"), deal(9, "restored"), deleted=[7])
    assert sorted(rows(tmp_path), key=lambda row: row[1]) == [
        ("monday", 1, "moved on since"),
        ("monday", 2, "second try"),
        ("monday", 7, "deleted"),
        ("monday", 8, "deleted"),
        ("monday", 9, "restored"),
    ]


def test_the_same_run_that_finds_nothing_the_second_time_keeps_all_that_it_had(tmp_path: Path) -> None:
    publish(tmp_path, "monday", MAY, deal(1, "a"), deal(2, "b"))
    publish(tmp_path, "monday", JUNE)
    assert [row[1] for row in rows(tmp_path)] == [1, 2]


@pytest.mark.parametrize("asked", ["csv", "parquet", "jsonl.gz"])
def test_rows_are_taken_out_of_a_file_of_any_format(client: PipedriveClient, tmp_path: Path, asked: str) -> None:
    since, until = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) - timedelta(days=1)
    job = ExtractionJob(["persons"], "changes", since, until, format=asked, partition="p")
    first = extract(client, tmp_path, job, run="monday", owner="monday")
    again = extract(
        client, tmp_path, replace(job, parameters={"persons": {"owner_id": 3}}), run="monday", owner="monday"
    )
    assert again["rows"] == first["rows"]
    manifest = json.loads((tmp_path / "persons" / "p" / "_manifest.json").read_text())
    ids = [
        str(row["id"])
        for part in manifest["parts"]
        for row in read_rows(tmp_path / "persons" / "p" / part["name"], asked)
    ]
    assert len(ids) == len(set(ids)) == first["rows"]


def test_a_snapshot_replaces_everything_in_its_partition(tmp_path: Path) -> None:
    publish(tmp_path, "monday", MAY, deal(1, "a"), deleted=[8])
    publish(tmp_path, "night", None, deal(2, "b"), adds=False)
    assert rows(tmp_path) == [("night", 2, "b")]


# ---- two at once


def read_by(folder: Path, run: str, at: str, *records: dict[str, Any]) -> EntityStaging:
    """A run that has read all, and has not published it yet."""
    staging = RunFolder(folder, run, run).entity("deals", "jsonl", RawEncoder(), "p")
    staging.load()
    staging.save({"strategy": "walk"})
    staging.write("s", [0], [json.dumps(record).encode() for record in records], [Key(r["id"]) for r in records])
    staging.finish("s", {})
    staging.publication.note_read(datetime.fromisoformat(at))
    return staging


def about(run: str, window: dict[str, str] | None = None) -> dict[str, Any]:
    return {"key": ["id"], "strategy": "walk", "run": run, "window": window}


@pytest.mark.parametrize("moment", ["2026-05-01T00:10:00+00:00", "2026-05-01T00:00:00.050000+00:00"])
def test_of_two_snapshots_the_one_that_was_read_later_wins_and_the_other_is_told(tmp_path: Path, moment: str) -> None:
    early = read_by(tmp_path, "early", "2026-05-01T00:00:00+00:00", deal(1, "old"))
    late = read_by(tmp_path, "late", moment, deal(1, "new"))
    late.publish(lambda part: (), about("late"))
    with pytest.raises(PipedriveError, match="another run has read later than this one, and published first") as told:
        early.publish(lambda part: (), about("early"))
    assert told.value.retryable
    assert rows(tmp_path) == [("late", 1, "new")]


def test_a_snapshot_that_was_read_later_is_published_after_one_that_was_faster(tmp_path: Path) -> None:
    early = read_by(tmp_path, "early", "2026-05-01T00:00:00+00:00", deal(1, "old"))
    late = read_by(tmp_path, "late", "2026-05-01T00:10:00+00:00", deal(1, "new"))
    early.publish(lambda part: (), about("early"))
    late.publish(lambda part: (), about("late"))
    assert rows(tmp_path) == [("late", 1, "new")]


def test_of_two_runs_of_several_entities_the_one_that_was_read_later_wins_them_all(
    company: Sandbox, tmp_path: Path, mocker: MockerFixture
) -> None:
    seconds = count()
    later = lambda clock: datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=next(seconds))  # noqa: E731
    mocker.patch.object(ServerClock, "now", property(later))
    job, stages_read, read = ExtractionJob(["deals", "stages"]), threading.Event(), EntityReader._one

    def one(reader: EntityReader, each: EntityRun, how: Any) -> None:
        is_first = reader._context.run == "first"
        if is_first and each.name == "deals":
            assert stages_read.wait(60)
            with client_of(company) as client:
                extract(client, tmp_path, job, run="second", owner="b")
        read(reader, each, how)
        if is_first and each.name == "stages":
            stages_read.set()

    mocker.patch.object(EntityReader, "_one", one)
    with (
        client_of(company) as client,
        pytest.raises(PipedriveError, match="another run has read later than this one, and published first"),
    ):
        extract(client, tmp_path, job, run="first", owner="a")
    manifests = [json.loads((tmp_path / entity / "_manifest.json").read_text()) for entity in ("deals", "stages")]
    assert [manifest["run"] for manifest in manifests] == ["second", "second"]


def test_two_runs_that_publish_changes_at_once_are_both_there(tmp_path: Path, mocker: MockerFixture) -> None:
    first = read_by(tmp_path, "first", "2026-05-01T00:00:00+00:00", deal(1, "a"))
    second = read_by(tmp_path, "second", "2026-05-01T00:00:00+00:00", deal(2, "b"))
    replace_it = module.replace_versioned

    def overtaken(path: Any, value: Any, version: Any) -> bool:
        mocker.stopall()
        second.publish(lambda part: (), about("second", JUNE), adds=True)
        return replace_it(path, value, version)

    mocker.patch.object(module, "replace_versioned", overtaken)
    first.publish(lambda part: (), about("first", MAY), adds=True)
    assert sorted(row[0] for row in rows(tmp_path)) == ["first", "second"]


# ---- publications that were broken off


def broken_off(client: PipedriveClient, folder: Path, job: ExtractionJob, owner: str, mocker: MockerFixture) -> None:
    """A run that ends when it has decided what it publishes."""

    mocker.patch.object(Publication, "_replace", side_effect=Killed)
    with suppress(Killed):
        extract(client, folder, job, owner=owner, run=owner)
    mocker.stopall()


SNAPSHOT = ExtractionJob(["stages"], columns="raw")


def test_the_next_run_drops_a_publication_that_was_broken_off_and_reads(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    broken_off(client, tmp_path, SNAPSHOT, "monday", mocker)
    company.update("stages", 1, name="Tuesday's name")
    extract(client, tmp_path, SNAPSHOT, owner="tuesday", run="tuesday")
    assert by_id(landed(tmp_path / "stages"))[1]["name"] == "Tuesday's name"
    assert len(list((tmp_path / "stages").glob("part-*"))) == 1, "what monday had written is left"
    assert not list(tmp_path.glob("_pipedrive/unfinished/*"))


def test_the_run_that_began_a_publication_finishes_it_without_reading_again(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    broken_off(client, tmp_path, SNAPSHOT, "monday", mocker)
    before = len(company.requests)
    extract(client, tmp_path, SNAPSHOT, owner="monday", run="monday")
    assert "/api/v2/stages" not in {request.path for request in company.requests[before:]}
    assert len(landed(tmp_path / "stages")) == len(list(client.iterate("getStages")))


def test_a_publication_is_not_finished_over_what_another_job_has_published_since(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    broken_off(client, tmp_path, SNAPSHOT, "monday", mocker)
    company.update("stages", 1, name="Tuesday's name")
    company.advance(60)
    extract(client, tmp_path, ExtractionJob(["stages", "pipelines"], columns="raw"), owner="tuesday", run="tuesday")
    extract(client, tmp_path, SNAPSHOT, owner="monday", run="monday")
    assert by_id(landed(tmp_path / "stages"))[1]["name"] == "Tuesday's name"


# ---- what stays and what is swept


def age(folder: Path, seconds: float) -> None:
    """Let everything in a folder be that old."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize(
    "later", [ExtractionJob(["pipelines"], columns="raw"), ExtractionJob(["stages"], format="csv")]
)
def test_a_broken_off_publication_is_swept_after_a_day_by_whatever_job_comes(
    client: PipedriveClient, tmp_path: Path, mocker: MockerFixture, later: ExtractionJob
) -> None:
    broken_off(client, tmp_path, SNAPSHOT, "monday", mocker)
    extract(client, tmp_path, later)
    assert len(list(tmp_path.glob("_pipedrive/unfinished/*"))) == 1
    age(tmp_path, 86_401)
    extract(client, tmp_path, later)
    assert list(tmp_path.glob("_pipedrive/unfinished/*")) == []
    assert list((tmp_path / "stages").glob("part-*.jsonl")) == []


def test_what_was_read_and_not_published_waits_a_week_for_its_next_try(
    company: Sandbox, client: PipedriveClient, tmp_path: Path
) -> None:
    unfinished = RunFolder(tmp_path, "dear", "me").entity("deals", "jsonl", RawEncoder())
    unfinished.load()
    unfinished.save({"strategy": "walk"})
    for days, stays in ((6, True), (8, False)):
        age(tmp_path / "_pipedrive" / "unfinished", days * 86_400)
        extract(client, tmp_path, SNAPSHOT)
        assert (tmp_path / "_pipedrive" / "unfinished" / "dear").exists() is stays


# ---- whose eyes


def test_what_is_kept_beside_the_data_is_private_to_the_user_who_runs_the_task(
    client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    modes: dict[str, int] = {}
    clear = RunFolder.clear

    def looked_at(self: RunFolder) -> None:
        modes.update({str(path): stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "_pipedrive").rglob("*")})
        clear(self)

    mocker.patch.object(RunFolder, "clear", looked_at)
    (tmp_path / "_pipedrive").mkdir(mode=0o755)
    extract(client, tmp_path, ExtractionJob(["stages", "deals"], "changes"))
    assert stat.S_IMODE((tmp_path / "_pipedrive").stat().st_mode) == 0o700
    assert {modes[name] for name in modes if Path(name).suffix in (".json", ".bits")} == {0o600}
    assert any("unfinished" in name for name in modes)


@pytest.mark.parametrize("given", [-1, "an hour"])
def test_a_wrong_time_to_keep_files_is_refused(given: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="keep_previous.*a number of seconds"):
        ExtractionJob(["deals"], keep_previous=given)

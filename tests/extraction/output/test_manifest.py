"""What becomes of files that a manifest no longer names, and of those that none has ever named."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.whole_files import UnfinishedFile
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.output import manifest
from airflow_provider_pipedrive.extraction.output.encoders import RawEncoder
from airflow_provider_pipedrive.extraction.output.run_folder import RunFolder
from airflow_provider_pipedrive.extraction.reading.pages import Key
from tests.extraction.conftest import landed

SNAPSHOT = ExtractionJob(["stages"], columns="raw")


def age(folder: Path, seconds: float) -> None:
    """Let everything in a folder be that old."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - seconds,) * 2)


def test_the_files_of_the_publication_before_stay_for_who_is_reading_them_and_go_later(
    client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    extract(client, tmp_path, SNAPSHOT)
    (first,) = (part["name"] for part in json.loads((tmp_path / "stages" / "_manifest.json").read_text())["parts"])
    extract(client, tmp_path, SNAPSHOT)
    assert (tmp_path / "stages" / first).exists()
    now = time.time()
    mocker.patch.object(manifest.time, "time", return_value=now + 3601)
    extract(client, tmp_path, SNAPSHOT)
    assert not (tmp_path / "stages" / first).exists()
    assert len(list((tmp_path / "stages").glob("part-*"))) == 2


def test_nothing_of_the_publication_before_stays_where_nothing_is_to_be_kept(
    client: PipedriveClient, tmp_path: Path
) -> None:
    for _ in range(2):
        extract(client, tmp_path, replace(SNAPSHOT, keep_previous=0))
    assert len(list((tmp_path / "stages").glob("part-*"))) == 1


def left_unfinished(folder: Path) -> list[str]:
    """The names of what a killed process was writing in a folder."""
    before = set(folder.iterdir())
    for name in ("part-0123456789abcdef-00001.csv", "_manifest.json"):
        UnfinishedFile(folder / name).file.close()
    return [path.name for path in folder.iterdir() if path not in before]


def test_what_nothing_names_is_swept_when_it_is_older_than_a_day_and_is_ours(
    client: PipedriveClient, tmp_path: Path
) -> None:
    extract(client, tmp_path, SNAPSHOT)
    folder = tmp_path / "stages"
    ours = ["part-0123456789abcdef-00000.jsonl", *left_unfinished(folder)]
    others = ["part-00000.jsonl", "part-of-my-own.jsonl", "notes.txt", "tombstones.csv"]
    for name in (*ours, *others):
        (folder / name).write_text("x")
    extract(client, tmp_path, SNAPSHOT)
    assert all((folder / name).exists() for name in ours), "they may be somebody's who is still writing"
    age(folder, 86_401)
    extract(client, tmp_path, SNAPSHOT)
    assert not any((folder / name).exists() for name in ours)
    assert all((folder / name).exists() for name in others)
    assert len(landed(folder)) == len(list(client.iterate("getStages")))


def test_files_of_a_run_that_has_not_ended_are_not_swept_however_old(client: PipedriveClient, tmp_path: Path) -> None:
    alive = RunFolder(tmp_path, "another job", "alive").entity("stages", "jsonl", RawEncoder())
    alive.load()
    alive.save({"strategy": "walk"})
    alive.write("s", [0], [b'{"id":1}'], [Key(1)])
    alive.finish("s", {})
    age(tmp_path / "stages", 3 * 86_400)
    extract(client, tmp_path, SNAPSHOT)
    assert [part for part in (tmp_path / "stages").glob("part-*") if part.name == alive.finished[0].name]

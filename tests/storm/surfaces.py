"""What users call, each as one function that does it and answers what came of it.

Every result is such that two tries at the same company are equal, and that what was lost or doubled shows: ids of what
was read, and what Pipedrive has afterwards.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.extraction import ExtractionJob, extract
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.sensors.pipedrive import (
    PipedriveDealStageSensor,
    PipedriveNewFileSensor,
    PipedriveRecordSensor,
)
from airflow_provider_pipedrive.transfers import (
    ObjectStorageToPipedriveFileOperator,
    PipedriveFileToObjectStorageOperator,
    PipedriveToObjectStorageOperator,
)
from tests.storm.later_surfaces import LATER_SURFACES
from tests.storm.tries import Surface, Try
from tests.storm.watching_surfaces import WATCHING_SURFACES

CONTENT = b"We offer. " * 400
NEW_TITLE = "Of the storm"
KNOWN_PEOPLE = ("suzanne.leroy1@example.com", "josemari.alamo2@example.net", "natasza.swiech3@example.com")
NEW_PEOPLE = [{"email": f"new{n}@example.com", "name": f"New {n}"} for n in range(6)]


def _ids(records: Any) -> list[Any]:
    return [record["id"] for record in records]


def _landed(folder: Path) -> dict[Any, int]:
    """How often each record is in the published files."""
    files = sorted(folder.rglob("*.jsonl"))
    lines = [(path.relative_to(folder).parts[0], line) for path in files for line in path.read_text().splitlines()]
    return Counter((entity, json.loads(line)["id"]) for entity, line in lines)


def _read_one(attempt: Try) -> Any:
    return PipedriveHook().run("getDeal", {"id": 1})["title"]


def _read_list(attempt: Try) -> Any:
    return _ids(PipedriveHook().run("getPersons", {"limit": 7}))


def _read_old_list(attempt: Try) -> Any:
    return _ids(PipedriveHook().iterate("getNotes", {"limit": 4}))


def _search(attempt: Try) -> Any:
    return [found["item"]["id"] for found in PipedriveHook().run("searchDeals", {"term": "li", "limit": 7})]


def _choose(attempt: Try) -> Any:
    return PipedriveHook().options("selectPerson")


def _created(attempt: Try) -> int:
    return sum(deal["title"] == NEW_TITLE for deal in attempt.records("deals"))


def _create(attempt: Try) -> Any:
    PipedriveOperator(task_id="add", action="addDeal", parameters={"title": NEW_TITLE}).execute(attempt.context)
    return _created(attempt)


def _update(attempt: Try) -> Any:
    task = PipedriveOperator(task_id="update", action="updateDeal", parameters={"id": 1, "title": NEW_TITLE})
    task.execute(attempt.context)
    return _created(attempt)


def _delete(attempt: Try) -> Any:
    PipedriveOperator(task_id="delete", action="deleteDeal", parameters={"id": 1}).execute(attempt.context)
    return attempt.sandbox.records("deals")[1]["is_deleted"]


def _uploaded(attempt: Try) -> int:
    return sum(file["name"] == "storm.pdf" for file in attempt.records("files"))


def _upload(attempt: Try) -> Any:
    path = attempt.folder / "storm.pdf"
    path.write_bytes(CONTENT)
    ObjectStorageToPipedriveFileOperator(task_id="upload", path=str(path), deal_id=1).execute(attempt.context)
    return _uploaded(attempt)


def _files_of_a_deal(attempt: Try, number: int) -> list[int]:
    """The ids of files that somebody has uploaded before the first try."""
    if attempt.number == 1:
        for one in range(number):
            attempt.sandbox.add_file(name=f"rain{one}.pdf", content=CONTENT, deal_id=1, add_time="2027-03-01 10:00:00")
    return [file["id"] for file in attempt.records("files") if file["name"].startswith("rain")]


def _download(attempt: Try) -> Any:
    (file,) = _files_of_a_deal(attempt, 1)
    PipedriveHook().run("downloadFile", {"id": file}, save_to=str(attempt.folder / "rain.pdf"))
    return {path.name: path.read_bytes() == CONTENT for path in attempt.folder.iterdir()}


def _new_files(attempt: Try) -> Any:
    _files_of_a_deal(attempt, 3)
    task = PipedriveFileToObjectStorageOperator(task_id="files", path=str(attempt.folder), deal_id=1, after_id=0)
    task.execute(attempt.context)
    return {path.name: path.read_bytes() == CONTENT for path in attempt.folder.rglob("*rain*.pdf")}


def _extract(attempt: Try) -> Any:
    with PipedriveHook().client as client:
        extract(client, attempt.folder, ExtractionJob(["deals", "persons"]))
    return _landed(attempt.folder)


def _land(attempt: Try) -> Any:
    task = PipedriveToObjectStorageOperator(task_id="land", entities=["deals", "notes"], path=str(attempt.folder))
    task.execute(attempt.context)
    return _landed(attempt.folder)


def _people_made(attempt: Try) -> int:
    names = Counter(person["name"] for person in attempt.records("persons"))
    return max(names[row["name"]] for row in NEW_PEOPLE)


def _write_rows(attempt: Try) -> Any:
    rows = [*NEW_PEOPLE, *({"email": address, "name": "Of the storm"} for address in KNOWN_PEOPLE)]
    PipedriveBulkOperator(task_id="write", rows=rows, entity="persons", folder=attempt.folder).execute(attempt.context)
    return Counter(person["name"] for person in attempt.records("persons"))


def _wait_for_stage(attempt: Try) -> Any:
    deal = attempt.sandbox.records("deals")[1]
    return _seen(PipedriveDealStageSensor(task_id="wait", deal_id=1, to_stage=deal["stage_id"]), attempt)


def _wait_for_record(attempt: Try) -> Any:
    success = ("id", "==", 1)
    task = PipedriveRecordSensor(task_id="wait", action="getDeal", parameters={"id": 1}, success=success)
    return _seen(task, attempt)


def _wait_for_file(attempt: Try) -> Any:
    _files_of_a_deal(attempt, 1)
    return _seen(
        PipedriveNewFileSensor(task_id="wait", deal_id=1, since="2027-03-01T00:00:00Z", timeout=10**8), attempt
    )


def _seen(sensor: Any, attempt: Try) -> bool:
    """Whether one look of a sensor sees what it waits for."""
    return bool(getattr(sensor.poke(attempt.context), "is_done", False))


ANY_BYTES = frozenset({"empty", "not-json", "nan", "bad-utf8", "null-data", "huge"})
"""A file may have any content: these are no faults of its bytes. An empty list of files is null."""
SURFACES = [
    Surface("`hook.run`, a record", _read_one),
    Surface("`hook.run`, a list by cursor", _read_list),
    Surface("`hook.iterate`, a list by offset", _read_old_list),
    Surface("`hook.run`, a search", _search),
    Surface("`hook.options`", _choose),
    Surface("`hook.run`, a download", _download, is_without=ANY_BYTES),
    Surface("`PipedriveOperator`, a creation", _create, _created, only_once=True),
    Surface("`PipedriveOperator`, an update", _update),
    Surface("`PipedriveOperator`, a deletion", _delete),
    Surface("`PipedriveBulkOperator`", _write_rows, _people_made, not_at_random=frozenset({"410"})),
    Surface("`extract`", _extract),
    # Notes are a list of v1, whose null says that there are none: that is believed when it is said twice.
    Surface("`PipedriveToObjectStorageOperator`", _land, not_at_random=frozenset({"null-data"})),
    # A file that is gone (410) is left out, and the receipt says so.
    Surface("`PipedriveFileToObjectStorageOperator`", _new_files, is_without=ANY_BYTES | {"410"}),
    Surface("`ObjectStorageToPipedriveFileOperator`", _upload, _uploaded, only_once=True),
    Surface("`PipedriveDealStageSensor`", _wait_for_stage),
    Surface("`PipedriveRecordSensor`", _wait_for_record),
    Surface("`PipedriveNewFileSensor`", _wait_for_file),
    *LATER_SURFACES,
    *WATCHING_SURFACES,
]

"""Files from folders and object storage into Pipedrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.files.listing import LINKS
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import ObjectStorageToPipedriveFileOperator


class TaskInstance:
    """Airflow's edge: keeps what is pushed."""

    def __init__(self, try_number: int = 1) -> None:
        self.pushed: dict[str, Any] = {}
        self.try_number = try_number

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def upload(path: Any, try_number: int = 1, run_began: datetime | None = None, **arguments: Any) -> dict[str, Any]:
    """Run the operator as a worker does; what it returns."""
    task = ObjectStorageToPipedriveFileOperator(task_id="upload", path=path, **arguments)
    dag_run = SimpleNamespace(start_date=run_began)
    context: Any = {"ti": TaskInstance(try_number), "dag_run": dag_run}
    return task.execute(context)


@pytest.fixture
def offer(tmp_path: Path) -> Path:
    path = tmp_path / "Übersicht.pdf"
    path.write_bytes(b"We offer.")
    return path


@pytest.mark.parametrize("link", LINKS)
def test_a_file_is_attached_to_a_record_of_every_kind(sandbox: Sandbox, offer: Path, link: str) -> None:
    table = {"org_id": "organizations", "activity_id": "activities"}.get(link, f"{link.removesuffix('_id')}s")
    record_id = next(iter(sandbox.records(table)))
    file = upload(str(offer), **{link: record_id})
    assert (file["name"], file[link], file["file_size"]) == ("Übersicht.pdf", record_id, 9)
    assert sandbox.records("files")[file["id"]]["content"] == b"We offer."


def test_a_file_can_have_another_name_and_several_links_and_come_from_object_storage(
    sandbox: Sandbox, bucket: str
) -> None:
    ObjectStoragePath(f"{bucket}/offer.pdf").write_bytes(b"We offer.")
    file = upload(f"{bucket}/offer.pdf", name="Offer 2027.pdf", deal_id="1", person_id=2)
    assert (file["name"], file["deal_id"], file["person_id"]) == ("Offer 2027.pdf", 1, 2)
    assert sandbox.records("files")[file["id"]]["content"] == b"We offer."


def test_the_task_links_to_the_deal(sandbox: Sandbox, offer: Path) -> None:
    instance = TaskInstance()
    context: Any = {"ti": instance}
    ObjectStorageToPipedriveFileOperator(task_id="upload", path=offer, deal_id=1).execute(context)
    assert instance.pushed == {"pipedrive_record_url": f"{sandbox.url}/deal/1"}


# ---- once


def now(sandbox: Sandbox) -> datetime:
    """The sandbox's time."""
    file = sandbox.add_file(name="clock")
    return datetime.fromisoformat(file["add_time"]).astimezone(UTC)


@pytest.mark.parametrize("link", ["deal_id", "activity_id"])
def test_a_repeated_try_does_not_upload_what_an_earlier_one_has(sandbox: Sandbox, offer: Path, link: str) -> None:
    began = now(sandbox)
    first = upload(offer, run_began=began, **{link: 1})
    assert upload(offer, 2, began, **{link: 1})["id"] == first["id"]
    assert sum(file["name"] == offer.name for file in sandbox.records("files").values()) == 1


@pytest.mark.parametrize("differs", ["run", "size", "name", "record"])
def test_a_repeated_try_uploads_what_is_not_there_yet(sandbox: Sandbox, offer: Path, differs: str) -> None:
    began = now(sandbox)
    first = upload(offer, run_began=began, deal_id=1)
    if differs == "run":
        began += timedelta(hours=1)
    elif differs == "size":
        offer.write_bytes(b"We offer more.")
    again = upload(
        offer, 2, began, deal_id=2 if differs == "record" else 1, name="other.pdf" if differs == "name" else None
    )
    assert again["id"] > first["id"]


def test_the_first_try_of_a_run_uploads_without_a_look(sandbox: Sandbox, offer: Path) -> None:
    began = now(sandbox)
    ids = {upload(offer, run_began=began, deal_id=1)["id"] for _ in range(2)}
    assert len(ids) == 2
    assert [request.tokens for request in sandbox.requests] == [10, 10]


# ---- wrong arguments


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({}, "Say what the file is attached to: give one of deal_id, person_id, org_id"),
        ({"deal_id": "one"}, "deal_id must be a whole number, not 'one'"),
        ({"lead_id": "7"}, "lead_id must be a lead's id"),
        ({"deal_id": 1, "path": " "}, "path is empty"),
        ({"deal_id": 1, "max_bytes": 0}, "max_bytes must be a whole number from 1 on"),
    ],
)
def test_what_is_wrong_is_found_when_the_dag_is_parsed(arguments: dict[str, Any], advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        ObjectStorageToPipedriveFileOperator(task_id="upload", **{"path": "offer.pdf", **arguments})


def test_a_file_that_cannot_be_read_or_is_too_large_is_told_before_anything_is_sent(
    sandbox: Sandbox, tmp_path: Path, offer: Path, bucket: str
) -> None:
    for path, arguments, advice in [
        (tmp_path / "missing.pdf", {}, "missing.pdf cannot be read: No such file"),
        (tmp_path, {}, "is a folder: give a file"),
        (offer, {"max_bytes": 8}, r"has 9 bytes, more than max_bytes \(8\)"),
        (f"{bucket}/missing.pdf", {}, "missing.pdf cannot be read: FileNotFoundError"),
    ]:
        with pytest.raises(AirflowFailException, match=advice):
            upload(path, deal_id=1, **arguments)
    assert sandbox.requests == []


def test_an_upload_to_a_deal_that_is_not_there_fails_the_task_at_once(sandbox: Sandbox, offer: Path) -> None:
    with pytest.raises(AirflowFailException, match="addFile"):
        upload(offer, deal_id=999_999)


def test_only_files_below_the_allowed_paths_are_uploaded(
    sandbox: Sandbox, offer: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ObjectStoragePath(f"{bucket}/offer.pdf").write_bytes(b"We offer.")
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__ALLOWED_PATHS", f"{offer.parent}/other, {bucket}")
    with pytest.raises(AirflowFailException, match="outside of the folders that .pipedrive. allowed_paths"):
        upload(str(offer), deal_id=1)
    assert sandbox.requests == []
    assert upload(f"{bucket}/offer.pdf", deal_id=1)["name"] == "offer.pdf"

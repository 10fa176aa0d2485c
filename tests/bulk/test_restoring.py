"""Taking a run back, and what nobody may lose by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_pipedrive.bulk import BulkJob, undo, write
from airflow_provider_pipedrive.bulk.journal import Journal
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveParameterError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import lines, made, people


def test_undo_brings_back_what_nobody_has_touched_since(client: PipedriveClient, tmp_path: Path) -> None:
    known = [client.run("addPerson", {"name": f"Before {n}"})["id"] for n in range(5)]
    rows = [{"id": identity, "name": "After", "email": f"after{identity}@example.com"} for identity in known]
    write(client, rows, BulkJob("persons", match_on="id"), folder=tmp_path)
    client.run("updatePerson", {"id": known[0], "name": "Typed by hand"})
    client.run("deletePerson", {"id": known[1]})

    result = undo(client, tmp_path)

    assert (result["restored"], result["kept"], result["impossible"]) == (3, 2, 0)
    assert client.run("getPerson", {"id": known[0]})["name"] == "Typed by hand"
    person = client.run("getPerson", {"id": known[4]})
    assert (person["name"], person["emails"]) == ("Before 4", [])
    assert {line["why"] for line in lines(result["details"])} == {None, "edited since: Name", "it was deleted since"}
    assert undo(client, tmp_path) == result


def test_an_undo_of_five_hundred_keeps_the_three_that_somebody_has_edited_since(
    client: PipedriveClient, tmp_path: Path
) -> None:
    write(client, people(500), BulkJob("persons"), folder=tmp_path / "made")
    after = [{**row, "name": f"After {n}"} for n, row in enumerate(people(500))]
    results = lines(write(client, after, BulkJob("persons"), folder=tmp_path / "changed")["results"])
    for line in results[:3]:
        client.run("updatePerson", {"id": line["id"], "name": "Typed by hand"})

    result = undo(client, tmp_path / "changed")

    assert (result["restored"], result["kept"], result["impossible"]) == (497, 3, 0)
    assert made(client) == {f"Bulk {n}": 1 for n in range(3, 500)}


def test_undo_deletes_what_was_made_unless_something_hangs_on_it(client: PipedriveClient, tmp_path: Path) -> None:
    receipt = write(client, people(3), BulkJob("persons"), folder=tmp_path)
    first = lines(receipt["results"])[0]["id"]
    client.run("addDeal", {"title": "Hangs on it", "person_id": first})

    result = undo(client, tmp_path)

    assert (result["restored"], result["kept"]) == (2, 1)
    assert list(made(client)) == ["Bulk 0"]


def test_undo_brings_deals_back_and_says_what_it_cannot(client: PipedriveClient, tmp_path: Path) -> None:
    write(client, [{"id": 1}], BulkJob("deals", mode="delete", match_on="id", max_deletes=1), folder=tmp_path / "deals")
    write(
        client,
        [{"id": 1}],
        BulkJob("products", mode="delete", match_on="id", max_deletes=1),
        folder=tmp_path / "products",
    )

    assert undo(client, tmp_path / "deals")["restored"] == 1
    assert client.run("getDeal", {"id": 1})["is_deleted"] is False
    assert undo(client, tmp_path / "products")["impossible"] == 1


@pytest.mark.parametrize("kind", ["text", "path", "object storage"])
def test_the_folder_of_a_run_is_a_text_a_path_or_a_path_into_object_storage(
    client: PipedriveClient, tmp_path: Path, kind: str
) -> None:
    stored = UPath(f"memory://{tmp_path.name}/run")
    folder = {"text": str(tmp_path / "run"), "path": tmp_path / "run", "object storage": stored}[kind]
    assert write(client, people(2), BulkJob("persons"), folder=folder)["created"] == 2
    assert undo(client, folder)["restored"] == 2


@pytest.mark.parametrize("given", [None, 3, b"run", "", "s3://bucket/run"])
def test_what_is_not_a_folder_is_refused_in_words_before_anything_is_sent(client: PipedriveClient, given: Any) -> None:
    with pytest.raises(PipedriveParameterError, match=r"^The folder "):
        write(client, people(2), BulkJob("persons"), folder=given)
    with pytest.raises(PipedriveParameterError, match=r"^The folder "):
        undo(client, given)
    assert client.usage.requests == 0


def test_a_folder_without_a_run_cannot_be_undone(client: PipedriveClient, tmp_path: Path) -> None:
    with pytest.raises(PipedriveParameterError, match="does not hold a bulk run"):
        undo(client, tmp_path)


def test_an_undo_takes_back_what_was_made_and_never_answered(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    write(client, people(3), BulkJob("persons"), folder=tmp_path)
    journal = Journal(tmp_path)  # as if the process had died before the answers came
    journal.run("UPDATE operations SET state = 'sent', id = NULL, note = ?", [journal.get("writing_since")])
    journal.close()

    assert undo(client, tmp_path)["restored"] == 3
    assert not made(client)


def test_an_undo_that_died_before_it_noted_what_it_did_counts_it_as_restored(
    client: PipedriveClient, tmp_path: Path
) -> None:
    before = client.run("getDeal", {"id": 1})["title"]
    write(client, [{"id": 1, "title": "New"}], BulkJob("deals", match_on="id"), folder=tmp_path)
    client.run("updateDeal", {"id": 1, "title": before})

    assert undo(client, tmp_path)["restored"] == 1

"""Creations whose answers are lost: found again, and never made a second time."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, lines, made, people


@pytest.mark.parametrize("kind", ["reset-after", "truncate", "empty", "not-json"])
def test_a_creation_whose_answer_is_lost_is_not_made_a_second_time(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write, kind: str
) -> None:
    sandbox.fault(path="/api/v2/persons", method="POST", kind=kind, count=3, skip=2)

    receipt = write_rows(people(10), "persons")

    assert receipt["created"] == 10
    assert set(made(client).values()) == {1}
    assert len({line["id"] for line in lines(receipt["results"])}) == 10


@pytest.mark.parametrize("kind", ["reset", "500", "503"])
def test_a_creation_that_was_not_carried_out_is_made_all_the_same(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write, kind: str
) -> None:
    sandbox.fault(path="/api/v2/persons", method="POST", kind=kind, count=2)

    assert write_rows(people(5), "persons")["created"] == 5
    assert set(made(client).values()) == {1}


def test_equal_rows_without_a_key_are_each_made_once_though_an_answer_is_lost(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    sandbox.fault(path="/v1/notes", method="POST", kind="reset-after", count=2)

    receipt = write_rows([{"content": "Called", "deal_id": 1}] * 4, "notes", mode="create")

    assert receipt["created"] == 4
    notes = [note for note in client.iterate("getNotes", {"deal_id": 1}) if note["content"] == "Called"]
    assert len(notes) == 4


def test_activities_with_a_person_are_made_once_though_answers_are_lost(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    sandbox.fault(path="/api/v2/activities", method="POST", kind="reset-after", count=2)
    rows = [{"subject": "Call back", "person": "new@example.com", "done": "true"}] * 3

    receipt = write_rows(rows, "activities", mode="create", create_related=True)

    found = [activity for activity in client.iterate("getActivities") if activity["subject"] == "Call back"]
    assert len(found) == len(lines(receipt["results"])) == 3
    assert {len(activity["participants"]) for activity in found} == {1}


def test_activities_without_a_subject_are_made_once_though_answers_are_lost(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    before = len(list(client.iterate("getActivities")))
    sandbox.fault(path="/api/v2/activities", method="POST", kind="reset-after", count=2)

    write_rows([{"type": "call", "deal": 1}] * 3, "activities", mode="create")

    assert len(list(client.iterate("getActivities"))) == before + 3

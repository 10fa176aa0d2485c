"""Activities, whose person is the primary one of their participants."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_pipedrive.bulk import undo
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, lines


def test_the_person_of_an_activity_is_its_primary_participant_and_the_others_stay(
    client: PipedriveClient, write_rows: Write, tmp_path: Path
) -> None:
    first, second, third = [person["id"] for person in client.iterate("getPersons")][:3]
    guests = [{"person_id": first, "primary": True}, {"person_id": second, "primary": False}]
    known = client.run("addActivity", {"subject": "Visit", "participants": guests})["id"]

    receipt = write_rows([{"id": known, "person": third}], "activities", match_on="id")

    assert receipt["updated"] == 1
    activity = client.run("getActivity", {"id": known})
    assert activity["person_id"] == third
    assert [guest["person_id"] for guest in activity["participants"]] == [third, second]
    assert undo(client, tmp_path / "run")["restored"] == 1
    assert client.run("getActivity", {"id": known})["person_id"] == first


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

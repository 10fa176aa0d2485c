"""Operations as requests: each entity's in its own shape."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_pipedrive.bulk import undo
from airflow_provider_pipedrive.client import PipedriveClient
from tests.bulk.conftest import SEGMENT, Write, lines


def test_leads_take_custom_fields_and_money_in_their_own_shape(client: PipedriveClient, write_rows: Write) -> None:
    receipt = write_rows(
        [
            {
                "title": "Inbound",
                "person": 1,
                "value": "100 EUR",
                "Segment": "Large",
                "Interests": ["Support", "Hosting"],
            }
        ],
        "leads",
        mode="create",
        missing_options="null",
    )

    (made,) = lines(receipt["results"])
    lead = client.run("getLead", {"id": made["id"]})
    assert lead["value"] == {"amount": 100, "currency": "EUR"}
    assert isinstance(lead[SEGMENT], str)


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


def test_deals_are_archived_instead_of_deleted_where_the_job_says_so(
    client: PipedriveClient, write_rows: Write
) -> None:
    receipt = write_rows([{"id": 1}], "deals", mode="delete", match_on="id", max_deletes=1, on_remove="archive")

    assert receipt["archived"] == 1
    assert client.run("getDeal", {"id": 1})["is_archived"] is True

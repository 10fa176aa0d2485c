"""Custom fields by name in single writes and reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN

SEGMENT = "48518331116f22e83ac2f70301c01ab410b46e3c"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[PipedriveClient]:
    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    ) as made:
        yield made


def test_a_write_names_fields_and_options_as_people_do_and_a_read_gives_them_back(client: PipedriveClient) -> None:
    client.run("updateDeal", {"id": 1, "custom_fields": {"segment": "large", "Seats": "25", "Yearly value": "10 EUR"}})

    deal = client.run("getDeal", {"id": 1}, readable=True)
    assert deal["custom_fields"]["Segment"] == "Large"
    assert deal["custom_fields"]["Seats"] == 25
    assert deal["custom_fields"]["Yearly value"] == {"value": 10, "currency": "EUR"}


def test_definitions_are_read_once_for_many_writes(client: PipedriveClient, sandbox: Sandbox) -> None:
    for number in range(5):
        client.run("updateDeal", {"id": 1, "custom_fields": {"Seats": number}})

    assert [entry.path for entry in sandbox.requests].count("/api/v2/dealFields") == 1


def test_a_write_by_keys_reads_no_definitions(client: PipedriveClient, sandbox: Sandbox) -> None:
    client.run("updateDeal", {"id": 1, "custom_fields": {SEGMENT: None}})

    assert len(sandbox.requests) == 1


def test_a_new_lead_takes_names_too(client: PipedriveClient) -> None:
    made = client.run("addLead", {"title": "Inbound", "person_id": 1, "custom_fields": {"Segment": "Small"}})

    leads = {lead["id"]: lead for lead in client.iterate("getLeads", readable=True)}
    assert leads[made["id"]]["custom_fields"]["Segment"] == "Small"


@pytest.mark.parametrize(
    ("action", "given", "words"),
    [
        ("updateDeal", {"id": 1, "custom_fields": {"Segmnt": "Large"}}, "there is no field 'Segmnt'"),
        ("updateDeal", {"id": 1, "custom_fields": {"Segment": "Larg"}}, "Segment must be the name or id of an option"),
        ("updateDeal", {"id": 1, "custom_fields": {"Seats": "many"}}, "Seats must be a number, not 'many'"),
        ("updateDeal", {"id": 1, "custom_fields": {"Champion": "Eva"}}, "Champion must be the id of a person"),
        ("updateDeal", {"id": 1, "custom_fields": {"Title": "x"}}, "is Pipedrive's own field title"),
        ("updatePerson", {"id": 1, "custom_fields": {"Source": "Fair"}}, "several fields are called 'Source'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_before_anything_is_written(
    client: PipedriveClient, sandbox: Sandbox, action: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(PipedriveParameterError, match=words):
        client.run(action, given)

    assert all(entry.method == "GET" for entry in sandbox.requests)

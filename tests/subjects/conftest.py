"""A person of whom the sandbox has something of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN

EMAIL = "jana.forgetme@example.com"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[PipedriveClient]:
    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    ) as made:
        yield made


@pytest.fixture
def jana(client: PipedriveClient) -> dict[str, list[Any]]:
    """The ids of what belongs to her, by kind."""
    person = client.run("addPerson", {"name": "Jana", "emails": [{"value": "Jana.ForgetMe@example.com"}]})["id"]
    client.run("addPerson", {"name": "Other", "emails": [{"value": f"x{EMAIL}"}]})
    deal = client.run("addDeal", {"title": "Roof", "person_id": person})["id"]
    lead = client.run("addLead", {"title": "Wall", "person_id": person})["id"]
    activity = client.run("addActivity", {"subject": "Call", "deal_id": deal})["id"]
    notes = [
        client.run("addNote", {"content": "likes tea", "person_id": person})["id"],
        client.run("addNote", {"content": "of the deal", "deal_id": deal})["id"],
        client.run("addNote", {"content": "of the lead", "lead_id": lead})["id"],
    ]
    file = client.run("addFile", {"file": ("passport.txt", b"C01X00T47"), "person_id": person})["id"]
    return {
        "notes": notes,
        "files": [file],
        "activities": [activity],
        "leads": [lead],
        "deals": [deal],
        "persons": [person],
    }

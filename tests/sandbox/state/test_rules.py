"""One change follows from another."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api


@pytest.mark.parametrize(
    ("table", "wrong", "names"),
    [
        ("deals", {"status": "Won"}, "status"),
        ("deals", {"currency": "EURO"}, "currency"),
        ("deals", {"currency": "eur"}, "currency"),
        ("deals", {"visible_to": 2}, "visible_to"),
        ("persons", {"marketing_status": "Subscribed"}, "marketing_status"),
        ("products", {"prices": [{"price": 5, "currency": "EURO"}]}, "prices"),
        ("products", {"billing_frequency": "Monthly"}, "billing_frequency"),
        ("projects", {"status": "done"}, "status"),
        ("activities", {"type": "Call"}, "type"),
    ],
)
def test_v2_refuses_a_value_that_is_not_on_the_list_in_create_and_update(
    table: str, wrong: dict[str, Any], names: str, api: Api
) -> None:
    whole = {"deals": {"title": "x"}, "projects": {"title": "x", "board_id": 1, "phase_id": 1}, "activities": {}}
    for answer in (
        api.post(f"/api/v2/{table}", whole.get(table, {"name": "x"}) | wrong),
        api.patch(f"/api/v2/{table}/1", wrong),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "ERR_SCHEMA_VALIDATION_FAILED")
        assert answer.json()["error"].startswith(f"Validation failed: {names}: ")


@pytest.mark.parametrize(
    "wrong", [{"value": {"amount": 5, "currency": "EURO"}}, {"visible_to": "4"}, {"visible_to": "Everyone"}]
)
def test_v1_refuses_them_too(wrong: dict[str, Any], api: Api, sandbox: Sandbox) -> None:
    lead = next(iter(sandbox.records("leads")))
    for answer in (
        api.post("/v1/leads", {"title": "x", "person_id": 1} | wrong),
        api.patch(f"/v1/leads/{lead}", wrong),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "Bad request")
        assert answer.json()["error_info"].startswith(f"{next(iter(wrong))} ")


def test_a_stage_brings_its_pipeline_and_the_time_of_the_change(
    api: Api, sandbox: Sandbox, deal: dict[str, Any]
) -> None:
    stage = next(s for s in sandbox.records("stages").values() if s["id"] != deal["stage_id"])
    sandbox.advance(60)
    after = api.patch(f"/api/v2/deals/{deal['id']}", {"stage_id": stage["id"], "pipeline_id": 1}).json()["data"]
    assert (after["stage_id"], after["pipeline_id"]) == (stage["id"], stage["pipeline_id"])
    assert after["stage_change_time"] == after["update_time"] > deal["update_time"]


def test_winning_losing_and_reopening_set_their_times(api: Api, bare: int) -> None:
    path = f"/api/v2/deals/{bare}"
    won = api.patch(path, {"status": "won"}).json()["data"]
    assert won["won_time"] == won["close_time"] is not None
    lost = api.patch(path, {"status": "lost", "lost_reason": "price"}).json()["data"]
    assert (lost["won_time"], lost["lost_reason"]) == (None, "price")
    assert lost["lost_time"] == lost["close_time"] is not None
    open_again = api.patch(path, {"status": "open"}).json()["data"]
    assert (open_again["lost_time"], open_again["close_time"], open_again["lost_reason"]) == (None, None, None)


def test_an_activity_is_linked_to_persons_by_its_participants(api: Api) -> None:
    body = {"subject": "Call", "participants": [{"person_id": 2, "primary": True}]}
    activity = api.post("/api/v2/activities", body).json()["data"]
    assert activity["person_id"] == 2
    assert activity["id"] in [row["id"] for row in api.data("/api/v2/activities", person_id=2, limit=500)]
    done = api.patch(f"/api/v2/activities/{activity['id']}", {"done": True}).json()["data"]
    assert done["marked_as_done_time"] is not None

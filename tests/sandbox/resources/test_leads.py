"""Leads: what they take, and how they become deals and deals become leads."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api, ids

CUSTOM = "f" * 40


@pytest.mark.parametrize(
    "body",
    [
        {"title": "x"},
        {"title": "x", "person_id": 1, "custom_fields": {}},
        {"title": "x", "person_id": 1, CUSTOM: "y"},
        {"title": "x", "person_id": 1, "value": {"amount": 5}},
        {"title": "x", "person_id": 1, "label_ids": ["no such label"]},
    ],
    ids=str,
)
def test_a_lead_that_does_not_fit_is_refused(body: dict[str, Any], api: Api) -> None:
    assert api.post("/v1/leads", body).status_code == 400


@pytest.mark.parametrize(
    ("name", "wrong", "reason"),
    [
        ("Segment", "99999", "has no option 99999"),
        ("Seats", "many", "must be a number"),
        ("Renewal date", "soon", "date"),
    ],
)
def test_custom_fields_of_a_lead_fit_their_types(
    name: str, wrong: str, reason: str, api: Api, sandbox: Sandbox
) -> None:
    fields = sandbox.records("dealFields").values()
    code = next(field["field_code"] for field in fields if field["field_name"] == name)
    answer = api.post("/v1/leads", {"title": "x", "person_id": 1, code: wrong})
    assert (answer.status_code, answer.json()["error"]) == (400, "Bad request")
    assert reason in answer.json()["error_info"]


def test_an_archived_lead_takes_nothing_but_to_be_taken_out_of_the_archive(api: Api, sandbox: Sandbox) -> None:
    key = next(key for key, lead in sandbox.records("leads").items() if lead["is_archived"])
    assert api.patch(f"/v1/leads/{key}", {"title": "x"}).status_code == 400
    assert api.patch(f"/v1/leads/{key}", {"is_archived": False}).status_code == 200
    assert api.patch(f"/v1/leads/{key}", {"title": "x"}).json()["data"]["title"] == "x"


def test_leads_of_an_updated_since_are_leads(api: Api, sandbox: Sandbox) -> None:
    key = next(iter(sandbox.records("leads")))
    sandbox.advance(10)
    api.patch(f"/v1/leads/{key}", {"title": "Touched"})
    moment = sandbox.records("leads")[key]["update_time"][:19] + "Z"
    assert ids(api.data("/v1/leads", updated_since=moment)) == [key]
    assert api.get("/v1/leads", updated_since=moment[:-1] + ".500Z").status_code == 400


def test_a_lead_becomes_a_deal_after_some_readings(api: Api, sandbox: Sandbox) -> None:
    field = next(
        f for f in sandbox.records("dealFields").values() if f["is_custom_field"] and f["field_type"] == "enum"
    )
    code, option = field["field_code"], field["options"][0]["id"]
    body = {"title": "Promising", "person_id": 1, "value": {"amount": 7, "currency": "EUR"}, code: str(option)}
    lead = api.post("/v1/leads", body).json()["data"]
    assert lead[code] == str(option)
    stage = next(iter(sandbox.records("stages")))
    answer = api.post(f"/api/v2/leads/{lead['id']}/convert/deal", {"stage_id": stage})
    job = answer.json()["data"]["conversion_id"]
    path = f"/api/v2/leads/{lead['id']}/convert/status/{job}"
    readings = [api.data(path) for _ in range(3)]
    assert [reading["status"] for reading in readings] == ["not_started", "running", "completed"]
    assert "deal_id" not in readings[0]
    deal = api.data(f"/api/v2/deals/{readings[2]['deal_id']}", include_fields="source_lead_id")
    assert (deal["title"], deal["value"], deal["stage_id"]) == ("Promising", 7, stage)
    assert (deal["source_lead_id"], deal["custom_fields"][code]) == (lead["id"], option)
    assert api.get(f"/v1/leads/{lead['id']}").status_code == 404
    sandbox.advance(8 * 86_400)
    assert api.get(path).status_code == 404


def test_a_deal_becomes_a_lead_and_is_marked_deleted(api: Api, deal: dict[str, Any]) -> None:
    base = f"/api/v2/deals/{deal['id']}/convert"
    job = api.post(f"{base}/lead").json()["data"]["conversion_id"]
    done = [api.data(f"{base}/status/{job}") for _ in range(3)][-1]
    assert api.data(f"/v1/leads/{done['lead_id']}")["title"] == deal["title"]
    assert api.data(f"/api/v2/deals/{deal['id']}")["status"] == "deleted"

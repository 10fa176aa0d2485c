"""Records as v1 shows them."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api, small_company


def test_a_deal_of_v1_has_its_custom_fields_flat_and_a_lead_only_what_is_set(api: Api, sandbox: Sandbox) -> None:
    defined = {field["field_code"] for field in sandbox.records("dealFields").values() if field["is_custom_field"]}
    assert defined <= api.data("/v1/pipelines/1/deals", everyone=1)[0].keys()
    for lead in api.data("/v1/leads"):
        assert None not in [lead[code] for code in defined if code in lead]


def test_a_deal_embeds_its_owner_person_and_organization_as_objects_and_v2_has_their_ids() -> None:
    with small_company(v1_out_of_support="answer") as api:
        old, new = api.data("/v1/deals/1"), api.data("/api/v2/deals/1")
        owner = api.data(f"/v1/users/{new['owner_id']}")
        assert (old["user_id"]["id"], old["user_id"]["email"]) == (new["owner_id"], owner["email"])
        assert (old["person_id"]["value"], old["org_id"]["value"]) == (new["person_id"], new["org_id"])
        assert (old["person_name"], old["org_name"]) == (old["person_id"]["name"], old["org_id"]["name"])


def test_times_of_v1_have_a_space_and_no_zone(api: Api, deal: dict[str, Any]) -> None:
    copy = api.post(f"/v1/deals/{deal['id']}/duplicate").json()["data"]
    shown = api.data(f"/api/v2/deals/{copy['id']}")
    assert copy["add_time"] == shown["add_time"].replace("T", " ").removesuffix("Z")


def test_a_deal_is_weighted_by_its_probability(api: Api) -> None:
    deal = {"title": "Likely", "value": 50, "currency": "EUR", "probability": 30}
    key = api.post("/api/v2/deals", deal).json()["data"]["id"]
    copy = api.post(f"/v1/deals/{key}/duplicate").json()["data"]
    assert {name: copy[name] for name in ("value", "weighted_value", "formatted_weighted_value")} == {
        "value": 50,
        "weighted_value": 15,
        "formatted_weighted_value": "15 EUR",
    }

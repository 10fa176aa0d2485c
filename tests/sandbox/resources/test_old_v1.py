"""Reads of v1 that are out of support, where the settings let them be answered."""

from __future__ import annotations

from tests.support.sandbox_api import small_company


def test_v1_reads_out_of_support_may_be_answered_and_writes_never() -> None:
    with small_company(v1_out_of_support="answer") as api:
        deals = api.get("/v1/deals", limit=3).json()
        assert deals["data"][0]["user_id"].keys() >= {"id", "name", "email", "value"}
        assert deals["additional_data"]["pagination"]["next_start"] == 3
        assert api.data("/v1/organizations/1")["owner_id"].keys() >= {"id", "name", "value"}
        assert api.data("/v1/deals/1/persons")
        assert {row["deal_id"] for row in api.data("/v1/deals/1/products") or [{"deal_id": 1}]} == {1}
        assert api.data("/v1/stages", pipeline_id=2)[0]["pipeline_name"] == "Renewals"
        assert api.get("/v1/organizations/999999").status_code == 404
        for method, path in (("POST", "/v1/deals"), ("PUT", "/v1/persons/1"), ("GET", "/v1/itemSearch")):
            assert api(method, path, json={"title": "x"}).status_code == 410


def test_activities_of_v1_are_the_callers_own_unless_everybodys_are_asked_for() -> None:
    with small_company(v1_out_of_support="answer") as api:
        own = api.data("/v1/activities", limit=500) or []
        assert {row["user_id"] for row in own} <= {1}
        assert len(api.data("/v1/activities", user_id=0, limit=500)) > len(own)

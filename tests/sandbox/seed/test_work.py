"""Leads and activities."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.seed import field_code
from tests.support.seeded_company import Company


def test_leads_have_the_custom_fields_of_deals_flat_and_only_those_that_are_set(company: Company) -> None:
    codes = {row["field_code"] for row in company["dealFields"].values() if row["is_custom_field"]}
    keys = {key: value for lead in company["leads"].values() for key, value in lead.items() if key[:40] in codes}
    assert None not in keys.values()
    assert all(isinstance(value, str | int | float) for value in keys.values())
    assert field_code(1, "dealFields", "Yearly value") + "_currency" in keys
    assert not any("custom_fields" in lead for lead in company["leads"].values())


def test_activities_lie_in_the_past_when_they_are_done(company: Company) -> None:
    for activity in company["activities"].values():
        assert activity["done"] == (activity["marked_as_done_time"] is not None)
        if activity["done"]:
            assert activity["add_time"] <= activity["marked_as_done_time"] <= activity["update_time"]
    open_ones = [activity for activity in company["activities"].values() if not activity["done"]]
    assert any(activity["due_date"] > "2026-11-01" for activity in open_ones)
    assert any(activity["due_date"] < "2026-11-01" for activity in open_ones)

"""Custom fields: what v2 takes, and how both versions show them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api, days_ago, small_company


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("set", []),
        ("set", 1),
        ("set", [999_999]),
        ("enum", "1"),
        ("enum", 999_999),
        ("double", "1"),
        ("monetary", 5),
        ("monetary", {"currency": "EUR"}),
        ("date", "yesterday"),
        ("varchar", "x" * 256),
        ("varchar", 5),
        ("address", "Main Street 1"),
    ],
)
def test_a_custom_field_takes_only_what_its_type_allows_and_the_error_names_it(
    kind: str, value: Any, api: Api, sandbox: Sandbox
) -> None:
    fields = [f for f in sandbox.records("dealFields").values() if f["is_custom_field"] and f["field_type"] == kind]
    if not fields:
        created = {"field_name": "New", "field_type": kind, "options": [{"label": "a"}]}
        fields = [api.post("/api/v2/dealFields", created).json()["data"]]
    code = fields[0]["field_code"]
    answer = api.patch("/api/v2/deals/1", {"custom_fields": {code: value}})
    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["field_code"]) == ("ERR_SCHEMA_VALIDATION_FAILED", code)


def test_null_clears_a_custom_field(api: Api, sandbox: Sandbox) -> None:
    code = api.post("/api/v2/dealFields", {"field_name": "New", "field_type": "varchar"}).json()["data"]["field_code"]
    api.patch("/api/v2/deals/1", {"custom_fields": {code: "x"}})
    assert api.data("/api/v2/deals/1")["custom_fields"][code] == "x"
    api.patch("/api/v2/deals/1", {"custom_fields": {code: None}})
    assert api.data("/api/v2/deals/1")["custom_fields"][code] is None
    assert code not in (sandbox.records("deals")[1]["custom_fields"] or {})


def test_a_custom_field_of_money_takes_currencies_that_there_are(api: Api, sandbox: Sandbox) -> None:
    fields = sandbox.records("dealFields").values()
    code = next(field["field_code"] for field in fields if field["field_name"] == "Yearly value")
    assert api.patch("/api/v2/deals/1", {"custom_fields": {code: {"value": 5, "currency": "CHF"}}}).status_code == 200
    answer = api.patch("/api/v2/deals/1", {"custom_fields": {code: {"value": 5, "currency": "EURO"}}})
    assert answer.json()["error"] == f"Validation failed: custom_fields.{code}: 'EURO' is not the code of a currency"


@pytest.mark.parametrize(
    ("name", "wrong", "reason"),
    [
        ("Best time to call", {"value": "25:00"}, "'value' is not a valid time"),
        ("Best time to call", {"value": "10:00", "timezone_id": "3"}, "must be a number"),
        ("Opening hours", {"value": "10:00:00", "until": "late"}, "'until' is not a valid time"),
        ("Pilot period", {"value": "2026-05-04", "until": "2026-02-30"}, "'until' is not a valid date"),
        ("Site", {"value": "Main Street 1", "postal_code": 10115}, "'postal_code' must be a string"),
    ],
)
def test_the_parts_of_a_composite_value_are_checked_too(
    name: str, wrong: dict[str, Any], reason: str, api: Api, sandbox: Sandbox
) -> None:
    fields = sandbox.records("dealFields").values()
    code = next(field["field_code"] for field in fields if field["field_name"] == name)
    answer = api.patch("/api/v2/deals/1", {"custom_fields": {code: wrong}})
    assert (answer.status_code, answer.json()["field_code"]) == (400, code)
    assert answer.json()["error"] == f"Validation failed: custom_fields.{code}: {reason}"


def test_a_deal_has_all_87_custom_fields_most_of_them_null(api: Api) -> None:
    deals = api.data("/api/v2/deals", limit=500)
    assert {len(deal["custom_fields"]) for deal in deals} == {87}
    unset = [value for deal in deals for value in deal["custom_fields"].values() if value is None]
    assert len(unset) / len(deals) > 70


def test_a_page_of_500_deals_would_weigh_about_two_and_a_half_megabytes(api: Api) -> None:
    answer = api.get("/api/v2/deals", limit=500)
    assert 4_500 < len(answer.content) / len(answer.json()["data"]) < 5_500


@pytest.mark.parametrize("table", ["deals", "persons", "organizations", "products", "projects"])
def test_every_record_has_every_custom_field_that_is_defined(table: str, api: Api) -> None:
    fields = api.data(f"/api/v2/{table.removesuffix('s')}Fields", limit=500)
    defined = {field["field_code"] for field in fields if field["is_custom_field"]}
    for record in (api.data(f"/api/v2/{table}/1"), *api.data(f"/api/v2/{table}", limit=5)):
        assert record["custom_fields"].keys() == defined


def test_a_field_is_in_every_record_from_its_definition_to_its_end(api: Api) -> None:
    assert api.data("/api/v2/persons/1")["custom_fields"]  # what was written once must not be shown for ever
    field = {"field_name": "Shoe size", "field_type": "double"}
    code = api.post("/api/v2/personFields", field).json()["data"]["field_code"]
    assert api.data("/api/v2/persons/1")["custom_fields"][code] is None
    assert [person["custom_fields"][code] for person in api.data("/api/v2/persons", limit=2)] == [None, None]
    api.delete(f"/api/v2/personFields/{code}")
    assert code not in api.data("/api/v2/persons/1")["custom_fields"]


def test_custom_fields_that_are_asked_for_are_at_most_15(api: Api, sandbox: Sandbox) -> None:
    codes = [field["field_code"] for field in sandbox.records("dealFields").values() if field["is_custom_field"]]
    assert list(api.data("/api/v2/deals/1", custom_fields=",".join(codes[:15]))["custom_fields"]) == codes[:15]
    assert api.get("/api/v2/deals/1", custom_fields=",".join(codes[:16])).status_code == 400


def test_the_number_of_custom_fields_changes_nothing_else_in_the_company() -> None:
    narrow, wide = Sandbox(deals=40, custom_fields=16), Sandbox(deals=40, custom_fields=200)
    assert [len([f for f in s.records("dealFields").values() if f["is_custom_field"]]) for s in (narrow, wide)] == [
        16,
        200,
    ]
    for one, other in zip(narrow.records("deals").values(), wide.records("deals").values(), strict=True):
        assert one["title"] == other["title"]
        assert one["custom_fields"].items() <= other["custom_fields"].items()


def test_unset_custom_fields_may_be_absent() -> None:
    with small_company(unset_custom_fields="absent") as api:
        assert max(len(deal["custom_fields"]) for deal in api.data("/api/v2/deals")) < 30


def test_the_options_of_a_set_are_text_or_a_list_in_v1() -> None:
    for setting, shown in (("text", "15,16"), ("list", ["15", "16"])):
        with small_company(v1_sets=setting) as api:
            fields = api.sandbox.records("dealFields").values()
            field = next(field for field in fields if field["field_name"] == "Interests")
            api.sandbox.update("deals", 1, custom_fields={field["field_code"]: [15, 16]})
            deal = api.data("/v1/recents", since_timestamp=days_ago(1), items="deal")[0]["data"]
            assert deal[field["field_code"]] == shown

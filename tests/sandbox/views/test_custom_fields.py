"""What recordings of the live API show and its specification does not, and settings where nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.sandbox.conftest import Api


@contextmanager
def company(**settings: Any) -> Iterator[Api]:
    with Sandbox(deals=8, **settings) as sandbox:
        client = Api(sandbox)
        with client.session:
            yield client


def code_of(api: Api, name: str) -> str:
    fields = api.sandbox.records("dealFields").values()
    return next(str(field["field_code"]) for field in fields if field["field_name"] == name)


# Custom fields


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


def test_a_deal_of_v1_has_them_flat_and_a_lead_only_what_is_set(api: Api, sandbox: Sandbox) -> None:
    defined = {field["field_code"] for field in sandbox.records("dealFields").values() if field["is_custom_field"]}
    assert defined <= api.data("/v1/pipelines/1/deals", everyone=1)[0].keys()
    for lead in api.data("/v1/leads"):
        assert None not in [lead[code] for code in defined if code in lead]


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
    with company(unset_custom_fields="absent") as api:
        assert max(len(deal["custom_fields"]) for deal in api.data("/api/v2/deals")) < 30


def test_the_options_of_a_set_are_text_or_a_list_in_v1() -> None:
    for setting, shown in (("text", "15,16"), ("list", ["15", "16"])):
        with company(v1_sets=setting) as api:
            fields = api.sandbox.records("dealFields").values()
            field = next(field for field in fields if field["field_name"] == "Interests")
            api.sandbox.update("deals", 1, custom_fields={field["field_code"]: [15, 16]})
            deal = api.data("/v1/recents", since_timestamp=_days_ago(1), items="deal")[0]["data"]
            assert deal[field["field_code"]] == shown


def _days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")


# Definitions of fields in v1


def test_a_v1_field_leaves_out_what_it_has_not(api: Api) -> None:
    title = api.data("/v1/dealFields", limit=1)[0]
    assert title["key"] == "title"
    assert not {"options", "options_deleted", "is_subfield", "subfields"} & title.keys()
    assert title["json_column_flag"] is False
    assert title["show_in_pipelines"] == {"show_in_all": True, "pipeline_ids": []}


def test_the_parts_of_a_composite_field_are_rows_of_their_own(api: Api) -> None:
    money = code_of(api, "Yearly value")
    rows = [field for field in api.data("/v1/dealFields", limit=500) if field["key"].startswith(money)]
    whole, part = rows
    assert whole["json_column_flag"] is True
    assert "is_subfield" not in whole
    assert {name: part[name] for name in ("id", "key", "is_subfield", "parent_id", "id_suffix", "field_type")} == {
        "id": None,
        "key": f"{money}_currency",
        "is_subfield": True,
        "parent_id": whole["id"],
        "id_suffix": "currency",
        "field_type": "varchar",
    }


def test_a_new_composite_field_has_its_parts(api: Api) -> None:
    field = {"field_name": "Visit", "field_type": "timerange"}
    made = api.post("/api/v2/dealFields", field).json()["data"]
    code = made["field_code"]
    assert [part["field_code"] for part in made["subfields"]] == [f"{code}_until", f"{code}_timezone_id"]


def test_mandatory_flag_is_a_boolean_or_an_object(api: Api) -> None:
    flags = {field["key"]: field["mandatory_flag"] for field in api.data("/v1/dealFields", limit=500)}
    assert (flags["title"], flags["value"], flags["person_id"]) == (True, False, {"org_id": "<=0"})


# Recents, timelines, users, filters


def test_what_recents_give_belongs_to_others_by_plain_ids(api: Api, sandbox: Sandbox) -> None:
    for table in ("deals", "persons", "organizations", "products"):
        sandbox.update(table, 1, **({"title": "Touched"} if table == "deals" else {"name": "Touched"}))
    recents = api.data("/v1/recents", since_timestamp=_days_ago(1), items="deal,person,organization,product")
    shown = {row["item"]: row["data"] for row in recents if row["id"] == 1}
    for item, names in {
        "deal": ("user_id", "creator_user_id", "person_id", "org_id"),
        "person": ("owner_id", "org_id"),
        "organization": ("owner_id",),
        "product": ("owner_id",),
    }.items():
        assert all(isinstance(shown[item][name], int | None) for name in names)


def test_recents_of_a_record_that_is_gone_for_good_have_no_data(api: Api) -> None:
    api.put("/v1/persons/1/merge", {"merge_with_id": 2})
    rows = {row["id"]: row for row in api.data("/v1/recents", since_timestamp=_days_ago(1), items="person", limit=500)}
    assert rows[1] == {"item": "person", "id": 1, "data": None}
    assert rows[2]["data"]["id"] == 2


def test_recents_may_reach_back_further() -> None:
    with company(old_since_timestamp="answer") as api:
        deals = api.data("/v1/recents", since_timestamp="2015-01-01 00:00:00", items="deal", limit=500)
        assert len(deals) == len(api.sandbox.records("deals"))


def test_a_timeline_says_what_it_is_about(api: Api, deal: dict[str, Any]) -> None:
    api.post("/v1/notes", {"content": "x", "deal_id": deal["id"]})
    related = api.get(f"/v1/deals/{deal['id']}/flow").json()["related_objects"]
    assert related.keys() == {"user", "organization", "person", "deal"}
    assert related["deal"][str(deal["id"])]["title"] == deal["title"]
    assert related["person"].get(str(deal["person_id"]), {}).get("value") == deal["person_id"]
    of_an_organization = api.get("/v1/organizations/1/flow").json()["related_objects"]
    assert of_an_organization.keys() == {"user", "organization"}


def test_relationships_of_organizations_name_both(api: Api, sandbox: Sandbox) -> None:
    row = next(iter(sandbox.records("organizationRelationships").values()))
    both = {str(row["rel_owner_org_id"]), str(row["rel_linked_org_id"])}
    listed = api.get("/v1/organizationRelationships", org_id=row["rel_owner_org_id"]).json()
    single = api.get(f"/v1/organizationRelationships/{row['id']}").json()
    assert both <= listed["related_objects"]["organization"].keys()
    assert single["related_objects"]["organization"].keys() == both


def test_a_user_has_the_time_of_his_last_change_and_the_apps_he_may_use(api: Api) -> None:
    user = api.data("/v1/users")[0]
    datetime.strptime(user["modified"], "%Y-%m-%d %H:%M:%S")
    assert [access["app"] for access in user["access"]] == ["sales", "global", "account_settings"]


def test_visible_to_of_a_filter_is_text(api: Api) -> None:
    conditions = api.data("/v1/filters/1")["conditions"]
    made = api.post("/v1/filters", {"name": "x", "type": "deals", "conditions": conditions}).json()["data"]
    assert {filter_["visible_to"] for filter_ in (*api.data("/v1/filters"), made)} == {"7"}


# What nobody knows


def test_v1_reads_out_of_support_may_be_answered_and_writes_never() -> None:
    with company(v1_out_of_support="answer") as api:
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
    with company(v1_out_of_support="answer") as api:
        own = api.data("/v1/activities", limit=500) or []
        assert {row["user_id"] for row in own} <= {1}
        assert len(api.data("/v1/activities", user_id=0, limit=500)) > len(own)


def test_an_unknown_name_in_a_query_of_v2_is_refused_or_passed_over() -> None:
    for setting, status in (("refuse", 400), ("answer", 200)):
        with company(unknown_query=setting) as api:
            assert api.get("/api/v2/deals/1/followers", sort_by="id").status_code == status


def test_true_and_false_are_spelt_small_in_v2_or_in_any_case() -> None:
    for setting, status in (("exact", 400), ("any", 200)):
        with company(boolean_spelling=setting) as api:
            query = {"term": "a b", "item_types": "deal", "exact_match": "False"}
            assert api.get("/api/v2/itemSearch", **query).status_code == status


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"v1_sets": "tuple"}, "v1_sets='tuple' is not one of text, list."),
        ({"custom_fields": 3}, "custom_fields=3 is too few: give 16 or more."),
    ],
)
def test_a_setting_that_there_is_not_is_refused(setting: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Sandbox(**setting)

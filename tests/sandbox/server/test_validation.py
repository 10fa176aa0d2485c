"""What does not fit the catalog: refused in v2, read forgivingly in v1."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox_api import Api, small_company

CUSTOM = "f" * 40


@pytest.mark.parametrize(
    "query",
    [
        {"colour": "red"},
        {"owner_id": "me"},
        {"limit": 501},
        {"limit": 0},
        {"sort_by": "title"},
        {"sort_direction": "up"},
        {"status": "open,lost,gone"},
        {"updated_since": "2026-01-01T00:00:00.500Z"},
        {"updated_since": "2026-01-01 00:00:00"},
        {"updated_since": "2026-13-01T00:00:00Z"},
        {"include_option_labels": "1"},
        {"include_fields": "title"},
        {"ids": ",".join(map(str, range(1, 102)))},
        {"custom_fields": ",".join(f"{n:040x}" for n in range(16))},
        {"cursor": "made-up"},
    ],
    ids=lambda query: next(iter(query.items()), ("", ""))[0] + "=" + str(next(iter(query.values())))[:24],
)
def test_a_v2_query_that_does_not_fit_is_a_schema_error(query: dict[str, Any], api: Api) -> None:
    answer = api.get("/api/v2/deals", **query)
    assert answer.status_code == 400
    assert answer.json()["code"] == "ERR_SCHEMA_VALIDATION_FAILED"
    assert next(iter(query)) in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        {"title": 5},
        {"title": "x", "colour": "red"},
        {"title": "x", "owner_id": "1"},
        {"title": "x", "value": "12.5"},
        {"title": "x", "value": True},
        {"title": "x", "visible_to": "3"},
        {"title": "x", "label_ids": ["1"]},
        {"title": "x", "is_archived": 1},
        {"title": "x", "expected_close_date": "31.12.2026"},
        {"title": "x", "person_id": 999_999},
        {"title": "x", "stage_id": 999_999},
        {"title": "x", CUSTOM: "y"},
        {"title": "x", "custom_fields": {CUSTOM: "y"}},
        {"title": "x", "lost_reason": "price"},
        {},
    ],
    ids=str,
)
def test_a_v2_body_that_does_not_fit_is_a_schema_error(body: dict[str, Any], api: Api) -> None:
    answer = api.post("/api/v2/deals", body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "ERR_SCHEMA_VALIDATION_FAILED"


@pytest.mark.parametrize(
    "body",
    [
        {"name": None},
        {"emails": "a@example.com"},
        {"emails": ["a@example.com"]},
        {"emails": [{"value": "a@example.com", "primary_flag": True}]},
        {"phones": [{"value": 372555}]},
    ],
    ids=str,
)
def test_what_a_person_cannot_be_is_a_schema_error(body: dict[str, Any], api: Api) -> None:
    answer = api.patch("/api/v2/persons/1", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "ERR_SCHEMA_VALIDATION_FAILED")


def test_v1_reads_numbers_and_booleans_from_text_and_ignores_unknown_names(api: Api) -> None:
    body = {"content": "x", "deal_id": "1", "pinned_to_deal_flag": "1", "colour": "red"}
    note = api.post("/v1/notes", body).json()["data"]
    assert (note["deal_id"], note["pinned_to_deal_flag"]) == (1, True)
    assert "colour" not in note
    assert api.get("/v1/notes", colour="red").status_code == 200


def test_a_flag_of_v1_is_0_or_1(api: Api) -> None:
    answer = api.post("/v1/notes", {"content": "x", "deal_id": 1, "pinned_to_deal_flag": 7})
    assert (answer.status_code, answer.json()["error_info"]) == (400, "pinned_to_deal_flag must be a boolean")


def test_an_unknown_name_in_a_query_of_v2_is_refused_or_passed_over() -> None:
    for setting, status in (("refuse", 400), ("answer", 200)):
        with small_company(unknown_query=setting) as api:
            assert api.get("/api/v2/deals/1/followers", sort_by="id").status_code == status


def test_true_and_false_are_spelt_small_in_v2_or_in_any_case() -> None:
    for setting, status in (("exact", 400), ("any", 200)):
        with small_company(boolean_spelling=setting) as api:
            query = {"term": "a b", "item_types": "deal", "exact_match": "False"}
            assert api.get("/api/v2/itemSearch", **query).status_code == status


OPTIONS = "/api/v2/dealFields/label_ids/options"


@pytest.mark.parametrize(
    ("method", "items", "name"),
    [
        ("POST", [{"label": 5}], "label"),
        ("POST", [{}], "label"),
        ("POST", [5], "body"),
        ("PATCH", [{"id": "1", "label": "x"}], "id"),
        ("DELETE", [{"id": ["1"]}], "id"),
    ],
)
def test_the_items_of_a_body_that_is_a_list_fit_their_types(method: str, items: list[Any], name: str, api: Api) -> None:
    answer = api(method, OPTIONS, json=items)
    assert (answer.status_code, answer.json()["code"]) == (400, "ERR_SCHEMA_VALIDATION_FAILED")
    assert answer.json()["error"].startswith(f"Validation failed: {name}: ")


@pytest.mark.parametrize(
    ("path", "name"), [("/v1/roles/1/assignments", "user_id"), ("/v1/legacyTeams/1/users", "users")]
)
def test_a_deletion_needs_its_body_too(path: str, name: str, api: Api) -> None:
    answer = api("DELETE", path, json={})
    assert (answer.status_code, answer.json()["error"]) == (400, f"{name} must be given.")


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("/v1/activityTypes", {"name": ["Call"], "icon_key": "call"}, "name must be a string"),
        ("/v1/legacyTeams/1/users", {"users": 5}, "users must be an array"),
        ("/v1/legacyTeams/1/users", {"users": [[1]]}, "users must contain values of type integer"),
        ("/v1/dealFields", {"name": "Size", "field_type": "enum", "options": 5}, "options must be an array"),
        ("/v1/dealFields", {"name": "Size", "field_type": "enum", "options": [{}]}, "label is required in each item"),
        (
            "/v1/dealFields",
            {"name": "Size", "field_type": "enum", "options": [5]},
            "options must contain values of type object",
        ),
    ],
)
def test_v1_says_what_it_cannot_read(path: str, body: dict[str, Any], reason: str, api: Api) -> None:
    answer = api.post(path, body)
    assert (answer.status_code, answer.json()["error_info"]) == (400, reason)


def test_the_quantity_of_a_product_in_a_deal_is_never_null(api: Api, bare: int) -> None:
    line = {"product_id": 1, "item_price": 100, "quantity": 2}
    path = f"/api/v2/deals/{bare}/products"
    key = api.post(path, line).json()["data"]["id"]
    assert api.patch(f"{path}/{key}", {"quantity": None}).status_code == 400

"""What Pipedrive refuses, the sandbox refuses too: with the same status, code and envelope."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.sandbox.conftest import Api

CUSTOM = "f" * 40
UNAUTHORIZED = {
    "success": False,
    "error": "unauthorized access",
    "errorCode": 401,
    "error_info": "Please check developers.pipedrive.com",
}


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-token": "wrong"}, {"authorization": "Bearer wrong"}],
    ids=["no credential", "a wrong token", "a wrong access token"],
)
def test_who_is_not_known_gets_the_gateways_401(headers: dict[str, str], sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/api/v2/deals", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json() == UNAUTHORIZED
    assert "x-401-by-gw" in answer.headers


def test_the_token_works_in_the_query_too(sandbox: Sandbox) -> None:
    query = {"api_token": sandbox.api_token}
    assert requests.get(f"{sandbox.url}/v1/users/me", params=query, timeout=10).status_code == 200


def test_a_malformed_authorization_header_is_400(sandbox: Sandbox) -> None:
    headers = {"authorization": "Token abc"}
    assert requests.get(f"{sandbox.url}/v1/users/me", headers=headers, timeout=10).status_code == 400


def test_an_operation_beyond_the_grants_scopes_is_403(sandbox: Sandbox) -> None:
    headers = {"authorization": f"Bearer {sandbox.access_token(('contacts:read',))}"}
    assert requests.get(f"{sandbox.url}/api/v2/persons", headers=headers, timeout=10).status_code == 200
    answer = requests.get(f"{sandbox.url}/api/v2/deals", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (403, "Scope and URL mismatch")


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


def test_a_cursor_of_another_order_is_refused(api: Api) -> None:
    cursor = api.get("/api/v2/deals", limit=1).json()["additional_data"]["next_cursor"]
    assert api.get("/api/v2/deals", limit=1, cursor=cursor, sort_by="add_time").status_code == 400


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


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v2/deals/999999", 404),
        ("PATCH", "/api/v2/persons/999999", 404),
        ("DELETE", "/api/v2/organizations/999999", 404),
        ("GET", "/v1/leads/00000000-0000-0000-0000-000000000000", 404),
        ("GET", "/v1/files/999999", 404),
        ("GET", "/v1/productFields/999999", 410),
        ("GET", "/v1/dealFields/999999", 404),
        ("DELETE", "/v1/callLogs/none", 410),
        ("GET", "/api/v2/deals/abc", 400),
        ("PUT", "/api/v2/deals/1", 405),
        ("GET", "/v2/deals", 404),
        ("GET", "/v1/nothing", 404),
    ],
)
def test_what_is_not_there_has_its_status(method: str, path: str, status: int, api: Api) -> None:
    answer = api(method, path, json={} if method in ("PATCH", "PUT") else None)
    assert answer.status_code == status
    assert answer.json()["success"] is False


def test_a_webhook_error_has_its_own_envelope(api: Api) -> None:
    answer = api.post("/v1/webhooks", {"event_action": "*"})
    assert answer.status_code == 400
    assert answer.json()["errors"]["subscription_url"] == ["can't be blank"]
    assert api.delete("/v1/webhooks/999999").json() == {
        "status": "error",
        "success": False,
        "errors": {"id": ["not found"]},
    }


def test_v1_reads_numbers_and_booleans_from_text_and_ignores_unknown_names(api: Api) -> None:
    body = {"content": "x", "deal_id": "1", "pinned_to_deal_flag": "1", "colour": "red"}
    note = api.post("/v1/notes", body).json()["data"]
    assert (note["deal_id"], note["pinned_to_deal_flag"]) == (1, True)
    assert "colour" not in note
    assert api.get("/v1/notes", colour="red").status_code == 200


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


def test_the_fields_of_contact_sync_cannot_be_written_without_it(api: Api) -> None:
    assert api.patch("/api/v2/persons/1", {"job_title": "Baker"}).status_code == 403
    with Sandbox(deals=3, contact_sync=True) as sandbox:
        headers = {"x-api-token": sandbox.api_token}
        body = {"job_title": "Baker"}
        answer = requests.patch(f"{sandbox.url}/api/v2/persons/1", json=body, headers=headers, timeout=10)
        assert answer.json()["data"]["job_title"] == "Baker"


def test_a_body_that_is_no_json_is_400(api: Api) -> None:
    answer = api("POST", "/api/v2/deals", data=b"{title", headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_a_search_term_needs_two_characters_or_an_exact_match_and_at_most_a_hundred_hits(api: Api) -> None:
    assert api.get("/api/v2/deals/search", term="a").status_code == 400
    assert api.get("/api/v2/deals/search", term="a", exact_match="true").status_code == 200
    assert api.get("/api/v2/deals/search", term="deal", limit=101).status_code == 400


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


def test_a_flag_of_v1_is_0_or_1(api: Api) -> None:
    answer = api.post("/v1/notes", {"content": "x", "deal_id": 1, "pinned_to_deal_flag": 7})
    assert (answer.status_code, answer.json()["error_info"]) == (400, "pinned_to_deal_flag must be a boolean")


def test_a_custom_field_of_money_takes_currencies_that_there_are(api: Api, sandbox: Sandbox) -> None:
    fields = sandbox.records("dealFields").values()
    code = next(field["field_code"] for field in fields if field["field_name"] == "Yearly value")
    assert api.patch("/api/v2/deals/1", {"custom_fields": {code: {"value": 5, "currency": "CHF"}}}).status_code == 200
    answer = api.patch("/api/v2/deals/1", {"custom_fields": {code: {"value": 5, "currency": "EURO"}}})
    assert answer.json()["error"] == f"Validation failed: custom_fields.{code}: 'EURO' is not the code of a currency"


def test_nothing_is_unique_but_ids(api: Api) -> None:
    for body in ({"name": "Ada Twin", "emails": [{"value": "ada@example.com"}]}, {"name": "Ada Twin"}):
        assert api.post("/api/v2/persons", body).json()["success"]
        assert api.post("/api/v2/persons", body).json()["success"]
    for table, body in (("organizations", {"name": "Twin Ltd"}), ("products", {"name": "Twin", "code": "T-1"})):
        first, second = (api.post(f"/api/v2/{table}", body).json()["data"]["id"] for _ in range(2))
        assert second == first + 1


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


def test_a_deleted_deal_can_be_taken_back(api: Api, deal: dict[str, Any]) -> None:
    api.delete(f"/api/v2/deals/{deal['id']}")
    back = api.patch(f"/api/v2/deals/{deal['id']}", {"is_deleted": False}).json()["data"]
    assert (back["is_deleted"], back["status"]) == (False, "open")


def test_parts_of_an_address_that_are_left_out_become_null(api: Api) -> None:
    address = api.patch("/api/v2/organizations/1", {"address": {"value": "Main Street 1"}}).json()["data"]["address"]
    assert address["value"] == "Main Street 1"
    assert address["postal_code"] is None

"""Every action is called once through the hook against the sandbox, and what went over the wire is held against the
table of facts made from Pipedrive's own client: method, path, and no name or type that the operation does not have."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ACTIONS, Action, Parameter
from airflow_provider_pipedrive.errors import PipedriveEndpointRemovedError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox

FACTS = json.loads((Path(__file__).parent / "catalog" / "node_client_facts.json").read_text())["operations"]
FACT = {(row["method"], row["path"]): row for row in FACTS}
REMOVED = [key for key, action in ACTIONS.items() if action.lifecycle == "removed"]
CALLED = [key for key in ACTIONS if key not in REMOVED and key != "rawRequest"]

# What a parameter of this type is given, where nothing below says otherwise.
BY_TYPE: dict[str, Any] = {
    "integer": 1,
    "number": 12.5,
    "string": "text",
    "boolean": True,
    "flag": 1,
    "object": {},
    "date": "2026-01-31",
    "datetime": "2026-01-31T12:00:00Z",
    "any": "text",
    "file": ("file.txt", b"content"),
}
# Values that mean something to Pipedrive, by action and name, or by name alone.
BY_NAME: dict[str, Any] = {
    "term": "deal",
    "color": "blue",
    "conditions": {
        "glue": "and",
        "conditions": [{"glue": "and", "conditions": []}, {"glue": "or", "conditions": []}],
    },
    "subscription_url": "https://example.com/hook",
    "field_key": "add_time",
    "email": "someone@example.com",
    "merge_with_id": 2,
    "rel_linked_org_id": 2,
    "assignee": {"id": 1, "type": "person"},
    "duration": {"start": "2026-01-01", "end": "2026-12-31"},
    "expected_outcome": {"target": 50, "tracking_metric": "quantity"},
    "visible_pipeline_ids": {"add": [1]},
    "item_type": "deal",
    "file_type": "gdoc",
    "remote_location": "googledrive",
}
BY_ACTION: dict[tuple[str, str], Any] = {
    ("addGoal", "type"): {"name": "deals_started", "params": {"pipeline_id": [1]}},
    ("addManyDealProducts", "data"): [{"product_id": 1, "item_price": 10, "quantity": 1}],
    ("addNote", "deal_id"): 1,
    ("addLead", "person_id"): 1,
    ("addDealParticipant", "person_id"): 5,
    ("getRecents", "since_timestamp"): datetime.now(UTC) - timedelta(days=1),
    ("setFieldValueForPerson", "field_code"): "name",
}
# Bodies of field options: the list that an operation takes, given the options that the field has.
OPTIONS: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "add": lambda options: [{"label": "One more"}],
    "update": lambda options: [{"id": options[0]["id"], "label": "Renamed"}],
    "delete": lambda options: [{"id": options[0]["id"]}],
}
# The sandbox's table for the part of a path before ``{id}``, where their names differ.
TABLES = {"legacyTeams": "teams", "user": "users"}
# Records that the company does not have, or that are in use: how to make one that can be taken away.
MADE_ANEW: dict[str, Callable[[PipedriveHook], Any]] = {
    "deleteRole": lambda hook: hook.run("addRole", {"name": "text"})["id"],
    "deleteWebhook": lambda hook: hook.run(
        "addWebhook",
        {"name": "text", "subscription_url": "https://example.com/hook", "event_action": "*", "event_object": "deal"},
    )["id"],
    "deleteUserProviderLink": lambda hook: linked(hook),
    "deletePersonPicture": lambda hook: with_picture(hook),
    "getPersonPicture": lambda hook: with_picture(hook),
    "getProductImage": lambda hook: with_image(hook),
    "updateProductImage": lambda hook: with_image(hook),
    "deleteProductImage": lambda hook: with_image(hook),
}
# Parts of records that have to be made before they can be read, changed or taken away.
MADE_FIRST: dict[str, Callable[[PipedriveHook, Action, Any], Any]] = {
    "activityId": lambda hook, action, id_: planned_activity(hook, id_),
    "taskId": lambda hook, action, id_: 1,
    "commentId": lambda hook, action, id_: hook.run("addNoteComment", {"id": id_, "content": "text"})["uuid"],
    "conversion_id": lambda hook, action, id_: converted(hook, action, id_),
    "deal_participant_id": lambda hook, action, id_: hook.run("addDealParticipant", {"id": id_, "person_id": 2})["id"],
    "discount_id": lambda hook, action, id_: hook.run(
        "postAdditionalDiscount", {"id": id_, "description": "text", "amount": 1, "type": "amount"}
    )["id"],
    "follower_id": lambda hook, action, id_: followed(hook, action, id_),
    "installment_id": lambda hook, action, id_: hook.run(
        "postInstallment", {"id": id_, "description": "text", "amount": 1, "billing_date": "2026-01-31"}
    )["id"],
    "product_attachment_id": lambda hook, action, id_: hook.run(
        "addDealProduct", {"id": id_, "product_id": 1, "item_price": 10, "quantity": 1}
    )["id"],
    "product_variation_id": lambda hook, action, id_: hook.run("addProductVariation", {"id": id_, "name": "text"})[
        "id"
    ],
}


def converted(hook: PipedriveHook, action: Action, id_: Any) -> str:
    other = "convertDealToLead" if "/deals/" in action.path else "convertLeadToDeal"
    return str(hook.run(other, {"id": id_})["conversion_id"])


def followed(hook: PipedriveHook, action: Action, id_: Any) -> int:
    """v2 addresses a follower by the user, v1 by the follower's own record."""
    user = hook.run("getCurrentUser")["id"]
    add = f"{action.key.replace('delete', 'add')}"
    made = hook.run(add, {"id": id_, "user_id": user})
    return int(user if action.version == "v2" else made["id"])


def linked(hook: PipedriveHook) -> str:
    link = {"user_provider_id": "a-link", "user_id": 1, "company_id": 1, "marketplace_client_id": "text"}
    hook.run("saveUserProviderLink", link)
    return "a-link"


def with_picture(hook: PipedriveHook) -> int:
    hook.run("addPersonPicture", {"id": 1, "file": ("face.png", b"content")})
    return 1


def with_image(hook: PipedriveHook) -> int:
    hook.run("uploadProductImage", {"id": 1, "data": ("product.png", b"content")})
    return 1


def planned_activity(hook: PipedriveHook, project: Any) -> int:
    return int(hook.run("addActivity", {"subject": "text", "type": "call", "project_id": project})["id"])


def a_record(sandbox: Sandbox, action: Action, parameter: Parameter) -> Any:
    """The id of a living record of the kind that stands before the placeholder in the path."""
    parts = action.path.split("/")
    part = parts[parts.index(f"{{{parameter.name}}}") - 1]
    records = list(sandbox.records(TABLES.get(part, part)).values())
    if part.endswith("Fields"):
        custom = [field for field in records if field["is_custom_field"] and field["field_type"] == "enum"]
        field = (custom or records)[0]
        return field["id"] if parameter.type == "integer" else field["field_code"]
    return next(record["id"] for record in records if not record.get("is_deleted") and record.get("active_flag", True))


def value_of(action: Action, parameter: Parameter, sandbox: Sandbox, hook: PipedriveHook, given: dict[str, Any]) -> Any:
    name = parameter.name
    if (action.key, name) in BY_ACTION:
        return BY_ACTION[action.key, name]
    if name == "id" and action.key in MADE_ANEW:
        return MADE_ANEW[action.key](hook)
    if parameter.place == "path":
        return (
            MADE_FIRST[name](hook, action, given["id"]) if name in MADE_FIRST else a_record(sandbox, action, parameter)
        )
    if parameter.enum:
        return parameter.enum[0]
    if name == "body":
        verb = next(verb for verb in OPTIONS if action.key.startswith(verb))
        return OPTIONS[verb](hook.run(f"get{action.key[len(verb) : -len('Options')]}", given)["options"])
    if name in BY_NAME:
        return BY_NAME[name]
    return [1] if parameter.type == "array" else BY_TYPE[parameter.type]


def parameters_for(action: Action, sandbox: Sandbox, hook: PipedriveHook) -> dict[str, Any]:
    """The least that the action wants."""
    given: dict[str, Any] = {}
    for parameter in action.parameters:
        if parameter.required or (action.key, parameter.name) in BY_ACTION:
            given[parameter.name] = value_of(action, parameter, sandbox, hook, given)
    return given


@pytest.mark.parametrize("key", CALLED)
def test_an_action_called_through_the_hook_is_what_pipedrives_client_sends(key: str, sandbox: Sandbox) -> None:
    action, hook = ACTIONS[key], PipedriveHook()
    given = parameters_for(action, sandbox, hook)
    before = len(sandbox.requests)
    hook.run(key, given)
    sent = sandbox.requests[before]
    fact = FACT[action.method, action.path]
    assert sent.method == fact["method"]
    assert re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", fact["path"]), sent.path)
    assert sent.status in (200, 201)
    assert sent.tokens == action.token_cost
    known = {parameter["name"]: parameter for parameter in fact["parameters"]}
    assert {name for name, _value in sent.query} <= {name for name, row in known.items() if row["in"] == "query"}
    body = sent.body if isinstance(sent.body, dict) else {}
    assert set(body) <= {name for name, row in known.items() if row["in"] in ("body", "form")}
    if action.result == "upload" or fact.get("content_type") != "application/json":
        return
    for name, value in body.items():
        assert_type(name, value, known[name]["type"])


def assert_type(name: str, value: Any, official: str) -> None:
    """The JSON type of a value against the official one (``number``, ``string | null``, ``Array<number>``, ...)."""
    expected = {"number": (int, float), "string": (str,), "boolean": (bool,)}.get(official.removesuffix(" | null"))
    if expected is not None and value is not None:
        assert isinstance(value, expected), f"{name}: {value!r} is no {official}"
        assert isinstance(value, bool) == (expected == (bool,)), f"{name}: {value!r} is no {official}"


@pytest.mark.parametrize("key", REMOVED)
def test_a_removed_action_raises_without_a_request_and_the_sandbox_answers_410_to_who_calls_anyway(
    key: str, sandbox: Sandbox
) -> None:
    action, hook = ACTIONS[key], PipedriveHook()
    with pytest.raises(PipedriveEndpointRemovedError, match=action.since):
        hook.run(key, {})
    assert sandbox.requests == []
    with pytest.raises(PipedriveEndpointRemovedError, match=action.since) as caught:
        hook.request(action.method, re.sub(r"\{[^}]+\}", "1", action.path))
    assert caught.value.status == 410


def test_a_raw_request_reaches_what_the_catalog_does_not_name(sandbox: Sandbox) -> None:
    hook = PipedriveHook()
    raw = {"method": "GET", "path": "/api/v2/deals/1", "query": {"include_fields": "notes_count"}}
    assert hook.run("rawRequest", raw)["id"] == 1
    assert [(sent.path, sent.query) for sent in sandbox.requests] == [
        ("/api/v2/deals/1", [("include_fields", "notes_count")])
    ]

"""The catalog against Pipedrive's own word: its official Node client, operation by operation.

``node_client_facts.json`` is that client as a table; ``tools/generate/node_client_facts.py`` makes it. When Pipedrive
releases a new client: make the table again, run these tests, and read the list of differences that they print. Correct
the catalog, or declare the difference in ``DEVIATIONS`` with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from airflow_provider_pipedrive.catalog import ACTIONS, Action, Parameter
from airflow_provider_pipedrive.catalog.model import body, part, query

TABLE = json.loads((Path(__file__).parent / "node_client_facts.json").read_text("utf-8"))
ROWS: list[dict[str, Any]] = TABLE["operations"]

# What the client's types may be called in the catalog, which is finer: all numbers are `number` in JavaScript, all
# dates and times `string`.
TYPES = {
    "string": {"string", "date", "datetime", "time"},
    "date": {"date"},
    "date-time": {"datetime"},
    "number": {"integer", "number"},
    "boolean": {"boolean"},
    "object": {"object"},
    "array": {"array"},
    "file": {"file"},
}

CONTENT_TYPES = {"body": "application/json", "form": "application/x-www-form-urlencoded", "file": "multipart/form-data"}

# The plain key is v2's. These two mean a filtered list of v2's deals, so that v1's operation has the key of a sibling.
V1_BESIDE_ALIAS = {"getPipelineDeals", "getStageDeals"}


class Difference(NamedTuple):
    """Where the catalog and the client disagree: the action, the point, and both sides' word."""

    key: str
    point: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.key}, {self.point}: {self.detail}"


def differences(actions: Mapping[str, Action], rows: list[dict[str, Any]]) -> list[Difference]:
    """Everything that the catalog says otherwise than the client, both ways."""
    keyed = {key_of(row, rows): row for row in rows}
    found = [Difference(key, "operation", "the catalog lacks it") for key in keyed.keys() - actions.keys()]
    for key, action in actions.items():
        if key in keyed:
            found += operation_differences(action, keyed[key])
        elif not is_our_own(action):
            found.append(Difference(key, "operation", "the client does not know it"))
    return sorted(found)


def key_of(row: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """The catalog's key: the operation's name; the v1 sibling of a v2 operation has `V1` behind it."""
    name: str = row["operation"]
    has_v2 = any(other["operation"] == name and other["version"] == "v2" for other in rows) or name in V1_BESIDE_ALIAS
    return f"{name}V1" if row["version"] == "v1" and has_v2 else name


def is_our_own(action: Action) -> bool:
    """What the client cannot know: other names of an operation, removed ones, and the raw request."""
    return action.alias_of is not None or action.lifecycle == "removed" or action.key == "rawRequest"


def operation_differences(action: Action, row: dict[str, Any]) -> Iterator[Difference]:
    for point, ours, theirs in (
        ("method", action.method, row["method"]),
        ("path", action.path, row["path"]),
        ("scopes", sorted(action.scopes), sorted(row["scopes"])),
        ("lifecycle", action.lifecycle, expected_lifecycle(row)),
        ("body_is_array", action.body_is_array, row.get("body_is_array", False)),
        ("content type", content_type(action), row.get("content_type")),
    ):
        if ours != theirs:
            yield Difference(action.key, point, f"{ours} here, {theirs} in the client")
    yield from parameter_differences(action, row)


def expected_lifecycle(row: dict[str, Any]) -> str:
    return "deprecated" if row.get("deprecated") else "beta" if row.get("beta") else "active"


def content_type(action: Action) -> str | None:
    places = {parameter.place for parameter in action.parameters}
    return next((CONTENT_TYPES[place] for place in ("file", "form", "body") if place in places), None)


def parameter_differences(action: Action, row: dict[str, Any]) -> Iterator[Difference]:
    ours = {f"{parameter.place} {parameter.name}": parameter for parameter in action.parameters}
    theirs = {f"{place_of(fact)} {fact['name']}": fact for fact in row["parameters"]}
    for name in theirs.keys() - ours.keys():
        yield Difference(action.key, name, "the catalog lacks it")
    for name in ours.keys() - theirs.keys():
        yield Difference(action.key, name, "the client does not know it")
    for name in ours.keys() & theirs.keys():
        yield from (
            Difference(action.key, f"{name}, {point}", f"{mine} here, {given} in the client")
            for point, mine, given in compare(ours[name], theirs[name])
            if mine != given
        )


def place_of(fact: dict[str, Any]) -> str:
    return "file" if fact["type"] == "file" else str(fact["in"])


def compare(ours: Parameter, theirs: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The points of one parameter, each with the catalog's word and the client's."""
    yield "required", ours.required, theirs.get("required", False)
    yield "nullable", ours.nullable, theirs.get("nullable", False)
    yield "repeated", ours.repeated, theirs.get("repeated", False)
    yield "enum", list(ours.enum), enum_of(ours, theirs)
    if ours.type not in types_of(ours, theirs):
        yield "type", ours.type, theirs["type"]
    if ours.type == "array" == theirs["type"] and ours.items not in TYPES[theirs["items"]]:
        yield "items", ours.items, theirs["items"]
    if "parts" in theirs:
        yield from compare_parts(ours, theirs["parts"])


def compare_parts(ours: Parameter, theirs: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """What objects consist of; what is required in them is Pipedrive's to check, and null is always let through."""
    known = {part.name: part for part in ours.parts}
    yield "parts", sorted(known), sorted(theirs)
    for name in known.keys() & theirs.keys():
        for point, mine, given in compare(known[name], theirs[name]):
            if point not in ("required", "nullable"):
                yield f"{name}: {point}", mine, given


def types_of(ours: Parameter, theirs: dict[str, Any]) -> set[str]:
    """The types that the catalog may give a parameter."""
    if theirs.get("enum") == [0, 1]:
        return {"flag"}
    if ours.place == "query" and theirs["type"] == "string" and ours.type == "array":
        return {"array"}  # a comma-separated list
    return TYPES[theirs["type"]]


def enum_of(ours: Parameter, theirs: dict[str, Any]) -> list[Any]:
    """The values that the client lists: `flag` says 0 and 1 by itself, and lists are named by their elements."""
    enum: list[Any] = theirs.get("enum", [])
    if ours.type == "flag":
        return [value for value in enum if value not in (0, 1)]
    if ours.type == "array":
        return list(dict.fromkeys(part for value in enum for part in value.split(",")))
    return enum


# Where the catalog knows better, and why.
DEVIATIONS: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        [
            ("addChannel", "lifecycle"),
            ("deleteChannel", "lifecycle"),
            ("deleteConversation", "lifecycle"),
            ("receiveMessage", "lifecycle"),
        ],
        "removed on 2026-02-01, says "
        "https://developers.pipedrive.com/changelog/post/breaking-change-deprecation-of-channels-api",
    ),
    ("addWebhook", "body event_object, enum"): "https://pipedrive.readme.io/docs/list-of-webhooks-v2 names six more",
    ("deleteManyDealProducts", "query ids, required"): "without ids Pipedrive deletes up to 100 products of the deal",
    **dict.fromkeys(
        [
            ("deleteProductFollowerV1", "body user_id"),
            ("deleteProductFollowerV1", "content type"),
        ],
        "Pipedrive accepts it: recorded traffic in https://github.com/lypborges/pipedrive_ruby",
    ),
    **dict.fromkeys(
        [("getArchivedLeads", "query sort, enum"), ("getLeads", "query sort, enum")],
        "the value is a field with a direction, several separated by commas: `add_time DESC, id ASC`",
    ),
    **dict.fromkeys(
        [("getProjectActivities", "query cursor"), ("getProjectTasks", "query cursor")],
        "their answers carry next_cursor: without the parameter all but the first page would be out of reach",
    ),
    **{
        ("updateDealFieldV1", f"body {name}"): (
            "Pipedrive accepts a field as it was read, changed: recorded traffic in "
            "https://github.com/lypborges/pipedrive_ruby"
        )
        for name in (
            "active_flag",
            "add_time",
            "bulk_edit_allowed",
            "details_visible_flag",
            "edit_flag",
            "field_type",
            "important_flag",
            "index_visible_flag",
            "key",
            "mandatory_flag",
            "order_nr",
            "picklist_data",
            "searchable_flag",
            "update_time",
        )
    },
    **{
        ("updateMailThreadDetails", f"form {name}, type"): "0 or 1, as the thread itself shows them"
        for name in ("archived_flag", "read_flag", "shared_flag")
    },
}


def test_the_catalog_says_what_the_client_says() -> None:
    unexpected = [found for found in differences(ACTIONS, ROWS) if (found.key, found.point) not in DEVIATIONS]

    if unexpected:
        listed = "\n".join(map(str, unexpected))
        pytest.fail(f"The catalog differs from {TABLE['client']}:\n{listed}", pytrace=False)


def test_every_declared_deviation_is_one() -> None:
    found = {(difference.key, difference.point) for difference in differences(ACTIONS, ROWS)}

    assert [deviation for deviation in DEVIATIONS if deviation not in found] == []


GET_STAGES = Action(
    key="getStages",
    summary="List stages",
    method="GET",
    path="/api/v2/stages",
    scopes=("deals:read", "admin"),
    token_cost=5,
    result="records",
    parameters=(
        query("pipeline_id", "integer"),
        query("sort_by", "string", enum=("id", "add_time")),
        query("ids", "array", items="integer"),
    ),
)
GET_STAGES_ROW: dict[str, Any] = {
    "operation": "getStages",
    "version": "v2",
    "method": "GET",
    "path": "/api/v2/stages",
    "scopes": ["admin", "deals:read"],
    "parameters": [
        {"name": "pipeline_id", "in": "query", "type": "number"},
        {"name": "sort_by", "in": "query", "type": "string", "enum": ["id", "add_time"]},
        {"name": "ids", "in": "query", "type": "string"},
    ],
}


def test_an_operation_that_both_describe_alike_makes_no_difference() -> None:
    assert differences({"getStages": GET_STAGES}, [GET_STAGES_ROW]) == []


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"method": "POST"}, "getStages, method: GET here, POST in the client"),
        ({"path": "/api/v2/phases"}, "getStages, path: /api/v2/stages here, /api/v2/phases in the client"),
        ({"scopes": ["admin"]}, "getStages, scopes: ['admin', 'deals:read'] here, ['admin'] in the client"),
        ({"deprecated": True}, "getStages, lifecycle: active here, deprecated in the client"),
        ({"beta": True}, "getStages, lifecycle: active here, beta in the client"),
        ({"body_is_array": True}, "getStages, body_is_array: False here, True in the client"),
        ({"content_type": "application/json"}, "getStages, content type: None here, application/json in the client"),
        ({"version": "v1"}, "getStagesV1, operation: the catalog lacks it"),
    ],
)
def test_a_change_of_an_operation_is_listed(change: dict[str, Any], difference: str) -> None:
    rows = [GET_STAGES_ROW, GET_STAGES_ROW | change] if "version" in change else [GET_STAGES_ROW | change]

    assert list(map(str, differences({"getStages": GET_STAGES}, rows))) == [difference]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"required": True}, "getStages, query sort_by, required: False here, True in the client"),
        ({"nullable": True}, "getStages, query sort_by, nullable: False here, True in the client"),
        ({"repeated": True}, "getStages, query sort_by, repeated: False here, True in the client"),
        ({"enum": ["id"]}, "getStages, query sort_by, enum: ['id', 'add_time'] here, ['id'] in the client"),
        ({"type": "boolean"}, "getStages, query sort_by, type: string here, boolean in the client"),
    ],
)
def test_a_change_of_a_parameter_is_listed(change: dict[str, Any], difference: str) -> None:
    pipeline_id, sort_by, ids = GET_STAGES_ROW["parameters"]

    row = GET_STAGES_ROW | {"parameters": [pipeline_id, sort_by | change, ids]}

    assert list(map(str, differences({"getStages": GET_STAGES}, [row]))) == [difference]


def test_a_change_inside_objects_is_listed() -> None:
    prices = body(
        "prices",
        "array",
        items="object",
        parts=(part("price", "number"), part("currency", "string"), part("of", "object", parts=(part("a", "date"),))),
    )
    add = replace(GET_STAGES, key="addStage", method="POST", parameters=(prices,))
    parts = {
        "price": {"type": "string"},
        "currency": {"type": "string", "enum": ["EUR"]},
        "of": {"type": "object", "parts": {"b": {"type": "string"}}},
    }
    row = GET_STAGES_ROW | {
        "operation": "addStage",
        "method": "POST",
        "content_type": "application/json",
        "parameters": [{"name": "prices", "in": "body", "type": "array", "items": "object", "parts": parts}],
    }

    assert list(map(str, differences({"addStage": add}, [row]))) == [
        "addStage, body prices, currency: enum: [] here, ['EUR'] in the client",
        "addStage, body prices, of: parts: ['a'] here, ['b'] in the client",
        "addStage, body prices, price: type: number here, string in the client",
    ]


def test_parameters_that_only_one_side_knows_are_listed() -> None:
    pipeline_id, sort_by, ids = GET_STAGES_ROW["parameters"]

    row = GET_STAGES_ROW | {"parameters": [pipeline_id, sort_by, ids | {"name": "stage_ids"}]}

    assert list(map(str, differences({"getStages": GET_STAGES}, [row]))) == [
        "getStages, query ids: the client does not know it",
        "getStages, query stage_ids: the catalog lacks it",
    ]


def test_an_operation_that_the_client_has_lost_is_listed() -> None:
    assert list(map(str, differences({"getStages": GET_STAGES}, []))) == [
        "getStages, operation: the client does not know it"
    ]

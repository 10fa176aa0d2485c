"""What every declaration in the catalog must keep to: one small function a rule, each fault a sentence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from airflow_provider_pipedrive.catalog import (
    ACTIONS,
    RESOURCES,
    Action,
    Paging,
    Parameter,
    get_action,
)
from airflow_provider_pipedrive.catalog.advice import own_command
from airflow_provider_pipedrive.catalog.model import CURSOR, OFFSET, body, file, part, path, query
from airflow_provider_pipedrive.errors import PipedriveParameterError

HERE = Path(__file__).parent
TOKEN_COSTS: dict[str, int] = json.loads((HERE / "token_costs.json").read_text("utf-8"))["costs"]
SEED_KEYS: dict[str, list[str | None]] = json.loads((HERE / "seed_keys.json").read_text("utf-8"))

# https://pipedrive.readme.io/docs/marketplace-scopes-and-permissions-explanations
SCOPES = {
    "base",
    "deals:read",
    "deals:full",
    "activities:read",
    "activities:full",
    "contacts:read",
    "contacts:full",
    "products:read",
    "products:full",
    "leads:read",
    "leads:full",
    "mail:read",
    "mail:full",
    "projects:read",
    "projects:full",
    "users:read",
    "recents:read",
    "search:read",
    "goals:read",
    "goals:full",
    "admin",
    "deal-fields:full",
    "product-fields:full",
    "contact-fields:full",
    "project-fields:full",
    "phone-integration",
    "video-calls",
    "messengers-integration",
}

# These answer with a next_cursor, but Pipedrive describes neither `cursor` nor `limit` for them.
PAGED_WITHOUT_LIMIT = {"getProjectActivities", "getProjectTasks"}

Rule = Callable[[Action], Iterator[str]]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def is_raw(action: Action) -> bool:
    """rawRequest is no operation of Pipedrive's: any method and path."""
    return action.path == "*"


@rule
def summary_is_one_plain_line(action: Action) -> Iterator[str]:
    text = action.summary
    if not re.fullmatch(r"[A-Z][^\n]*[^.\s]", text) or "  " in text:
        yield f"{action.key}: the summary must be one line, with a capital and without a period: {text!r}"
    if re.search(r"\ba (?!us)[aeiou]|\ban [^aeiou]|\b(all|one|new|existing|details)\b(?! (field|type))", text):
        yield f"{action.key}: the summary reads badly: {text!r}"


@rule
def path_belongs_to_a_version(action: Action) -> Iterator[str]:
    if not is_raw(action) and not action.path.startswith(("/v1/", "/api/v2/")):
        yield f"{action.key}: the path must begin with /v1/ or /api/v2/: {action.path}"


@rule
def path_parameters_are_the_placeholders(action: Action) -> Iterator[str]:
    declared = [parameter.name for parameter in action.parameters if parameter.place == "path"]
    if not is_raw(action) and declared != (placeholders := re.findall(r"\{([^}]+)\}", action.path)):
        yield f"{action.key}: the path has {placeholders}, but the path parameters are {declared}"


@rule
def v1_key_stands_beside_a_plain_key(action: Action) -> Iterator[str]:
    plain = action.key.removesuffix("V1")
    if plain != action.key and (action.version != "v1" or plain not in ACTIONS or ACTIONS[plain].version != "v2"):
        yield f"{action.key}: a key with V1 must be v1's operation next to v2's {plain}"


@rule
def spellings_are_different(action: Action) -> Iterator[str]:
    spellings = [name for parameter in action.parameters for name in (parameter.name, parameter.also) if name]
    if len(set(spellings)) != len(spellings):
        yield f"{action.key}: two parameters share a spelling: {sorted(spellings)}"


@rule
def reads_have_no_body(action: Action) -> Iterator[str]:
    sent = [parameter.name for parameter in action.parameters if parameter.place in ("body", "form", "file")]
    if action.is_read and sent:
        yield f"{action.key}: a GET has no body, but {', '.join(sent)} would stand in it"


@rule
def files_are_uploaded(action: Action) -> Iterator[str]:
    if (action.result == "upload") != any(parameter.place == "file" for parameter in action.parameters):
        yield f"{action.key}: the result is 'upload' where there is a file parameter, and only there"


@rule
def array_body_is_called_body(action: Action) -> Iterator[str]:
    bodies = [(parameter.name, parameter.type) for parameter in action.parameters if parameter.place == "body"]
    if action.body_is_array and bodies != [("body", "array")]:
        yield f"{action.key}: a body that is an array is the one body parameter, body, not {bodies}"


@rule
def types_fit_their_bounds(action: Action) -> Iterator[str]:
    for parameter in action.parameters:
        where = f"{action.key}, {parameter.name}:"
        if (parameter.type == "array") != (parameter.items is not None):
            yield f"{where} `items` belongs to an array, and an array needs it"
        if parameter.max_items is not None and parameter.type != "array":
            yield f"{where} `max_items` bounds an array only"
        if parameter.repeated and (parameter.type, parameter.place) != ("array", "query"):
            yield f"{where} only a query's array can be `repeated`"
        if parameter.maximum is not None and parameter.type not in ("integer", "number"):
            yield f"{where} `maximum` bounds a number only"
        if parameter.time_format is not None and parameter.type != "datetime":
            yield f"{where} `time_format` belongs to a datetime"


@rule
def parts_belong_to_objects_of_the_body(action: Action) -> Iterator[str]:
    for parameter in action.parameters:
        where = f"{action.key}, {parameter.name}:"
        if parameter.parts and (parameter.place != "body" or "object" not in (parameter.type, parameter.items)):
            yield f"{where} only an object of the body, or a list of them, has `parts`"
        names = [part.name for part in parameter.parts]
        if len(set(names)) != len(names):
            yield f"{where} two parts have one name: {sorted(names)}"
        yield from types_fit_their_bounds(replace(action, parameters=parameter.parts))
        yield from enum_values_have_the_declared_type(replace(action, parameters=parameter.parts))


@rule
def enum_values_have_the_declared_type(action: Action) -> Iterator[str]:
    kinds = {"string": str, "integer": int}
    for parameter in action.parameters:
        kind = parameter.items if parameter.type == "array" else parameter.type
        if parameter.enum and not all(type(value) is kinds.get(str(kind)) for value in parameter.enum):
            yield f"{action.key}, {parameter.name}: the values {parameter.enum} are not of the type {kind}"
        if len(set(parameter.enum)) != len(parameter.enum):
            yield f"{action.key}, {parameter.name}: a value stands twice in {parameter.enum}"


@rule
def paging_has_its_parameters(action: Action) -> Iterator[str]:
    have = {parameter.name for parameter in action.parameters} & {"cursor", "start", "limit"}
    want = {"cursor", "limit"} if action.paging and action.paging.style == "cursor" else {"start", "limit"}
    if action.paging is None or action.result == "options":  # options are paged by the client alone
        want = set()
    elif action.key in PAGED_WITHOUT_LIMIT:
        want = {"cursor"}
    if have != want:
        yield f"{action.key}: paging is {action.paging}, so it takes {sorted(want)}, not {sorted(have)}"


@rule
def limit_goes_up_to_the_largest_page(action: Action) -> Iterator[str]:
    limit = action.by_name.get("limit")
    if limit and action.paging and limit.maximum != action.paging.max_limit:
        yield f"{action.key}: limit goes up to {limit.maximum}, the largest page is {action.paging.max_limit}"


@rule
def only_lists_are_paged(action: Action) -> Iterator[str]:
    if action.paging and not (action.is_read and action.result in ("records", "options")):
        yield f"{action.key}: it is paged, but no list that is read: {action.method}, {action.result}"


@rule
def records_path_belongs_to_records(action: Action) -> Iterator[str]:
    if action.records_path and action.result != "records":
        yield f"{action.key}: records_path without records"


@rule
def scopes_are_known(action: Action) -> Iterator[str]:
    if unknown := set(action.scopes) - SCOPES:
        yield f"{action.key}: Pipedrive has no scope {', '.join(sorted(unknown))}"
    if not action.scopes and not is_raw(action):
        yield f"{action.key}: it names no scope"


@rule
def tokens_are_what_pipedrive_says(action: Action) -> Iterator[str]:
    cost = TOKEN_COSTS.get(f"{action.method} {action.path}", 0)
    if action.token_cost != cost:
        yield f"{action.key}: it costs {action.token_cost} tokens here, {cost} in Pipedrive's description"
    if not cost and action.lifecycle != "removed" and not is_raw(action):
        yield f"{action.key}: Pipedrive's description names no cost for {action.method} {action.path}"


@rule
def only_harmless_repeats_are_idempotent(action: Action) -> Iterator[str]:
    # A repeated POST may create a second record, a repeated merge meets a record that is gone.
    may = action.method in ("GET", "DELETE") or (
        action.method in ("PUT", "PATCH") and not action.path.endswith("/merge")
    )
    if action.idempotent and not may:
        yield f"{action.key}: {action.method} {action.path} must not be idempotent"
    if action.is_read and not action.idempotent:
        yield f"{action.key}: a read is idempotent"


@rule
def lifecycle_says_since_when_and_where(action: Action) -> Iterator[str]:
    if action.lifecycle == "removed" and not (action.since and action.source):
        yield f"{action.key}: a removed action needs `since` and `source`"
    if action.lifecycle == "deprecated" and not action.source:
        yield f"{action.key}: a deprecated action needs `source`"
    if action.lifecycle in ("active", "beta") and (action.since or action.successor or action.source):
        yield f"{action.key}: an action in use has no `since`, `successor` or `source`"
    if action.since and not is_day(action.since):
        yield f"{action.key}: `since` must be a day, YYYY-MM-DD: {action.since}"
    if action.source and not action.source.startswith(
        ("https://developers.pipedrive.com/", "https://pipedrive.readme.io/")
    ):
        yield f"{action.key}: `source` must be a page of Pipedrive's: {action.source}"


def is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@rule
def successors_exist(action: Action) -> Iterator[str]:
    for key in re.findall(r"\b[a-z]+[A-Z]\w*", action.successor or ""):
        if key not in ACTIONS or ACTIONS[key].lifecycle != "active":
            yield f"{action.key}: its successor {key} is no action in use"


@rule
def aliases_do_what_their_action_does(action: Action) -> Iterator[str]:
    if action.alias_of is None:
        return
    if action.alias_of not in ACTIONS:
        yield f"{action.key}: alias of {action.alias_of}, which does not exist"
        return
    other = ACTIONS[action.alias_of]
    for attribute in ("method", "path", "scopes", "token_cost", "idempotent", "filter_overrides"):
        if getattr(action, attribute) != getattr(other, attribute):
            yield f"{action.key}: {attribute} differs from that of {other.key}"
    if other.alias_of:
        yield f"{action.key}: alias of {other.key}, itself an alias"


@rule
def parameters_named_elsewhere_exist(action: Action) -> Iterator[str]:
    if unknown := {*action.one_of, *action.filter_overrides} - action.by_name.keys():
        yield f"{action.key}: one_of or filter_overrides name {sorted(unknown)}, no parameters"
    if action.filter_overrides and "filter_id" not in action.by_name:
        yield f"{action.key}: filter_overrides without filter_id"


@rule
def nested_custom_fields_have_their_object(action: Action) -> Iterator[str]:
    found = action.by_name.get("custom_fields")
    has_object = found is not None and (found.place, found.type) == ("body", "object")
    if has_object != (action.custom_fields == "nested"):
        yield f"{action.key}: custom fields are nested where the body has the object custom_fields, and only there"


@pytest.mark.parametrize("key", ACTIONS)
def test_a_declaration_keeps_to_every_rule(key: str) -> None:
    assert [fault for check in RULES for fault in check(ACTIONS[key])] == []


GET_DEALS = Action(
    key="getDeals",
    summary="List deals",
    method="GET",
    path="/api/v2/deals",
    scopes=("deals:read",),
    token_cost=10,
    result="records",
    parameters=(query("filter_id", "integer"), query("limit", "integer", maximum=500), query("cursor", "string")),
    paging=CURSOR,
    idempotent=True,
)
ADD_DEAL = Action(
    key="addDeal",
    summary="Add a deal",
    method="POST",
    path="/api/v2/deals",
    scopes=("deals:full",),
    token_cost=5,
    result="record",
    parameters=(body("title", "string", required=True), body("custom_fields", "object")),
    custom_fields="nested",
)
REMOVED = Action(
    key="getOldDeals",
    summary="List old deals",
    method="GET",
    path="/v1/oldDeals",
    scopes=("deals:read",),
    token_cost=0,
    result="records",
    idempotent=True,
    lifecycle="removed",
    since="2026-01-31",
    source="https://developers.pipedrive.com/changelog/post/old",
)


@pytest.mark.parametrize("action", [GET_DEALS, ADD_DEAL, REMOVED], ids=lambda action: action.key)
def test_a_sound_declaration_has_no_fault(action: Action) -> None:
    assert [fault for check in RULES for fault in check(action)] == []


def with_parameters(*parameters: Parameter) -> Action:
    return replace(GET_DEALS, parameters=(*GET_DEALS.parameters, *parameters))


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (summary_is_one_plain_line, replace(GET_DEALS, summary="List deals.")),
        (summary_is_one_plain_line, replace(GET_DEALS, summary="List\ndeals")),
        (summary_is_one_plain_line, replace(GET_DEALS, summary="list deals")),
        (summary_is_one_plain_line, replace(GET_DEALS, summary="List all deals")),
        (summary_is_one_plain_line, replace(GET_DEALS, summary="Get a organization")),
        (path_belongs_to_a_version, replace(GET_DEALS, path="/deals")),
        (path_parameters_are_the_placeholders, replace(GET_DEALS, path="/api/v2/deals/{id}")),
        (path_parameters_are_the_placeholders, with_parameters(path("id"))),
        (v1_key_stands_beside_a_plain_key, replace(GET_DEALS, key="getDealsV1")),
        (v1_key_stands_beside_a_plain_key, replace(GET_DEALS, key="getNothingV1", path="/v1/nothing")),
        (spellings_are_different, with_parameters(query("id", "integer", also="limit"))),
        (reads_have_no_body, with_parameters(body("title", "string"))),
        (files_are_uploaded, replace(ADD_DEAL, parameters=(file("file"),))),
        (files_are_uploaded, replace(ADD_DEAL, result="upload")),
        (array_body_is_called_body, replace(ADD_DEAL, body_is_array=True)),
        (types_fit_their_bounds, with_parameters(query("ids", "array"))),
        (types_fit_their_bounds, with_parameters(query("ids", "integer", items="integer"))),
        (types_fit_their_bounds, with_parameters(query("ids", "integer", max_items=100))),
        (types_fit_their_bounds, with_parameters(query("ids", "integer", repeated=True))),
        (types_fit_their_bounds, with_parameters(query("status", "string", maximum=500))),
        (types_fit_their_bounds, with_parameters(query("since", "date", time_format="v1"))),
        (parts_belong_to_objects_of_the_body, with_parameters(query("value", "object", parts=(body("a", "string"),)))),
        (parts_belong_to_objects_of_the_body, with_parameters(body("value", "string", parts=(body("a", "string"),)))),
        (parts_belong_to_objects_of_the_body, with_parameters(body("x", "object", parts=(body("a", "array"),)))),
        (parts_belong_to_objects_of_the_body, with_parameters(body("x", "object", parts=(part("a", "any"),) * 2))),
        (enum_values_have_the_declared_type, with_parameters(query("visible_to", "integer", enum=("1", "3")))),
        (enum_values_have_the_declared_type, with_parameters(query("ids", "array", items="string", enum=(1,)))),
        (enum_values_have_the_declared_type, with_parameters(query("status", "string", enum=("won", "won")))),
        (paging_has_its_parameters, replace(GET_DEALS, paging=None)),
        (paging_has_its_parameters, replace(GET_DEALS, paging=OFFSET)),
        (paging_has_its_parameters, replace(GET_DEALS, parameters=())),
        (limit_goes_up_to_the_largest_page, replace(GET_DEALS, paging=Paging("cursor", 100))),
        (only_lists_are_paged, replace(GET_DEALS, result="record")),
        (only_lists_are_paged, replace(ADD_DEAL, paging=CURSOR)),
        (records_path_belongs_to_records, replace(ADD_DEAL, records_path="items")),
        (scopes_are_known, replace(GET_DEALS, scopes=("deals:write",))),
        (scopes_are_known, replace(GET_DEALS, scopes=())),
        (tokens_are_what_pipedrive_says, replace(GET_DEALS, token_cost=20)),
        (tokens_are_what_pipedrive_says, replace(GET_DEALS, path="/api/v2/unheard", token_cost=0)),
        (only_harmless_repeats_are_idempotent, replace(GET_DEALS, idempotent=False)),
        (only_harmless_repeats_are_idempotent, replace(ADD_DEAL, idempotent=True)),
        (
            only_harmless_repeats_are_idempotent,
            replace(ADD_DEAL, method="PUT", path="/v1/deals/{id}/merge", idempotent=True),
        ),
        (lifecycle_says_since_when_and_where, replace(REMOVED, since=None)),
        (lifecycle_says_since_when_and_where, replace(REMOVED, source=None)),
        (lifecycle_says_since_when_and_where, replace(REMOVED, since="January 2026")),
        (lifecycle_says_since_when_and_where, replace(REMOVED, source="https://example.com/news")),
        (lifecycle_says_since_when_and_where, replace(REMOVED, lifecycle="deprecated", source=None)),
        (lifecycle_says_since_when_and_where, replace(REMOVED, lifecycle="active")),
        (successors_exist, replace(REMOVED, successor="getNewDeals")),
        (successors_exist, replace(REMOVED, successor="addChannel")),
        (aliases_do_what_their_action_does, replace(GET_DEALS, key="listDeals", alias_of="getAllDeals")),
        (aliases_do_what_their_action_does, replace(GET_DEALS, key="listDeals", alias_of="getPersons")),
        (aliases_do_what_their_action_does, replace(get_action("getStageDeals"), alias_of="getPipelineDeals")),
        (parameters_named_elsewhere_exist, replace(ADD_DEAL, one_of=("person_id",))),
        (parameters_named_elsewhere_exist, replace(ADD_DEAL, filter_overrides=("title",))),
        (nested_custom_fields_have_their_object, replace(ADD_DEAL, custom_fields=None)),
        (nested_custom_fields_have_their_object, replace(GET_DEALS, custom_fields="nested")),
    ],
)
def test_a_broken_rule_is_a_sentence_that_names_the_key(check: Rule, broken: Action) -> None:
    faults = list(check(broken))

    assert faults
    assert all(fault.startswith(broken.key) for fault in faults)


def test_every_rule_has_been_seen_to_fail() -> None:
    (cases,) = (
        mark.args[1]
        for mark in test_a_broken_rule_is_a_sentence_that_names_the_key.pytestmark  # type: ignore[attr-defined]
    )

    assert {check.__name__ for check in RULES} == {check.__name__ for check, _ in cases}


def test_no_key_stands_twice() -> None:
    keys = [action.key for actions in RESOURCES.values() for action in actions]

    assert sorted(keys) == sorted(ACTIONS)


def test_keys_txt_lists_every_key_so_that_a_vanished_one_shows() -> None:
    assert (HERE / "keys.txt").read_text("utf-8").split() == sorted(ACTIONS)


def test_the_157_keys_of_the_connector_that_came_before_are_all_there() -> None:
    assert len(SEED_KEYS) == 157
    assert SEED_KEYS.keys() - ACTIONS.keys() == set()


@pytest.mark.parametrize("key", SEED_KEYS)
def test_a_key_of_the_connector_that_came_before_does_what_it_says(key: str) -> None:
    action = get_action(key)

    assert [action.method, action.path, action.lifecycle, action.since] == SEED_KEYS[key]


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("getDeal_s", "getDeals"),
        ("listDeals", "getDeals"),
        ("GETDEALS", "getDeals"),
        ("addOrganisation", "addOrganization"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest_one(asked: str, near: str) -> None:
    with pytest.raises(PipedriveParameterError, match=rf"no action '{asked}'\. Did you mean .*\b{near}\b"):
        get_action(asked)


def test_a_key_like_no_other_is_answered_with_where_all_keys_stand() -> None:
    with pytest.raises(PipedriveParameterError) as raised:
        get_action("xyzzy")
    assert str(raised.value) == f"Pipedrive has no action 'xyzzy'. {own_command('actions')} lists all keys."


def test_importing_the_catalog_imports_nothing_heavy() -> None:
    heavy = ["airflow", "requests", "tenacity", "msgspec", "asyncio", "airflow_provider_pipedrive.catalog.keys"]
    code = f"import sys, airflow_provider_pipedrive.catalog; print([name for name in {heavy} if name in sys.modules])"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert ran.stdout.strip() == "[]"

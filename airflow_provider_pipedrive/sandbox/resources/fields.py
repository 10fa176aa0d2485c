"""Definitions of fields and their options, as v2 and as v1 show them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.registry import handles, handles_each, keyed
from airflow_provider_pipedrive.sandbox.seed.fields import subfields
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.rules import RuleError
from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views.custom_fields import FIELD_TABLES
from airflow_provider_pipedrive.sandbox.views.paging import cursor_response, offset_response

_IN_V1 = {
    "Deal": "dealFields",
    "Person": "personFields",
    "Organization": "organizationFields",
    "Product": "productFields",
}
_WRITABLE = {**_IN_V1, "Project": "projectFields"}
_KINDS = {**_WRITABLE, "Activity": "activityFields"}
_ON_REQUEST = ("ui_visibility", "important_fields", "required_fields")
_SHOWN = (
    "field_name",
    "field_code",
    "description",
    "field_type",
    "options",
    "subfields",
    "is_custom_field",
    "is_optional_response_field",
)
_V1_CODES = {"label_ids": "label", "emails": "email", "phones": "phone"}
_V1_TYPES = {"varchar_options": "enum"}


def field_v2(record: Record, include: list[str] | None = None) -> Record:
    """A field as v2 shows it."""
    shown = {name: record.get(name) for name in _SHOWN}
    for name in include or ():
        shown[name] = record.get(name) or _DEFAULT_RULES[name]
    return shown


_DEFAULT_RULES: dict[str, Record] = {
    "ui_visibility": {"add_visible_flag": True, "details_visible_flag": True},
    "important_fields": {"enabled": False, "stage_ids": []},
    "required_fields": {"enabled": False, "stage_ids": [], "statuses": {}},
}


def field_v1(record: Record) -> Record:
    """A field as v1 shows it: what it has not is left out."""
    custom = bool(record.get("is_custom_field"))
    shown: Record = {
        "id": record["id"],
        "key": _V1_CODES.get(record["field_code"], record["field_code"]),
        "name": record["field_name"],
        "order_nr": record.get("order_nr", record["id"]),
        "field_type": _V1_TYPES.get(record["field_type"], record["field_type"]),
        "json_column_flag": custom,
        "add_time": to_v1(record.get("add_time")),
        "update_time": to_v1(record.get("update_time")),
        "last_updated_by_user_id": None,
        "created_by_user_id": None,
        "active_flag": True,
        "edit_flag": custom,
        "index_visible_flag": True,
        "details_visible_flag": True,
        "add_visible_flag": bool(record.get("add_visible_flag", custom)),
        "important_flag": False,
        "bulk_edit_allowed": True,
        "filtering_allowed": True,
        "sortable_flag": True,
        "searchable_flag": record["field_type"] in _SEARCHABLE,
        "mandatory_flag": record.get("mandatory_flag", False),
        "description": record.get("description"),
    }
    pipelines = (record.get("ui_visibility") or {}).get("show_in_pipelines")
    options = [{"id": option["id"], "label": option["label"]} for option in record.get("options") or ()]
    parts = [part for _, part in _parts_v1(record)]
    present = (
        ("show_in_pipelines", pipelines),
        ("options", options),
        ("options_deleted", record.get("options_deleted")),
        ("subfields", parts),
    )
    return {**shown, **{name: value for name, value in present if value}}


def _parts_v1(record: Record) -> list[tuple[str, Record]]:
    """The parts of a composite field, each with the end of its key."""
    code = record["field_code"]
    parts = record.get("subfields") or ()
    return [
        (
            part["field_code"].removeprefix(f"{code}_"),
            {
                "id": None,
                "key": part["field_code"],
                "name": f"{part['field_name']} of {record['field_name']}",
                "field_type": part["field_type"],
                "is_subfield": True,
            },
        )
        for part in parts
    ]


def rows_v1(fields: Iterable[Record]) -> list[Record]:
    """Fields as v1's lists show them, the parts of a composite one as rows after it."""
    rows = []
    for record in fields:
        shown = field_v1(record)
        rows.append(shown)
        own = {name: value for name, value in shown.items() if name not in ("options", "options_deleted", "subfields")}
        rows += [{**own, **part, "parent_id": record["id"], "id_suffix": end} for end, part in _parts_v1(record)]
    return rows


_SEARCHABLE = frozenset({"address", "varchar", "text", "varchar_auto", "double", "monetary", "phone"})


def _by_code(world: World, table: str, code: str) -> Record:
    found = next((field for field in world.state[table] if field["field_code"] == code), None)
    if found is None:
        raise refusals.not_found("Field")
    return found


def _custom_by_code(world: World, table: str, code: str) -> Record:
    field = _by_code(world, table, code)
    if not field.get("is_custom_field"):
        raise refusals.invalid("field_code", "only custom fields can be changed")
    return field


def _by_number(world: World, table: str, key: Any) -> Record:
    found = world.state.get(table, key)
    if found is None:
        raise refusals.gone("Field not found.") if table == "productFields" else refusals.not_found("Field")
    return found


def _insert(
    world: World, request: Request, table: str, name: str, kind: str, options: list[Any] | None, **more: Any
) -> Record:
    if kind in ("enum", "set") and not options:
        raise refusals.invalid("options", f"'options' is required for a field of type {kind}")
    number = world.state[table].next_id
    code = hashlib.sha1(f"{table}/{number}".encode(), usedforsecurity=False).hexdigest()
    labels = [_wanted(option, "label") for option in _as_objects(options or ())]
    stamp = world.clock.stamp()
    record = {
        "field_name": name,
        "field_code": code,
        "description": None,
        "field_type": kind,
        "options": _new_options(world.state, labels, stamp) if kind in ("enum", "set") else None,
        "subfields": subfields(code, kind),
        "is_custom_field": True,
        "is_optional_response_field": False,
        "add_time": stamp,
        "update_time": stamp,
        **more,
    }
    return world.state.insert(table, record, world.actor(request.user_id, request.correlation_id))


def _as_objects(options: Iterable[Any]) -> list[Any]:
    """v1 takes a label alone for an option, too."""
    return [{"label": option} if isinstance(option, str) else option for option in options]


def _new_options(state: State, labels: list[str], stamp: str) -> list[Record]:
    first = 1 + max(
        (
            option["id"]
            for table in _KINDS.values()
            for field in state[table]
            for option in field.get("options") or ()
            if isinstance(option["id"], int)
        ),
        default=0,
    )
    return [
        {"id": first + n, "label": label, "color": None, "add_time": stamp, "update_time": None}
        for n, label in enumerate(labels)
    ]


def _drop(world: World, request: Request, table: str, field: Record) -> None:
    """Take a field out, and its values out of all records."""
    code = field["field_code"]
    world.state.remove(table, field["id"], world.actor(request.user_id, request.correlation_id))
    for owner in [name for name, fields in FIELD_TABLES.items() if fields == table]:
        for record in list(world.state[owner]):
            custom = record.get("custom_fields") or {}
            if code in custom:
                kept = {key: value for key, value in custom.items() if key != code}
                world.state.replace(owner, record["id"], {"custom_fields": kept or None})


def _change(world: World, request: Request, table: str, field: Record, changes: Record) -> Record:
    return world.state.update(table, field["id"], changes, world.actor(request.user_id, request.correlation_id))


# v2


@handles_each(keyed("get{}Fields", _KINDS))
def get_fields(world: World, request: Request, table: str) -> Response:
    """All fields of a kind of records."""
    include = request.args.get("include_fields")
    return cursor_response(request, list(world.state[table]), lambda field: field_v2(field, include))


@handles_each(keyed("get{}Field", _KINDS))
def get_field(world: World, request: Request, table: str) -> Response:
    """One field."""
    return ok(field_v2(_by_code(world, table, request.ids["field_code"]), request.args.get("include_fields")))


@handles_each(keyed("add{}Field", _WRITABLE))
def add_field(world: World, request: Request, table: str) -> Response:
    """A new custom field."""
    body = request.body
    more = {name: body[name] for name in (*_ON_REQUEST, "description") if name in body}
    field = _insert(world, request, table, body["field_name"], body["field_type"], body.get("options"), **more)
    return ok(field_v2(field))


@handles_each(keyed("update{}Field", _WRITABLE))
def update_field(world: World, request: Request, table: str) -> Response:
    """A changed custom field."""
    field = _custom_by_code(world, table, request.ids["field_code"])
    return ok(field_v2(_change(world, request, table, field, request.body)))


@handles_each(keyed("delete{}Field", _WRITABLE))
def delete_field(world: World, request: Request, table: str) -> Response:
    """A custom field taken away."""
    field = _custom_by_code(world, table, request.ids["field_code"])
    _drop(world, request, table, field)
    return ok(field_v2(field))


def _with_options(world: World, request: Request, table: str) -> Record:
    field = _by_code(world, table, request.ids["field_code"])
    if field.get("options") is None:
        raise refusals.invalid("field_code", "this field has no options")
    return field


def _given_options(request: Request, field: Record) -> dict[Any, Record]:
    """The body's items by the id of the option that each names."""
    given = {_wanted(item, "id"): item for item in request.body}
    missing = sorted(set(given) - {option["id"] for option in field["options"]}, key=str)
    if missing:
        raise refusals.invalid("id", f"the field has no option {missing[0]}")
    return given


def _options_response(touched: list[Record]) -> Response:
    return ok([{"id": option["id"], "label": option["label"]} for option in touched], additional_data=None)


@handles_each(keyed("add{}FieldOptions", _WRITABLE))
def add_options(world: World, request: Request, table: str) -> Response:
    """New options of a field."""
    field = _with_options(world, request, table)
    labels = [_wanted(item, "label") for item in request.body]
    added = _new_options(world.state, labels, world.clock.stamp())
    _change(world, request, table, field, {"options": [*field["options"], *added]})
    return _options_response(added)


@handles_each(keyed("update{}FieldOptions", _WRITABLE))
def update_options(world: World, request: Request, table: str) -> Response:
    """Options of a field with new labels."""
    field = _with_options(world, request, table)
    given = _given_options(request, field)
    after = [
        {**option, "label": _wanted(given[option["id"]], "label")} if option["id"] in given else option
        for option in field["options"]
    ]
    _change(world, request, table, field, {"options": after})
    return _options_response([option for option in after if option["id"] in given])


@handles_each(keyed("delete{}FieldOptions", _WRITABLE))
def delete_options(world: World, request: Request, table: str) -> Response:
    """Options of a field taken away."""
    field = _with_options(world, request, table)
    given = _given_options(request, field)
    before: list[Record] = field["options"]
    _change(world, request, table, field, {"options": [option for option in before if option["id"] not in given]})
    return _options_response([option for option in before if option["id"] in given])


def _wanted(item: Any, name: str) -> Any:
    if not isinstance(item, dict) or item.get(name) in (None, ""):
        raise RuleError(name, "is required in each item")
    return item[name]


# v1


@handles_each({**keyed("get{}FieldsV1", _IN_V1), "getLeadFields": "leadFields"})
def get_fields_v1(world: World, request: Request, table: str) -> Response:
    """All fields of a kind of records, the parts of composite ones as rows of their own."""
    return offset_response(request, rows_v1(world.state[table]))


@handles_each(keyed("get{}FieldV1", _IN_V1))
def get_field_v1(world: World, request: Request, table: str) -> Response:
    """One field."""
    return ok(field_v1(_by_number(world, table, request.id)))


@handles_each(keyed("add{}FieldV1", _IN_V1))
def add_field_v1(world: World, request: Request, table: str) -> Response:
    """A new custom field."""
    field = _insert(
        world, request, table, request.body["name"], request.body["field_type"], request.body.get("options")
    )
    return ok(field_v1(field), 201 if table == "productFields" else 200)


@handles_each(keyed("update{}FieldV1", _IN_V1))
def update_field_v1(world: World, request: Request, table: str) -> Response:
    """A changed field."""
    field = _by_number(world, table, request.id)
    changes: Record = {}
    if request.body.get("name"):
        changes["field_name"] = request.body["name"]
    if request.body.get("options") and field.get("options") is not None:
        changes["options"] = _whole_options(world, field, request.body["options"])
    return ok(field_v1(_change(world, request, table, field, changes)))


def _whole_options(world: World, field: Record, given: list[Any]) -> list[Record]:
    """v1 writes the whole list: options with an id stay, those without are new, those left out are gone."""
    known = {str(option["id"]): option for option in field["options"]}
    given = _as_objects(given)
    new = iter(_new_options(world.state, [_wanted(o, "label") for o in given if "id" not in o], world.clock.stamp()))
    return [
        {**known[str(o["id"])], "label": _wanted(o, "label")} if str(o.get("id")) in known else next(new)
        for o in given
        if str(o.get("id")) in known or "id" not in o
    ]


@handles_each(keyed("delete{}FieldV1", _IN_V1))
def delete_field_v1(world: World, request: Request, table: str) -> Response:
    """A custom field taken away."""
    field = _by_number(world, table, request.id)
    if not field.get("is_custom_field"):
        raise refusals.bad_request("Field cannot be deleted.")
    _drop(world, request, table, field)
    return ok({"id": field["id"]})


@handles_each(keyed("delete{}Fields", _IN_V1))
def delete_fields_v1(world: World, request: Request, table: str) -> Response:
    """Custom fields taken away; others are passed over."""
    fields = [field for key in request.args["ids"] if (field := world.state.get(table, key))]
    gone = [field for field in fields if field.get("is_custom_field")]
    for field in gone:
        _drop(world, request, table, field)
    return ok({"id": [field["id"] for field in gone]})


@handles("getActivityFieldsV1", "getNoteFields")
def _unpaged_v1(world: World, request: Request) -> Response:
    assert request.action is not None
    table = "noteFields" if request.action.key == "getNoteFields" else "activityFields"
    rows = rows_v1(world.state[table])
    paging = {"pagination": {"start": 0, "limit": len(rows), "more_items_in_collection": False}}
    return ok(rows or None, additional_data=paging)

"""Values of custom fields: what v2 takes, and how v1 writes the same.

https://pipedrive.readme.io/docs/core-api-concepts-custom-fields
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.validation import CUSTOM_KEY, InvalidValue, clock, day
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.store import Record, State

FIELD_TABLES = {
    "deals": "dealFields",
    "leads": "dealFields",
    "persons": "personFields",
    "organizations": "organizationFields",
    "products": "productFields",
    "activities": "activityFields",
    "projects": "projectFields",
}
_ADDRESS_PARTS = (
    "subpremise",
    "street_number",
    "route",
    "sublocality",
    "locality",
    "admin_area_level_1",
    "admin_area_level_2",
    "country",
    "postal_code",
    "formatted_address",
)
_TEXT = {"varchar": 255, "varchar_auto": 255, "phone": 255, "text": 65_000}
_IDS = ("user", "org", "people")


def definitions(state: State, table: str) -> dict[str, Record]:
    """The custom fields of a table's records by their 40-character key."""
    fields = state[FIELD_TABLES[table]]
    return {record["field_code"]: record for record in fields if record.get("is_custom_field")}


def whole(state: State, table: str, values: Record | None) -> Record | None:
    """A record's custom fields as answers have them: every defined one, null where it is unset."""
    if state.settings.unset_custom_fields == "absent":
        return values
    fields = FIELD_TABLES[table]
    unset = state.page(("unset", fields, state[fields].version), lambda: dict.fromkeys(definitions(state, table)))
    return {**unset, **(values or {})} or None


def option_label(field: Record, option_id: Any) -> str | None:
    """The label of an option; None when the option is gone."""
    return next((o["label"] for o in field.get("options") or () if str(o["id"]) == str(option_id)), None)


def checked(state: State, table: str, given: Record) -> Record:
    """The ``custom_fields`` of a v2 body, validated against the fields' definitions.

    :raises Refusal: 400, naming the field
    """
    known = definitions(state, table)
    values = {}
    for key, value in given.items():
        field = known.get(key)
        if field is None:
            raise refusals.invalid(f"custom_fields.{key}", "this custom field does not exist", key)
        try:
            values[key] = None if value is None else _checked_value(state, field, value)
        except InvalidValue as error:
            raise refusals.invalid(f"custom_fields.{key}", str(error), key) from None
    return values


def _checked_value(state: State, field: Record, value: Any) -> Any:
    kind = field["field_type"]
    if kind == "monetary":
        return _monetary(state, value)
    if kind in _TEXT:
        return _text(value, _TEXT[kind])
    if kind in ("double", *_IDS):
        return _number(value, integer=kind != "double")
    if kind == "enum":
        return _option(field, value)
    if kind == "set":
        if not isinstance(value, list) or not value:
            raise InvalidValue("must be a list with at least one option id; use null to clear it")
        return [_option(field, item) for item in value]
    if kind == "date":
        return day(_text(value, 10))
    return _COMPOSED[kind](value) if kind in _COMPOSED else value


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str):
        raise InvalidValue("must be a string")
    if len(value) > longest:
        raise InvalidValue(f"must have at most {longest} characters")
    return value


def _number(value: Any, integer: bool) -> Any:
    if isinstance(value, bool) or not isinstance(value, int if integer else int | float):
        raise InvalidValue("must be a number")
    return value


def _option(field: Record, value: Any) -> int:
    number = _number(value, integer=True)
    if option_label(field, number) is None:
        raise InvalidValue(f"has no option {number}")
    return int(number)


def _object(value: Any, known: tuple[str, ...]) -> Record:
    if not isinstance(value, dict):
        raise InvalidValue(f"must be an object with {', '.join(known)}")
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise InvalidValue(f"'{unknown[0]}' is not allowed in it")
    if "value" not in value:
        raise InvalidValue("needs a 'value'")
    return value


def _part(given: Record, name: str, read: Callable[[str], str]) -> str | None:
    """A part of a composite value: a text that can be read, or nothing."""
    value = given.get(name)
    try:
        return None if value is None else read(_text(value, 65_000))
    except InvalidValue as error:
        raise InvalidValue(f"'{name}' {error}") from None


def _monetary(state: State, value: Any) -> Record:
    given = _object(value, ("value", "currency"))
    if given["value"] is not None:
        _number(given["value"], integer=False)
    try:
        rules.validate_currency(state, given.get("currency"), "currency")
    except rules.RuleError as error:
        raise InvalidValue(error.reason) from None
    return {"value": given["value"], "currency": given.get("currency") or "EUR"}


def _daterange(value: Any) -> Record:
    given = _object(value, ("value", "until"))
    return {"value": day(_text(given["value"], 10)), "until": _part(given, "until", day)}


def _time(value: Any) -> Record:
    given = _object(value, ("value", "timezone_id", "timezone_name"))
    zone = given.get("timezone_id")
    return {
        "value": _part(given, "value", clock),
        "timezone_id": None if zone is None else _number(zone, integer=True),
        "timezone_name": _part(given, "timezone_name", str),
    }


def _timerange(value: Any) -> Record:
    given = _object(value, ("value", "until", "timezone_id", "timezone_name"))
    return {"until": _part(given, "until", clock), **_time({k: v for k, v in given.items() if k != "until"})}


def _address(value: Any) -> Record:
    given = _object(value, ("value", *_ADDRESS_PARTS))
    return {part: _part(given, part, str) for part in ("value", *_ADDRESS_PARTS)}


_COMPOSED: dict[str, Callable[[Any], Record]] = {
    "daterange": _daterange,
    "time": _time,
    "timerange": _timerange,
    "address": _address,
}


def merged(before: Record | None, changes: Record) -> Record | None:
    """Stored custom fields after a partial update; None where none is left."""
    after = {**(before or {}), **changes}
    kept = {key: value for key, value in after.items() if value is not None}
    return kept or None


def _comma(items: list[Any]) -> str:
    return ",".join(map(str, items))


def flat(state: State, table: str, values: Record | None) -> Record:
    """v2's ``custom_fields`` as v1 writes them: flat, options as text, composed values with suffixed companions."""
    known = definitions(state, table)
    found: Record = {}
    for key, value in (values or {}).items():
        kind = known[key]["field_type"] if key in known else ""
        if value is None:
            found[key] = None
        elif kind == "set":
            found[key] = [str(item) for item in value] if state.settings.v1_sets == "list" else _comma(value)
        elif kind == "enum":
            found[key] = str(value)
        elif isinstance(value, dict):
            found[key] = value.get("value")
            found.update({f"{key}_{part}": item for part, item in value.items() if part != "value"})
        else:
            found[key] = value
    return found


def split_flat(state: State, table: str, body: Record) -> tuple[Record, Record]:
    """A flat v1 body in two: its other names, and its custom fields (with their suffixed companions), which must exist.

    :raises Refusal: 400 for a custom key that is not defined
    """
    known = definitions(state, table)
    plain, custom = {}, {}
    for name, value in body.items():
        if not CUSTOM_KEY.match(name):
            plain[name] = value
        elif name[:40] not in known:
            raise refusals.bad_request(f"Custom field {name[:40]} does not exist")
        else:
            custom[name] = value
    return plain, custom


def validate_flat(state: State, table: str, values: Record) -> None:
    """Flat v1 values of the simple types fit their fields; numbers and options may be text.

    :raises Refusal: 400
    """
    known = definitions(state, table)
    for name, value in values.items():
        field = known[name[:40]]
        if value in (None, "") or len(name) > 40:
            continue
        try:
            if field["field_type"] in ("enum", "set"):
                for item in value if isinstance(value, list) else str(value).split(","):
                    _option(field, int(item) if str(item).strip().isdecimal() else item)
            elif field["field_type"] == "double":
                float(value)
            elif field["field_type"] == "date":
                day(str(value))
        except (InvalidValue, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, InvalidValue) else "must be a number"
            raise refusals.bad_request("Bad request", f"{name} {reason}") from None


def from_flat(state: State, table: str, values: Record) -> Record:
    """Flat v1 values as v2's ``custom_fields``."""
    known = definitions(state, table)
    found: Record = {}
    for name, value in values.items():
        key, part = name[:40], name[41:]
        kind = known[key]["field_type"] if key in known else ""
        if value is None:
            continue
        if kind == "enum":
            found[key] = int(value)
        elif kind == "set":
            found[key] = [int(item) for item in str(value).split(",")]
        elif kind == "monetary" or kind in _COMPOSED:
            found.setdefault(key, {})[part or "value"] = value
        else:
            found[key] = value
    return found

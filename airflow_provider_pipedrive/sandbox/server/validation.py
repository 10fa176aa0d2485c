"""Input against the catalog's declarations: strict for v2, forgiving for v1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from airflow_provider_pipedrive.catalog.model import Action, Parameter
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Upload
from airflow_provider_pipedrive.sandbox.state.clock import to_v2
from airflow_provider_pipedrive.sandbox.state.settings import Settings

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
V1_TIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
CUSTOM_KEY = re.compile(r"[0-9a-f]{40}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_NOT_PAGED_LIMIT = 500
_STRICTER_THAN_PIPEDRIVE = frozenset({("deleteManyDealProducts", "ids")})
"""What the catalog requires so that nobody deletes by mistake what Pipedrive deletes when it is left out."""
_NEVER_NULL = frozenset({"title", "name", "owner_id", "item_price", "quantity"})
_STRICT_PARTS = frozenset({"emails", "phones", "prices", "participants"})
"""Lists whose objects have no names but those that the catalog declares."""
_MORE_PARTS = {"prices": {"product_id": "integer"}}
"""What Pipedrive takes in them as it gives it in its answers, though its description of bodies does not name it."""


class InvalidValue(ValueError):
    """A value that is not of its declared type. The message says what it must be."""


def check(request: Request, path_values: dict[str, str], settings: Settings) -> None:
    """Fill ``request.ids`` and ``request.args`` and validate the body.

    :raises Refusal: 400, or 404 for an id of v1 that cannot be one
    """
    action = request.action
    assert action is not None
    request.ids = {name: _path_value(action, name, value) for name, value in path_values.items()}
    request.args = _query(action, request.query, settings)
    if isinstance(request.body, dict):
        request.body = dict(request.body)
    if action.version == "v2":
        _body_v2(action, request)
    else:
        _body_v1(action, request)


def _path_value(action: Action, name: str, text: str) -> Any:
    parameter = action.by_name.get(name)
    if parameter is None or parameter.type != "integer":
        return text
    if text.isdecimal():
        return int(text)
    if action.version == "v2":
        raise refusals.invalid(name, f"'{name}' must be a number")
    raise refusals.not_found("Item")


# Query


def _query(action: Action, pairs: list[tuple[str, str]], settings: Settings) -> dict[str, Any]:
    declared = {parameter.name: parameter for parameter in action.parameters if parameter.place == "query"}
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        name = name.removesuffix("[]")
        if name == "api_token":
            continue
        if name in declared:
            any_case = declared[name].type == "boolean" and settings.boolean_spelling == "any"
            given.setdefault(name, []).append(text.lower() if any_case else text)
        elif action.version == "v2" and settings.unknown_query == "refuse":
            raise refusals.invalid(name, f"'{name}' is not allowed for this request")
    args = {name: _query_value(action, declared[name], texts) for name, texts in given.items()}
    for name, parameter in declared.items():
        optional = not parameter.required or (action.key, name) in _STRICTER_THAN_PIPEDRIVE
        if not optional and args.get(name) in (None, "", []):
            if action.version == "v2":
                raise refusals.invalid(name, f"'{name}' is required")
            raise refusals.bad_request(f"{name} must be given")
    return args


def _query_value(action: Action, parameter: Parameter, texts: list[str]) -> Any:
    strict = action.version == "v2"
    try:
        if parameter.type == "array":
            return _query_list(parameter, texts, strict)
        value = _from_text(parameter, parameter.type, texts[-1], strict)
        if parameter.enum and value not in parameter.enum and (strict or value != ""):
            raise InvalidValue(f"must be one of {', '.join(map(str, parameter.enum))}")
    except InvalidValue as error:
        raise _refusal(strict, parameter.name, str(error)) from None
    return _page_size(action, value) if parameter.name == "limit" else value


def _query_list(parameter: Parameter, texts: list[str], strict: bool) -> list[Any]:
    parts = [part.strip() for text in texts for part in text.split(",") if part.strip() or strict]
    if parameter.max_items and len(parts) > parameter.max_items:
        raise InvalidValue(f"must contain at most {parameter.max_items} items")
    values = [_from_text(parameter, parameter.items or "string", part, strict) for part in parts]
    for value in values:
        if parameter.enum and value not in parameter.enum:
            raise InvalidValue(f"'{value}' is not one of {', '.join(map(str, parameter.enum))}")
    return values


def _page_size(action: Action, value: int) -> int:
    """v2 refuses a page size that is too large; v1 takes its largest and echoes that."""
    largest = action.paging.max_limit if action.paging else _NOT_PAGED_LIMIT
    if action.version == "v1":
        return max(1, min(value, largest))
    if not 1 <= value <= largest:
        raise refusals.invalid("limit", f"'limit' must be between 1 and {largest}")
    return value


def _refusal(strict: bool, name: str, reason: str) -> refusals.Refusal:
    if strict:
        return refusals.invalid(name, f"'{name}' {reason}")
    return refusals.bad_request("Bad request", f"{name} {reason}")


def _from_text(parameter: Parameter, kind: str, text: str, strict: bool) -> Any:
    if kind == "integer":
        if not re.fullmatch(r"-?\d+", text):
            raise InvalidValue("must be a number")
        return int(text)
    if kind == "number":
        try:
            return float(text)
        except ValueError:
            raise InvalidValue("must be a number") from None
    if kind in ("boolean", "flag"):
        known = {"true": True, "false": False} if strict else {"true": True, "false": False, "1": True, "0": False}
        if text not in known:
            raise InvalidValue("must be a boolean")
        return known[text]
    if kind == "datetime":
        return moment(text, parameter.time_format or ("v2" if strict else "v1"))
    if kind == "date":
        return day(text)
    return text


def moment(text: str, time_format: str) -> str:
    """A point in time as RFC 3339 in UTC. v2 takes whole seconds and a zone; v1 also its own format, taken as UTC.

    :raises Unfit: it is neither
    """
    if RFC3339.fullmatch(text):
        try:
            return to_v2(datetime.fromisoformat(text))
        except ValueError:
            raise InvalidValue("is not a valid datetime") from None
    if time_format == "v1" and V1_TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            pass
    raise InvalidValue("is not a valid datetime")


def day(text: str) -> str:
    """A date as ``YYYY-MM-DD``.

    :raises Unfit: it is none
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise InvalidValue("is not a valid date")


def clock(text: str) -> str:
    """A time of day as ``HH:MM`` or ``HH:MM:SS``.

    :raises Unfit: it is none
    """
    if not _TIME.fullmatch(text):
        raise InvalidValue("is not a valid time")
    return text


# Bodies


def _declared_body(action: Action) -> dict[str, Parameter]:
    return {p.name: p for p in action.parameters if p.place in ("body", "form", "file")}


def _body_v2(action: Action, request: Request) -> None:
    declared = _declared_body(action)
    if any(parameter.place == "file" for parameter in declared.values()):
        _files(declared, request, strict=True)
        return
    if action.body_is_array:
        if not isinstance(request.body, list) or not request.body:
            raise refusals.invalid("body", "the body must be a list with at least one item")
        _validate_items(declared["body"], request.body)
        return
    if not declared:
        return
    if request.body is None:
        request.body = {}
    if not isinstance(request.body, dict):
        raise refusals.invalid("body", "the body must be a JSON object")
    try:
        _validate(action, declared, request.body)
    except _InvalidField as error:
        raise refusals.invalid(error.field, str(error)) from None


def _validate_items(parameter: Parameter, items: list[Any]) -> None:
    kinds = {part.name: part.type for part in parameter.parts}
    for item in items:
        if not isinstance(item, dict):
            raise refusals.invalid("body", "each item of the body must be a JSON object")
        for name, value in item.items():
            if name in kinds and value is not None and not _is_of(kinds[name], value):
                raise refusals.invalid(name, f"'{name}' must be of type {kinds[name]}")


class _InvalidField(InvalidValue):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"'{field}' {reason}")
        self.field = field


def strict_fields(action: Action, body: Any) -> None:
    """A JSON object against an action's body, its values brought into their stored form in place.

    :raises Unfit: a name is unknown or missing, or a value is not of its type
    """
    if not isinstance(body, dict):
        raise InvalidValue("must be a JSON object")
    _validate(action, _declared_body(action), body)


def _validate(action: Action, declared: dict[str, Parameter], body: dict[str, Any]) -> None:
    for name in body:
        if name not in declared:
            raise _InvalidField(name, "is not allowed for this request")
    for name, parameter in declared.items():
        value = body.get(name)
        if value is None:
            if parameter.required and (name in body or action.method == "POST"):
                raise _InvalidField(name, "is required")
            if name in body and name in _NEVER_NULL:
                raise _InvalidField(name, "must not be null")
            continue
        try:
            body[name] = _strict(parameter, parameter.type, value)
        except InvalidValue as error:
            raise _InvalidField(name, str(error)) from None


_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "string": (str,),
    "date": (str,),
    "datetime": (str,),
    "time": (str,),
    "object": (dict,),
    "array": (list,),
}


def _is_of(kind: str, value: Any) -> bool:
    expected = _JSON_TYPES.get(kind)
    return expected is None or (isinstance(value, expected) and (not isinstance(value, bool) or bool in expected))


def _strict(parameter: Parameter, kind: str, value: Any) -> Any:
    if kind == "flag":  # v2 tasks take 0 and 1 as well as false and true
        if value in (0, 1):
            return bool(value)
        raise InvalidValue("must be 0 or 1")
    if not _is_of(kind, value):
        raise InvalidValue(f"must be of type {kind}")
    if kind == "array":
        if parameter.max_items and len(value) > parameter.max_items:
            raise InvalidValue(f"must contain at most {parameter.max_items} items")
        return [_strict_item(parameter, item) for item in value]
    if parameter.enum and value not in parameter.enum:
        raise InvalidValue(f"must be one of {', '.join(map(str, parameter.enum))}")
    if kind == "date":
        return day(value)
    if kind == "time":
        return clock(value)
    if kind == "datetime":
        return moment(value, parameter.time_format or "v2")
    return value


def _strict_item(parameter: Parameter, item: Any) -> Any:
    kind = parameter.items or "any"
    if not _is_of(kind, item):
        raise InvalidValue(f"must contain values of type {kind}")
    if parameter.enum and item not in parameter.enum:
        raise InvalidValue(f"'{item}' is not one of {', '.join(map(str, parameter.enum))}")
    if parameter.name in _STRICT_PARTS:
        _validate_parts(parameter, item)
    return item


def _validate_parts(parameter: Parameter, item: dict[str, Any]) -> None:
    kinds = {part.name: part.type for part in parameter.parts} | _MORE_PARTS.get(parameter.name, {})
    for name, value in item.items():
        if name not in kinds:
            raise InvalidValue(f"has no '{name}' in its items")
        if value is not None and not _is_of(kinds[name], value):
            raise InvalidValue(f"has a wrong type of '{name}' in its items")


def _body_v1(action: Action, request: Request) -> None:
    declared = _declared_body(action)
    if not declared:
        return
    if any(parameter.place == "file" for parameter in declared.values()):
        _files(declared, request, strict=False)
    if request.body is None:
        request.body = {}
    if not isinstance(request.body, dict):
        raise refusals.bad_request()
    for name, parameter in declared.items():
        value = request.body.get(name)
        if parameter.required and value in (None, "") and (name in request.body or action.method != "PATCH"):
            raise _missing(action, [name for name, p in declared.items() if p.required and not request.body.get(name)])
        if value is None or parameter.place == "file":
            continue
        try:
            request.body[name] = _tolerant(parameter, value)
        except InvalidValue as error:
            raise refusals.bad_request("Bad request", f"{name} {error}") from None
    if action.one_of and not any(request.body.get(name) for name in action.one_of):
        raise refusals.bad_request(f"One of {', '.join(action.one_of)} must be given.")


def _missing(action: Action, names: Iterable[str]) -> refusals.Refusal:
    if "/webhooks" in action.path:
        return refusals.webhook(400, {name: ["can't be blank"] for name in names})
    return refusals.bad_request(f"{', '.join(names)} must be given.")


def _tolerant(parameter: Parameter, value: Any) -> Any:
    """v1 reads numbers and booleans from text."""
    kind = parameter.type
    if isinstance(value, str) and kind in ("integer", "number", "boolean", "flag"):
        if value == "":
            return None
        value = _from_text(parameter, kind, value, strict=False)
    if kind in ("boolean", "flag"):
        if value not in (0, 1):
            raise InvalidValue("must be a boolean")
        value = bool(value)
    if kind == "integer" and not isinstance(value, int):
        raise InvalidValue("must be a number")
    if kind == "object" and not isinstance(value, dict):
        raise InvalidValue("must be an object")
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if kind == "string" and not isinstance(value, str):
        raise InvalidValue("must be a string")
    if kind == "array":
        _tolerant_items(parameter, value)
    if kind == "datetime":
        return moment(str(value), "v1")
    if kind == "date" and value != "":
        return day(str(value))
    if parameter.enum and value not in parameter.enum and str(value) not in map(str, parameter.enum):
        raise InvalidValue(f"must be one of {', '.join(map(str, parameter.enum))}")
    return value


def _tolerant_items(parameter: Parameter, value: Any) -> None:
    if not isinstance(value, list):
        raise InvalidValue("must be an array")
    for item in value:
        # A text may be the label of an option, or a number.
        if not isinstance(item, str) and not _is_of(parameter.items or "any", item):
            raise InvalidValue(f"must contain values of type {parameter.items}")


def _files(declared: dict[str, Parameter], request: Request, strict: bool) -> None:
    wanted = next(name for name, parameter in declared.items() if parameter.place == "file")
    given = request.body.get(wanted) if isinstance(request.body, dict) else None
    if isinstance(given, Upload):
        return
    if strict:
        raise refusals.invalid(wanted, f"'{wanted}' must be a file of a multipart body")
    raise refusals.bad_request("No files provided", f"Send the file as the part '{wanted}' of a multipart body.")

"""Values of fields: from what people and tables have to what Pipedrive takes, and back to what can be compared.

Inside the package a value has v2's shape (money is ``{"value": 5, "currency": "EUR"}``, options are ids); leads, which
are v1, take it apart at the very end.
https://pipedrive.readme.io/docs/core-api-concepts-custom-fields
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_provider_pipedrive.catalog.model import Parameter, Type
from airflow_provider_pipedrive.client.fields import PRIMARY, Field, FieldBook
from airflow_provider_pipedrive.client.values import Unfit, convert, plain

_PAIR = re.compile(
    r"(?P<value>[+-]?[\d.]+)\s*(?P<currency>[A-Za-z]{3})|(?P<first>[A-Za-z]{3})\s*(?P<amount>[+-]?[\d.]+)"
)
_WHOLE = re.compile(r"\s*\d{1,18}\s*")
_PLAIN_TYPES: Mapping[str, Type] = {
    "text": "string",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "flag": "flag",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
    "object": "object",
}


@dataclass(frozen=True)
class Reference:
    """A record that is meant by its name or e-mail address, still to be looked up.

    :ivar kind: ``person``, ``organization``, ``deal`` or ``product``
    :ivar text: what it was called
    """

    kind: str
    text: str


def native(value: Any) -> Any:
    """A value of numpy's as Python's own; others as they are."""
    if type(value).__module__ != "numpy" or not hasattr(value, "tolist"):
        return value
    found = value.tolist()
    if type(value).__name__ == "datetime64" and isinstance(found, int):  # what is in nanoseconds becomes a number
        found = value.astype("datetime64[us]").tolist()
    return found


def is_missing(value: Any) -> bool:
    """Whether a value is a table's way to say that there is none: ``None``, NaN, NaT."""
    value = native(value)
    if value is None or type(value).__name__ in ("NaTType", "NAType"):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    return isinstance(value, float) and math.isnan(value)


def is_empty(value: Any) -> bool:
    """Whether a field has no value."""
    return value in (None, "", [], {}) or (isinstance(value, Mapping) and value.get("value", value) is None)


def to_wire(book: FieldBook, field: Field, value: Any) -> Any:
    """``value`` as the field takes it, exactly.

    :returns: v2's shape, or a :class:`Reference` where a record is meant by its name
    :raises Unfit: it cannot be converted exactly; the text completes "<name> must be ..."
    """
    value = native(value)
    if is_missing(value):
        return None
    special = _SPECIAL.get(field.kind)
    if special is not None:
        found = special(book, field, value)
        return plain(found, "v2") if isinstance(found, dict | list) else found
    if field.options and field.kind == "text":
        return book.option_id(field, value)
    if field.kind == "any":
        return plain(value, "v2")
    return _plain(field, value)


def _plain(field: Field, value: Any) -> Any:
    declared = Parameter(field.key, "body", _PLAIN_TYPES[field.kind], enum=field.enum)
    found = convert(declared, value, "v2")
    if field.key in PRIMARY:
        found = found.strip()
    if field.max_length and len(found) > field.max_length:
        raise Unfit(f"at most {field.max_length} characters long, not {len(found)}")
    return found


def _number(value: Any) -> int | float:
    found: int | float = convert(Parameter("value", "body", "number"), value, "v2")
    return found


def _money(book: FieldBook, field: Field, value: Any) -> dict[str, Any]:
    """``{"value": 5, "currency": "EUR"}`` (a lead's ``amount`` too), ``"5 EUR"``, or a bare number."""
    if isinstance(value, str) and (match := _PAIR.fullmatch(value.strip())):
        value = {"value": match["value"] or match["amount"], "currency": match["currency"] or match["first"]}
    if not isinstance(value, Mapping):
        return {"value": _number(value), "currency": None}
    amount = value.get("value", value.get("amount"))
    currency = value.get("currency")
    if set(value) - {"value", "amount", "currency"} or amount is None:
        raise Unfit("an amount with its currency, such as {'value': 1200, 'currency': 'EUR'} or '1200 EUR'")
    return {"value": _number(amount), "currency": book.directory.currency_code(currency) if currency else None}


def _day(value: Any) -> str:
    found: str = convert(Parameter("value", "body", "date"), value, "v2")
    return found


def _clock(value: Any) -> str:
    found: str = convert(Parameter("value", "body", "time"), value, "v2")
    return found if found.count(":") == 2 else f"{found}:00"


def _range_of(convert_end: Callable[[Any], str], example: str) -> Callable[[FieldBook, Field, Any], dict[str, Any]]:
    def convert_range(book: FieldBook, field: Field, value: Any) -> dict[str, Any]:
        if isinstance(value, str) and value.count("/") == 1:
            value = [part.strip() for part in value.split("/")]
        if isinstance(value, Mapping) and "value" in value and value.get("until") is not None:
            return {**value, "value": convert_end(value["value"]), "until": convert_end(value["until"])}
        if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
            return {"value": convert_end(value[0]), "until": convert_end(value[1])}
        raise Unfit(f"a begin and an end, such as {example}")

    return convert_range


def _time_of_day(book: FieldBook, field: Field, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping) and value.get("value") is not None:
        return {**value, "value": _clock(value["value"])}
    return {"value": _clock(value)}


def _address(book: FieldBook, field: Field, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping) and isinstance(value.get("value"), str):
        return dict(value)
    if isinstance(value, str) and value.strip():
        return {"value": value}
    raise Unfit("an address: a text, or an object with its text as 'value'")


def _options(book: FieldBook, field: Field, value: Any) -> list[Any] | None:
    return _listed(value, lambda item: book.option_id(field, item))


def _labels(book: FieldBook, field: Field, value: Any) -> list[Any] | None:
    if book.entity == "leads":
        return _listed(value, book.directory.lead_label_id)
    return _listed(value, lambda item: book.option_id(field, item))


def _listed(value: Any, one: Callable[[Any], Any]) -> list[Any] | None:
    """Several ids from a list, or from a text with commas or semicolons that is not a label as a whole."""
    if isinstance(value, Mapping):
        raise Unfit("a list of labels")
    if not isinstance(value, str):
        items = list(value) if isinstance(value, Sequence | set | frozenset) else [value]
    else:
        try:
            return [one(value)]
        except Unfit:
            items = [part for part in re.split(r"[,;]", value) if part.strip()]
            if len(items) < 2:
                raise
    found = sorted({one(item) for item in items if not is_missing(item)}, key=str)
    return found or None


def _user(book: FieldBook, field: Field, value: Any) -> int:
    return book.directory.user_id(value)


def _related(kind: str) -> Callable[[FieldBook, Field, Any], int | Reference]:
    def convert_related(book: FieldBook, field: Field, value: Any) -> int | Reference:
        if isinstance(value, str) and not _WHOLE.fullmatch(value):
            if not value.strip():
                raise Unfit(f"the id or the name of a {kind}, not an empty text")
            return Reference(kind, plain(" ".join(value.split()), "v2"))
        found: int = convert(Parameter(field.key, "body", "integer"), value, "v2")
        return found

    return convert_related


def _entries(book: FieldBook, field: Field, value: Any) -> list[dict[str, Any]] | None:
    """E-mail addresses or phone numbers: a list of texts or objects, of which one is primary."""
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    found: list[dict[str, Any]] = []
    for item in items:
        entry = {"value": item} if isinstance(item, str) else item
        if not isinstance(entry, Mapping) or not isinstance(entry.get("value"), str):
            raise Unfit(f"a list such as [{{'value': 'a@b.example', 'primary': True, 'label': 'work'}}], not {value!r}")
        found.append(
            {
                "value": entry["value"].strip(),
                "primary": bool(entry.get("primary")),
                "label": "work",
                **{name: text for name, text in entry.items() if name == "label" and text},
            }
        )
    if found and not any(entry["primary"] for entry in found):
        found[0]["primary"] = True
    return found


_SPECIAL: Mapping[str, Callable[[FieldBook, Field, Any], Any]] = {
    "money": _money,
    "daterange": _range_of(_day, "{'value': '2026-01-01', 'until': '2026-01-31'}"),
    "timerange": _range_of(_clock, "{'value': '09:00', 'until': '17:00'}"),
    "clock": _time_of_day,
    "address": _address,
    "option": lambda book, field, value: book.option_id(field, value),
    "options": _options,
    "labels": _labels,
    "user": _user,
    "organization": _related("organization"),
    "person": _related("person"),
    "deal": _related("deal"),
    "product": _related("product"),
    "pipeline": lambda book, field, value: book.directory.pipeline_id(value),
    "stage": lambda book, field, value: book.directory.stage_id(value),
    "currency": lambda book, field, value: book.directory.currency_code(value),
    "activity_type": lambda book, field, value: book.directory.activity_type(value),
    "emails": _entries,
    "phones": _entries,
}


# ---- what a record has now


def current(field: Field, record: Mapping[str, Any], *, flat: bool) -> Any:
    """What a record has in a field, in v2's shape.

    :param flat: custom fields stand at the record's root, as leads have them
    """
    if not field.custom:
        return _current_system(field, record)
    if not flat:
        return (record.get("custom_fields") or {}).get(field.key)
    return _from_flat(field, record)


def _current_system(field: Field, record: Mapping[str, Any]) -> Any:
    if field.key in PRIMARY:
        return primary_of(record.get(PRIMARY[field.key]) or [])
    value = record.get(field.key)
    if field.kind == "money" and isinstance(value, Mapping):
        return {"value": value.get("amount"), "currency": value.get("currency")}
    return value


def primary_of(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """The primary e-mail address or phone number, or the first."""
    texts = [str(entry.get("value") or "") for entry in entries if entry.get("primary")]
    texts += [str(entry.get("value") or "") for entry in entries]
    return next((text for text in texts if text), None)


def _from_flat(field: Field, record: Mapping[str, Any]) -> Any:
    value = record.get(field.key)
    if value is None:
        return None
    if field.kind == "option":
        return int(value)
    if field.kind == "options":
        return [int(item) for item in (value.split(",") if isinstance(value, str) else value)]
    if field.kind in ("money", "daterange", "timerange", "clock", "address"):
        prefix = f"{field.key}_"
        parts = {name.removeprefix(prefix): part for name, part in record.items() if name.startswith(prefix)}
        return {"value": value, **parts}
    if field.kind in ("user", "organization", "person") and isinstance(value, Mapping):
        return value.get("value") or value.get("id")
    return value


def to_flat(field: Field, value: Any) -> dict[str, Any]:
    """A custom field's value as leads take it: v1's shape, at the root."""
    if field.kind == "options" and value is not None:
        return {field.key: ",".join(map(str, value))}
    if field.kind == "option" and value is not None:
        return {field.key: str(value)}
    if isinstance(value, Mapping):
        parts = {f"{field.key}_{name}": part for name, part in value.items() if name != "value" and part is not None}
        return {field.key: value.get("value"), **parts}
    return {field.key: value}


def same(field: Field, before: Any, after: Any) -> bool:
    """Whether writing ``after`` would change nothing.

    Of an object only what is to be written counts: Pipedrive adds the parts of an address by itself.
    """
    if is_empty(before) or is_empty(after):
        return is_empty(before) and is_empty(after)
    if field.kind in ("options", "labels"):
        return {str(item) for item in before} == {str(item) for item in after}
    if isinstance(after, Mapping) and isinstance(before, Mapping):
        return all(_equal(before.get(name), part) for name, part in after.items() if part is not None)
    if field.kind in ("emails", "phones"):
        return [_entry(item) for item in before] == [_entry(item) for item in after]
    return _equal(before, after)


def _entry(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry.get("value"), bool(entry.get("primary")), entry.get("label")


def _equal(before: Any, after: Any) -> bool:
    if isinstance(before, int | float) and isinstance(after, int | float):
        return before == after  # v1 answers its flags as true and 1 by turns
    if isinstance(before, str) and isinstance(after, int) and not isinstance(after, bool):
        return before == str(after)
    if isinstance(before, str) and isinstance(after, str) and len(before) != len(after):
        return before.removesuffix(":00") == after.removesuffix(":00") and _CLOCKS.fullmatch(before) is not None
    return bool(before == after)


_CLOCKS = re.compile(r"\d{1,3}:\d\d(:\d\d)?")

"""What fields hold: one object a kind, which knows all that is particular about its values.

A kind turns what people and tables have into what Pipedrive takes (``to_wire``), reads what a record has (``current``),
tells whether two values are the same (``same``) and in which form they are compared (``key``). Inside the package a
value has v2's shape (money is ``{"value": 5, "currency": "EUR"}``, options are ids); leads, which are v1, have their
custom fields at the record's root (``to_flat``, ``from_flat``).
https://pipedrive.readme.io/docs/core-api-concepts-custom-fields
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from airflow_provider_pipedrive.catalog import shapes
from airflow_provider_pipedrive.catalog.model import Parameter, Type
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.field_values import (
    Reference,
    is_empty,
    is_missing,
    native,
    phone_key,
    primary_of,
    text_key,
    value_key,
    without_fraction,
)
from airflow_provider_pipedrive.client.times import read_time
from airflow_provider_pipedrive.client.values import InvalidValue, convert, from_text, plain
from airflow_provider_pipedrive.client.whole_numbers import whole_number

_PAIR = re.compile(
    r"(?P<value>[+-]?[\d.]+)\s*(?P<currency>[A-Za-z]{3})|(?P<first>[A-Za-z]{3})\s*(?P<amount>[+-]?[\d.]+)"
)
_CLOCKS = re.compile(r"\d{1,3}:\d\d(:\d\d)?")


class FieldNames(Protocol):
    """What kinds ask for ids of names: an entity's fields and the company's lists."""

    entity: str
    directory: Directory

    def option_id(self, field: Field, value: Any) -> int | str:
        """The id of a field's option that is given by its label or its id."""


class FieldKind:
    """What a field holds: here a value that is sent as it is.

    :cvar parts: of an object, what it consists of
    :cvar has_labels: whether its values are ids that people know by labels
    :cvar has_many: whether it holds a list of them
    :cvar is_structured: whether it holds a list or an object, which a table of texts, such as CSV, has as JSON
    """

    parts: tuple[Parameter, ...] = ()
    has_labels = False
    has_many = False
    is_structured = False

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"

    # ---- in

    def to_wire(self, names: FieldNames, field: Field, value: Any) -> Any:
        """``value`` as the field takes it, exactly.

        :returns: v2's shape, or a :class:`Reference` where a record is meant by its name
        :raises InvalidValue: it cannot be converted exactly; the text completes "<name> must be ..."
        """
        value = self.given(value)
        if is_missing(value):
            return None
        found = self.convert(names, field, value)
        return plain(found, "v2") if isinstance(found, dict | list) else found

    def given(self, value: Any) -> Any:
        """A value as Python has it: numpy's as Python's own, a list or an object out of JSON."""
        value = native(value)
        return from_text(value) if self.is_structured and isinstance(value, str) else value

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        """The same for a value that there is."""
        return plain(value, "v2")

    def completed(self, value: Any, currency: Callable[[], str | None]) -> Any:
        """A value with what Pipedrive wants besides.

        :param currency: that of amounts without one, asked for only where it is needed
        """
        return value

    def given_by_id(self, field: Field, value: Any) -> Any:
        """A value whose ids need no looking up; None where names may be meant."""
        return None

    def given_flat(self, field: Field, value: Any) -> Any:
        """A value that is in v1's shape already, as it is to be sent; None where it is not."""
        return None

    def to_system(self, value: Any, *, flat: bool) -> Any:
        """A system field's value as the body of a request has it."""
        return value

    def to_flat(self, field: Field, value: Any) -> dict[str, Any]:
        """A custom field's value as leads take it: v1's shape, at the root."""
        if not isinstance(value, Mapping):
            return {field.key: value}
        parts = {f"{field.key}_{name}": part for name, part in value.items() if name != "value" and part is not None}
        return {field.key: value.get("value"), **parts}

    # ---- out

    def current(self, field: Field, record: Mapping[str, Any], *, flat: bool) -> Any:
        """What a record has in the field, in v2's shape.

        :param flat: custom fields are at the record's root, as leads have them
        """
        if not field.custom:
            return self.from_system(record.get(field.key))
        if not flat:
            return (record.get("custom_fields") or {}).get(field.key)
        value = record.get(field.key)
        return None if value is None else self.from_flat(field, value, record)

    def from_system(self, value: Any) -> Any:
        """A system field's value in v2's shape."""
        return value

    def from_flat(self, field: Field, value: Any, record: Mapping[str, Any]) -> Any:
        """A custom field's value at the root of a v1 record, in v2's shape."""
        return value

    def labelled(self, field: Field, value: Any) -> Any:
        """A value with labels in place of ids."""
        labels = {str(key): label for key, label in field.options.items()}
        return labels.get(str(value), value) if labels and value is not None else value

    # ---- compared

    def same(self, before: Any, after: Any) -> bool:
        """Whether writing ``after`` would change nothing."""
        if is_empty(before) or is_empty(after):
            return is_empty(before) and is_empty(after)
        return self.equal(before, after)

    def equal(self, before: Any, after: Any) -> bool:
        """The same for values that there are.

        Of an object only what is to be written counts: Pipedrive adds the parts of an address by itself.
        """
        if isinstance(after, Mapping) and isinstance(before, Mapping):
            return all(_equal(before.get(name), part) for name, part in after.items() if part is not None)
        return _equal(before, after)

    def key(self, value: Any) -> str | None:
        """A value in the form in which rows are matched; None where it is no key."""
        return value_key(value)


@dataclass(frozen=True)
class Field:
    """One field that can be written.

    :ivar key: Pipedrive's key of it: a system name such as ``owner_id``, or 40 hexadecimal digits; ``email`` and
        ``phone`` stand for the primary entry of their lists
    :ivar name: what people call it in Pipedrive
    :ivar kind: what it holds
    :ivar custom: whether it is a custom field
    :ivar options: the label of each of its options by id
    :ivar enum: the texts that it takes, where they are few
    :ivar max_length: characters that its text may have, where that is known
    """

    key: str
    name: str
    kind: FieldKind
    custom: bool = False
    options: Mapping[int | str, str] = field(default_factory=dict)
    enum: tuple[Any, ...] = ()
    max_length: int | None = None

    def __str__(self) -> str:
        return self.name if self.name and self.name != self.key else self.key


class _Plain(FieldKind):
    """A text, a number, a time: what the catalog's types are."""

    def __init__(self, name: str, type_: Type) -> None:
        super().__init__(name)
        self.type = type_

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        found = convert(Parameter(field.key, "body", self.type, enum=field.enum), value, "v2")
        if field.max_length and len(found) > field.max_length:
            raise InvalidValue(f"at most {field.max_length} characters long, not {len(found)}")
        return found


class _Moment(_Plain):
    def equal(self, before: Any, after: Any) -> bool:
        return read_time(before) == read_time(after)  # v1 and v2 write times in two forms


class _Text(_Plain):
    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        return names.option_id(field, value) if field.options else super().convert(names, field, value)


class _Choice(_Plain):
    """One of the options of a system field, by label or id. Ids that are not listed pass: who may see a record depends
    on the plan."""

    has_labels = True

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        try:
            return super().convert(names, field, names.option_id(field, value))
        except InvalidValue as unknown:
            try:
                return super().convert(names, field, value)
            except InvalidValue:
                raise unknown from None


class Declared(FieldKind):
    """A list or an object whose parts the catalog knows: prices, participants, attendees."""

    is_structured = True

    def __init__(self, parameter: Parameter) -> None:
        super().__init__("declared")
        self._parameter = parameter

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        """The list or object with the types that the catalog declares."""
        return convert(self._parameter, value, "v2")

    def equal(self, before: Any, after: Any) -> bool:
        """Whether all that is to be written is there: Pipedrive adds parts, and orders a list as it likes."""
        return _covers(before, after)


def _covers(before: Any, after: Any) -> bool:
    if isinstance(after, Mapping) and isinstance(before, Mapping):
        return all(_covers(before.get(name), part) for name, part in after.items() if part is not None)
    if not isinstance(after, list) or not isinstance(before, list):
        return _equal(before, after)
    left = list(before)
    for item in after:
        found = next((place for place, had in enumerate(left) if _covers(had, item)), None)
        if found is None:
            return False
        del left[found]
    return not left


class PrimaryEntry(_Plain):
    """The primary e-mail address or phone number of a record, which has a list of them.

    :ivar listed: the field with the list
    """

    def __init__(self, name: str, listed: str, form: Callable[[Any], str | None]) -> None:
        super().__init__(name, "string")
        self.listed = listed
        self._form = form

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        """The text without spaces around it."""
        return super().convert(names, field, without_fraction(value)).strip()

    def current(self, field: Field, record: Mapping[str, Any], *, flat: bool) -> Any:
        """The entry that is called primary, or the first."""
        return primary_of(record.get(self.listed) or [])

    def key(self, value: Any) -> str | None:
        """Of a row that gives the whole list, the primary entry counts."""
        value = primary_of(value) if isinstance(value, list) else value
        return self._form(value) if value is not None else None

    def merged(self, entries: Sequence[Mapping[str, Any]], value: str | None) -> list[dict[str, Any]] | None:
        """A record's entries with another primary one, the rest kept; None where nothing changes.

        Without a value the only entry goes. Of several none does: the next would become primary, and the same row
        would take it away in the next run.

        Pipedrive replaces the whole list. https://pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide
        """
        kept = [dict(entry) for entry in entries if entry.get("value")]
        if value is None:
            return [] if len(kept) == 1 else None
        place = next((at for at, entry in enumerate(kept) if self._form(entry["value"]) == self._form(value)), None)
        if place is not None and kept[place].get("primary"):
            return None
        chosen = kept.pop(place) if place is not None else {"value": value, "label": "work"}
        return _first_is_primary([chosen, *kept])


def _first_is_primary(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**entry, "primary": at == 0} for at, entry in enumerate(entries)]


class _Entries(FieldKind):
    """E-mail addresses or phone numbers: a list of texts or objects, of which one is primary."""

    is_structured = True

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        found = [self._entry(item, value) for item in items]
        if found and not any(entry["primary"] for entry in found):
            found[0]["primary"] = True
        return found

    def _entry(self, item: Any, whole: Any) -> dict[str, Any]:
        item = from_text(item) if isinstance(item, str) else item  # in Parquet each entry is the JSON of an object
        entry = item if isinstance(item, Mapping) else {"value": item}
        text = without_fraction(entry.get("value"))
        if not isinstance(text, str | int | float) or isinstance(text, bool):
            raise InvalidValue(
                f"a list such as [{{'value': 'a@b.example', 'primary': True, 'label': 'work'}}], not {whole!r}"
            )
        found = _typed(shapes.CONTACT_ENTRIES, {**entry, "value": text})
        label = found.get("label") or "work"
        return {"value": found["value"].strip(), "primary": bool(found.get("primary")), "label": label}

    def to_system(self, value: Any, *, flat: bool) -> Any:
        return [] if value is None else value

    def equal(self, before: Any, after: Any) -> bool:
        return [_as_written(item) for item in before] == [_as_written(item) for item in after]


def _as_written(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry.get("value"), bool(entry.get("primary")), entry.get("label")


class _Object(FieldKind):
    """A value with parts, which v1 spreads over the record's root."""

    is_structured = True

    def __init__(self, name: str, parts: tuple[Parameter, ...]) -> None:
        super().__init__(name)
        self.parts = parts

    def given(self, value: Any) -> Any:
        value = super().given(value)
        return self.typed(value) if isinstance(value, Mapping) else value

    def typed(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """An object with its parts in their types: templates and tables have numbers for texts, and texts for
        numbers."""
        return _typed(self.parts, value)

    def given_flat(self, field: Field, value: Any) -> Any:
        return value if isinstance(value, str) else None

    def from_flat(self, field: Field, value: Any, record: Mapping[str, Any]) -> Any:
        prefix = f"{field.key}_"
        parts = {name.removeprefix(prefix): part for name, part in record.items() if name.startswith(prefix)}
        return {"value": value, **parts}


class _Money(_Object):
    """``{"value": 5, "currency": "EUR"}`` (a lead's ``amount`` too), ``"5 EUR"``, or a bare number."""

    def typed(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """As it is: it has two spellings, and its currency may be a name."""
        return dict(value)

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        if isinstance(value, str) and (match := _PAIR.fullmatch(value.strip())):
            value = {"value": match["value"] or match["amount"], "currency": match["currency"] or match["first"]}
        if not isinstance(value, Mapping):
            return {"value": _number(value), "currency": None}
        amount = value.get("value", value.get("amount"))
        currency = value.get("currency")
        if set(value) - {"value", "amount", "currency"} or amount is None:
            raise InvalidValue("an amount with its currency, such as {'value': 1200, 'currency': 'EUR'} or '1200 EUR'")
        return {"value": _number(amount), "currency": names.directory.currency_code(currency) if currency else None}

    def completed(self, value: Any, currency: Callable[[], str | None]) -> Any:
        if not isinstance(value, Mapping) or value.get("currency"):
            return value
        return {**value, "currency": currency()}

    def given_flat(self, field: Field, value: Any) -> Any:
        if isinstance(value, str | int | float):
            return convert(Parameter(field.key, "body", "number"), value, "v1")
        return None

    def to_system(self, value: Any, *, flat: bool) -> Any:
        if not flat or value is None:
            return value
        return {"amount": value["value"], "currency": value["currency"]}

    def from_system(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {"value": value.get("amount"), "currency": value.get("currency")}
        return value


class _Ends(_Object):
    """A begin and an end."""

    def __init__(self, name: str, parts: tuple[Parameter, ...], end: Callable[[Any], str], example: str) -> None:
        super().__init__(name, parts)
        self._end = end
        self._example = example

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        if isinstance(value, str) and value.count("/") == 1:
            value = [part.strip() for part in value.split("/")]
        if isinstance(value, Mapping) and "value" in value and value.get("until") is not None:
            return {**value, "value": self._end(value["value"]), "until": self._end(value["until"])}
        if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
            return {"value": self._end(value[0]), "until": self._end(value[1])}
        raise InvalidValue(f"a begin and an end, such as {self._example}")


class _TimeOfDay(_Object):
    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        if isinstance(value, Mapping) and value.get("value") is not None:
            return {**value, "value": _clock(value["value"])}
        return {"value": _clock(value)}


class _Address(_Object):
    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        if isinstance(value, Mapping) and isinstance(value.get("value"), str):
            return dict(value)
        if isinstance(value, str) and value.strip():
            return {"value": value}
        raise InvalidValue("an address: a text, or an object with its text as 'value'")


class _Option(FieldKind):
    """One of a field's options, by label or id."""

    has_labels = True

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        return names.option_id(field, value)

    def given_by_id(self, field: Field, value: Any) -> Any:
        return whole_number(value) if _is_option(field, value) else None

    def given_flat(self, field: Field, value: Any) -> Any:
        return str(whole_number(value)) if isinstance(value, str) and _is_option(field, value) else None

    def to_flat(self, field: Field, value: Any) -> dict[str, Any]:
        return {field.key: None if value is None else str(value)}

    def from_flat(self, field: Field, value: Any, record: Mapping[str, Any]) -> Any:
        found = whole_number(value)
        return found if found is not None else value or None


class _Options(FieldKind):
    """Several of a field's options: a list, or a text with commas or semicolons that is not a label as a whole."""

    has_labels = True
    has_many = True
    is_structured = True

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        return _listed(value, lambda item: names.option_id(field, item))

    def given_by_id(self, field: Field, value: Any) -> Any:
        if value is None:
            return None
        items = value if isinstance(value, list | tuple | set) else re.split(r"[,;]", str(value))
        return [whole_number(item) for item in items] if all(_is_option(field, item) for item in items) else None

    def given_flat(self, field: Field, value: Any) -> Any:
        if not isinstance(value, str) or not all(_is_option(field, item) for item in value.split(",")):
            return None
        return [str(whole_number(item)) for item in value.split(",")]

    def to_flat(self, field: Field, value: Any) -> dict[str, Any]:
        return {field.key: None if value is None else ",".join(map(str, value))}

    def from_flat(self, field: Field, value: Any, record: Mapping[str, Any]) -> Any:
        return [int(item) for item in _items(value) if item != ""]

    def labelled(self, field: Field, value: Any) -> Any:
        if value is None:
            return None
        return [super(_Options, self).labelled(field, item) for item in _items(value)]

    def equal(self, before: Any, after: Any) -> bool:
        return {str(item) for item in before} == {str(item) for item in after}


class _RecordLabels(_Options):
    """A record's labels; leads have labels of their own."""

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        if names.entity == "leads":
            return _listed(value, names.directory.lead_label_id)
        return super().convert(names, field, value)

    def to_system(self, value: Any, *, flat: bool) -> Any:
        return [] if value is None else value  # a system field's list is cleared by an empty one, not by null


class _Named(FieldKind):
    """Something of which the company has a list: a user, a stage, a currency."""

    def __init__(self, name: str, find: Callable[[Directory, Any], Any]) -> None:
        super().__init__(name)
        self._find = find

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        return self._find(names.directory, value)


class _User(_Named):
    def given_by_id(self, field: Field, value: Any) -> Any:
        return whole_number(value)

    def from_flat(self, field: Field, value: Any, record: Mapping[str, Any]) -> Any:
        return _embedded(value)


class _Related(FieldKind):
    """Another record, by id or by its name."""

    def convert(self, names: FieldNames, field: Field, value: Any) -> Any:
        if isinstance(value, str) and whole_number(value) is None:
            if not value.strip():
                raise InvalidValue(f"the id or the name of a {self.name}, not an empty text")
            return Reference(self.name, plain(" ".join(value.split()), "v2"))
        return convert(Parameter(field.key, "body", "integer"), value, "v2")

    def given_by_id(self, field: Field, value: Any) -> Any:
        return whole_number(value)

    def from_flat(self, field: Field, value: Any, record: Mapping[str, Any]) -> Any:
        return _embedded(value)


def _embedded(value: Any) -> Any:
    """The id of a record that v1 embeds."""
    return value.get("value") or value.get("id") if isinstance(value, Mapping) else value


def _items(value: Any) -> list[Any]:
    return value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]


def _is_option(field: Field, value: Any) -> bool:
    return whole_number(value) in field.options


def _listed(value: Any, one: Callable[[Any], Any]) -> list[Any] | None:
    """Several ids from a list, or from a text with commas or semicolons that is not a label as a whole."""
    if isinstance(value, Mapping):
        raise InvalidValue("a list of labels")
    if not isinstance(value, str):
        items = list(value) if isinstance(value, Sequence | set | frozenset) else [value]
    else:
        try:
            return [one(value)]
        except InvalidValue:
            items = [part for part in re.split(r"[,;]", value) if part.strip()]
            if len(items) < 2:
                raise
    found = sorted({one(item) for item in items if not is_missing(item)}, key=str)
    return found or None


def _equal(before: Any, after: Any) -> bool:
    if isinstance(before, int | float) and isinstance(after, int | float):
        return before == after  # v1 answers its flags as true and 1 by turns
    if isinstance(before, str) and isinstance(after, int) and not isinstance(after, bool):
        return before == str(after)
    if isinstance(before, str) and isinstance(after, str) and _CLOCKS.fullmatch(before) and _CLOCKS.fullmatch(after):
        return _to_the_second(before) == _to_the_second(after)
    return bool(before == after)


def _typed(parts: tuple[Parameter, ...], value: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = convert(Parameter("value", "body", "object", parts=parts), value, "v2")
    return found


def _number(value: Any) -> int | float:
    found: int | float = convert(Parameter("value", "body", "number"), value, "v2")
    return found


def _day(value: Any) -> str:
    found: str = convert(Parameter("value", "body", "date"), value, "v2")
    return found


def _clock(value: Any) -> str:
    found: str = convert(Parameter("value", "body", "time"), value, "v2")
    return _to_the_second(found)


def _to_the_second(clock: str) -> str:
    return (clock if clock.count(":") == 2 else f"{clock}:00").zfill(len("00:00:00"))


KINDS: Final[Mapping[str, FieldKind]] = {
    kind.name: kind
    for kind in (
        FieldKind("any"),
        _Text("text", "string"),
        _Plain("number", "number"),
        _Plain("integer", "integer"),
        _Plain("boolean", "boolean"),
        _Plain("flag", "flag"),
        _Plain("date", "date"),
        _Moment("datetime", "datetime"),
        _Plain("time", "time"),
        _Plain("object", "object"),
        PrimaryEntry("email", "emails", text_key),
        PrimaryEntry("phone", "phones", phone_key),
        _Entries("emails"),
        _Entries("phones"),
        _Money("money", shapes.MONEY),
        _Ends("daterange", shapes.DATE_RANGE, _day, "{'value': '2026-01-01', 'until': '2026-01-31'}"),
        _Ends("timerange", shapes.TIME_RANGE, _clock, "{'value': '09:00', 'until': '17:00'}"),
        _TimeOfDay("clock", shapes.TIME_OF_DAY),
        _Address("address", shapes.CUSTOM_ADDRESS),
        _Option("option"),
        _Choice("choice", "integer"),
        _Options("options"),
        _RecordLabels("labels"),
        _User("user", Directory.user_id),
        _Named("pipeline", Directory.pipeline_id),
        _Named("stage", Directory.stage_id),
        _Named("currency", Directory.currency_code),
        _Named("activity_type", Directory.activity_type),
        _Related("organization"),
        _Related("person"),
        _Related("deal"),
        _Related("product"),
    )
}
"""Every kind by its name. ``clock`` is a custom field of Pipedrive's type ``time``, an object; ``time`` is a text."""

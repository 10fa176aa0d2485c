"""Values of custom fields, in v2's shape and in v1's.

https://pipedrive.readme.io/docs/core-api-concepts-custom-fields
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from airflow_provider_pipedrive.sandbox.seed.fields import ADDRESS_PARTS, DEAL_FIELDS, PLACE_PARTS
from airflow_provider_pipedrive.sandbox.seed.office import FIRST_USER, USERS
from airflow_provider_pipedrive.sandbox.seed.source import Source, Table, day

_TIMEZONES = ((254, "Europe/Tallinn"), (240, "Europe/Berlin"), (60, "America/New_York"))
_MOST_SELDOM = 3  # so many values of fields that are seldom set
_NULL = 0.1  # so many of the unset values are there as null; the others are absent


class CustomValues:
    """Draws the ``custom_fields`` of one entity's records: some set, some null, some absent; most of many absent."""

    def __init__(self, source: Source, fields: Table, contacts: tuple[int, int] = (1, 1), fill: float = 0.6) -> None:
        """Prepare to draw for these definitions.

        :param contacts: how many organizations and persons there are to point to
        :param fill: how often a field has a value
        """
        self._draw = source.draw
        self._fill = fill
        custom = [field for field in fields.values() if field["is_custom_field"]]
        often, seldom = custom[: len(DEAL_FIELDS)], custom[len(DEAL_FIELDS) :]
        self._makers = [_maker(source, field, contacts) for field in often]
        self._apart = source.apart("seldom")  # however many there are, the rest of the company stays as it is
        self._seldom = [_maker(self._apart, field, contacts) for field in seldom]

    def draw(self) -> dict[str, Any]:
        """The fields of one record."""
        values: dict[str, Any] = {}
        for code, make in self._makers:
            drawn = self._draw()
            if drawn < self._fill:
                values[code] = make()
            elif drawn < self._fill + _NULL:
                values[code] = None
        for _ in range(self._apart.below(_MOST_SELDOM + 1) if self._seldom else 0):
            code, make = self._apart.pick(self._seldom)
            values[code] = make()
        return values


def _maker(source: Source, field: dict[str, Any], contacts: tuple[int, int]) -> tuple[str, Callable[[], Any]]:
    return field["field_code"], partial(_VALUES[field["field_type"]], source, field, contacts)


def flat(fields: Table, values: dict[str, Any]) -> dict[str, Any]:
    """``custom_fields`` of v2 as v1's leads have them: next to the other fields, only what is set."""
    kinds = {field["field_code"]: field["field_type"] for field in fields.values()}
    found: dict[str, Any] = {}
    for code, value in values.items():
        if isinstance(value, dict):
            found[code] = value["value"]
            parts = {part: item for part, item in value.items() if part not in ("value", "timezone_name")}
            found.update({f"{code}_{part}": item for part, item in parts.items() if item is not None})
        elif isinstance(value, list):
            found[code] = ",".join(map(str, value))
        elif value is not None:
            found[code] = str(value) if kinds[code] == "enum" else value
    return found


def place(source: Source) -> dict[str, Any]:
    """Where an organization is or an activity takes place, with its parts."""
    street, code, city, country = source.pick(source.places)
    number = str(source.between(1, 99))
    parts = {"country": country, "locality": city, "route": street, "street_number": number, "postal_code": code}
    return {"value": f"{street} {number}, {code} {city}, {country}", **dict.fromkeys(PLACE_PARTS), **parts}


def _address(source: Source) -> dict[str, Any]:
    found = place(source)
    return {**dict.fromkeys(("value", *ADDRESS_PARTS)), **found, "formatted_address": found["value"]}


def _option(source: Source, field: dict[str, Any]) -> int:
    return int(source.pick(field["options"])["id"])


def _options(source: Source, field: dict[str, Any]) -> list[int]:
    first, second = _option(source, field), _option(source, field)
    return [first] if first == second else sorted((first, second))


def _text(source: Source) -> str:
    return f"Talked to {source.pick(source.last_names)}, wants an offer for {source.between(2, 40)} seats."


def _zone(source: Source) -> dict[str, Any]:
    number, name = source.pick(_TIMEZONES)
    return {"timezone_id": number, "timezone_name": name}


def _span(source: Source) -> dict[str, str]:
    start = source.between(-200, 200)
    return {"value": day(source.now, start), "until": day(source.now, start + source.between(1, 60))}


def _hours(source: Source) -> dict[str, Any]:
    return {"value": f"0{source.between(7, 9)}:00:00", "until": f"{source.between(16, 18)}:30:00", **_zone(source)}


_Value = Callable[[Source, dict[str, Any], tuple[int, int]], Any]
_VALUES: dict[str, _Value] = {
    "varchar": lambda source, field, contacts: f"{field['field_name'][:3].upper()}-{source.between(1000, 9999)}",
    "varchar_auto": lambda source, field, contacts: f"R{source.between(1, 500)}",
    "text": lambda source, field, contacts: _text(source),
    "phone": lambda source, field, contacts: f"+1 555 {source.between(1_000_000, 9_999_999)}",
    "double": lambda source, field, contacts: source.between(100, 50_000) / 100,
    "monetary": lambda source, field, contacts: {
        "value": source.between(1, 900) * 100,
        "currency": source.pick(("EUR", "USD", "GBP")),
    },
    "enum": lambda source, field, contacts: _option(source, field),
    "set": lambda source, field, contacts: _options(source, field),
    "user": lambda source, field, contacts: FIRST_USER + source.below(USERS - 1),
    "org": lambda source, field, contacts: 1 + source.below(contacts[0]),
    "people": lambda source, field, contacts: 1 + source.below(contacts[1]),
    "date": lambda source, field, contacts: day(source.now, source.between(-300, 300)),
    "daterange": lambda source, field, contacts: _span(source),
    "time": lambda source, field, contacts: {"value": f"{source.between(10, 16)}:30:00", **_zone(source)},
    "timerange": lambda source, field, contacts: _hours(source),
    "address": lambda source, field, contacts: _address(source),
}

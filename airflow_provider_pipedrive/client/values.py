"""One value, brought exactly into the type that a parameter declares, or refused with the reason.

Templates render to text, so text is taken wherever it says exactly what is meant; nothing is guessed or rounded.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from airflow_provider_pipedrive.catalog.advice import EXAMPLES, nearest
from airflow_provider_pipedrive.catalog.model import Parameter, TimeFormat, Type
from airflow_provider_pipedrive.client.field_values import native
from airflow_provider_pipedrive.client.times import as_written, write_time
from airflow_provider_pipedrive.client.whole_numbers import whole_number

_V1_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_WORDS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_TOO_LARGE = 10**40  # no id or amount is; Python itself refuses to write down numbers of thousands of digits
_CLOCK = re.compile(r"\d{1,3}:[0-5]\d(:[0-5]\d)?", re.ASCII)


class InvalidValue(ValueError):
    """The value does not fit; the text completes the sentence "<name> must be ...".

    :ivar where: what in the value does not fit, such as ``[0].person_id``; empty for the whole
    """

    def __init__(self, text: str, where: str = "") -> None:
        super().__init__(text)
        self.where = where

    def about(self, name: str) -> str:
        """The whole sentence."""
        return f"{name}{self.where} must be {self}"

    def inside(self, place: str) -> InvalidValue:
        """The same of what contains the value at ``place``."""
        return type(self)(str(self), f"{place}{self.where}")


class UnknownPart(InvalidValue):
    """An object has a key that looks like another one, misspelled; the text says so."""

    def about(self, name: str) -> str:
        """The whole sentence."""
        return f"{name}{self.where} {self}"


def _known(value: Any) -> bool:
    """Tells of every value that it can be judged."""
    return False


def convert(
    parameter: Parameter, value: Any, time_format: TimeFormat, resolved_later: Callable[[Any], bool] = _known
) -> Any:
    """``value`` as ``parameter`` declares it, its parts included.

    :param time_format: the wire format of timestamps for this parameter
    :param resolved_later: tells which parts cannot be judged yet (templates): they stay as they are
    :raises InvalidValue: it cannot be converted exactly
    """
    if parameter.type == "array":
        return _array(parameter, value, time_format, resolved_later)
    if parameter.type == "object":
        if not isinstance(_parsed(value), Mapping):
            raise InvalidValue(f"an object (a dict){_such_as(parameter)}, not {_shown(value)}")
        return _parts(parameter, _parsed(value), time_format, resolved_later)
    return _enumerated(parameter, _scalar(parameter.type, value, time_format))


def _parts(
    parameter: Parameter, value: Mapping[Any, Any], time_format: TimeFormat, resolved_later: Callable[[Any], bool]
) -> dict[str, Any]:
    """An object, those of its keys converted that the catalog knows.

    Pipedrive takes keys that it describes nowhere: an unknown one passes, unless it looks like a known one that is not
    given with it.
    """
    known = {part.name: part for part in parameter.parts}
    missing = [name for name in known if name not in value]
    found: dict[str, Any] = {}
    for key, item in value.items():
        part = known.get(key)
        if part is None:
            if near := nearest(key, missing) if missing else []:
                raise UnknownPart(f"has no {key!r} (did you mean {near[0]!r}?)")
            found[str(key)] = item if resolved_later(item) else _at(f".{key}", plain, item, time_format)
        elif item is None or (resolved_later(item) and not (part.parts and isinstance(item, Mapping | list | tuple))):
            found[key] = item
        else:
            found[key] = _at(f".{key}", convert, part, item, time_format, resolved_later)
    return found


def _at(place: str, do: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return do(*arguments)
    except InvalidValue as invalid:
        raise invalid.inside(place) from None


def _scalar(kind: Type, value: Any, time_format: TimeFormat) -> Any:
    value = native(value)
    match kind:
        case "integer":
            return _integer(value)
        case "number":
            return _number(value)
        case "boolean":
            return _boolean(value)
        case "flag":
            return int(_boolean(value))
        case "string":
            return _string(value)
        case "date":
            return _date(value)
        case "datetime":
            return _datetime(value, time_format)
        case "time":
            return _time(value)
        case _:
            return plain(value, time_format)


def _integer(value: Any) -> int:
    if isinstance(value, int) and abs(value) >= _TOO_LARGE:
        raise InvalidValue("a whole number of at most 40 digits")
    found = whole_number(value)
    if found is None:
        raise InvalidValue(f"a whole number, not {_shown(value)}")
    return found


def _number(value: Any) -> int | float:
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= _TOO_LARGE:
            raise InvalidValue("a number of at most 40 digits")
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    try:
        exact = Decimal(value.strip() if isinstance(value, str) else value) if _decimal_like(value) else None
    except InvalidOperation:
        exact = None
    if exact is not None and exact.is_finite():
        if exact == exact.to_integral_value() and "." not in str(value) and "e" not in str(value).lower():
            return _number(int(exact))
        if Decimal(repr(float(exact))) == exact:
            return float(exact)
    raise InvalidValue(f"a number, not {_shown(value)}")


def _decimal_like(value: Any) -> bool:
    return isinstance(value, Decimal) or (isinstance(value, str) and value.isascii() and "_" not in value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | str) and str(value).strip().lower() in _WORDS:
        return _WORDS[str(value).strip().lower()]
    raise InvalidValue(f"true or false, not {_shown(value)}")


def _string(value: Any) -> str:
    if isinstance(value, str):
        return _utf8(value)
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # Python does not write down numbers of thousands of digits
            raise InvalidValue("text, not a number of thousands of digits") from None
    if isinstance(value, float | Decimal) and math.isfinite(value):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise InvalidValue(f"text, not {_shown(value)}")


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidValue("text that UTF-8 can write: it has half of a surrogate pair") from None
    return text


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidValue(
            f"a time with a zone, but {value.isoformat()} has none. Pipedrive's times are UTC: "
            "say datetime(..., tzinfo=timezone.utc), or write 2026-01-31T12:00:00Z"
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidValue(f"a time between the years 1 and 9999 in UTC, not {value.isoformat()}") from None


def _own_day(value: datetime) -> str:
    """The calendar day that a moment is in its own zone: a date has none, so nothing is moved to UTC."""
    if value.tzinfo is None:
        raise InvalidValue(f"a date (YYYY-MM-DD), or a datetime with a zone, which {value.isoformat()} has not")
    return value.date().isoformat()


def _date(value: Any) -> str:
    if isinstance(value, datetime):
        return _own_day(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        text = value.strip()
        parsed = as_written(text)
        if parsed is not None and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return text
        if parsed is not None and "-" in text and len(text) > 10:
            return _own_day(parsed)
    raise InvalidValue(f"a date (YYYY-MM-DD), not {_shown(value)}")


def _datetime(value: Any, time_format: TimeFormat) -> str:
    if isinstance(value, str):
        text = value.strip()
        parsed = as_written(text)
        if parsed is not None and len(text) > 10:
            # What v1 answers is UTC, though it does not say so; it may be handed on to v2.
            value = parsed.replace(tzinfo=UTC) if _V1_TIME.fullmatch(text) else parsed
    if isinstance(value, datetime):
        return write_time(_aware(value), time_format)
    example = "2026-01-31 12:00:00 (in UTC)" if time_format == "v1" else "2026-01-31T12:00:00Z"
    raise InvalidValue(f"a time such as {example}, or a datetime with a zone, not {_shown(value)}")


def _time(value: Any) -> str:
    if isinstance(value, time) and value.tzinfo in (None, UTC):  # without a date, another zone's offset is unknown
        return value.strftime("%H:%M:%S" if value.second else "%H:%M")
    if isinstance(value, timedelta) and value >= timedelta(0) and not value.microseconds:
        return _clock(value)  # what MySQL's drivers make of a column of times
    if isinstance(value, str) and _CLOCK.fullmatch(value.strip()):
        return value.strip().zfill(len("00:00") if value.count(":") == 1 else len("00:00:00"))
    raise InvalidValue(f"HH:MM or HH:MM:SS (a time of day is in UTC), not {_shown(value)}")


def _clock(length: timedelta) -> str:
    minutes, seconds = divmod(length.days * 86_400 + length.seconds, 60)
    clock = f"{minutes // 60:02}:{minutes % 60:02}"
    return f"{clock}:{seconds:02}" if seconds else clock


def from_text(text: str) -> Any:
    """What a list or an object says that was rendered to text, as JSON or as Python writes it; else the text itself."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text.strip())
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    return text


def _array(
    parameter: Parameter, value: Any, time_format: TimeFormat, resolved_later: Callable[[Any], bool]
) -> list[Any]:
    elements = _elements(parameter, value)
    if parameter.items == "object":
        items = _objects(parameter, value, elements, time_format, resolved_later)
    else:
        items = [_enumerated(parameter, _scalar(parameter.items or "any", item, time_format)) for item in elements]
    if not items and parameter.place == "query":
        raise InvalidValue(
            "a list with at least one element: an empty one would not narrow anything down. Leave it out"
        )
    if parameter.max_items and len(items) > parameter.max_items:
        raise InvalidValue(f"a list of at most {parameter.max_items} elements, not {len(items)}: call once per batch")
    return items


def _objects(
    parameter: Parameter,
    value: Any,
    elements: list[Any],
    time_format: TimeFormat,
    resolved_later: Callable[[Any], bool],
) -> list[Any]:
    parsed = [item if resolved_later(item) else _parsed(item) for item in elements]
    if not all(isinstance(item, Mapping) or resolved_later(item) for item in parsed):
        raise InvalidValue(f"a list of objects (dicts){_such_as(parameter)}, not {_shown(value)}")
    return [
        _at(f"[{place}]", _entry, parameter, item, time_format, resolved_later) if isinstance(item, Mapping) else item
        for place, item in enumerate(parsed)
    ]


def _entry(
    parameter: Parameter, value: Mapping[Any, Any], time_format: TimeFormat, resolved_later: Callable[[Any], bool]
) -> dict[str, Any]:
    """An object of a list, which says something only by keys that the catalog knows: ``value``, ``person_id``, ..."""
    found = _parts(parameter, value, time_format, resolved_later)
    known = [part.name for part in parameter.parts]
    if known and found and not set(known) & set(found):
        raise UnknownPart(f"has no {next(iter(found))!r} (it takes: {', '.join(known)})")
    return found


def _elements(parameter: Parameter, value: Any) -> list[Any]:
    if isinstance(value, str):
        parsed = from_text(value)
        if not isinstance(parsed, str):
            return _elements(parameter, parsed)
        if parameter.items != "object":
            return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, Mapping) and parameter.items == "object":
        return [value]
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    if parameter.items != "object" and isinstance(value, int) and not isinstance(value, bool):
        return [value]
    if parameter.items == "object":
        raise InvalidValue(f"a list of objects (dicts){_such_as(parameter)}, not {_shown(value)}")
    raise InvalidValue(f"a list, not {_shown(value)}")


def _such_as(parameter: Parameter) -> str:
    return f", such as {EXAMPLES[parameter.name]}" if parameter.name in EXAMPLES else ""


def _parsed(item: Any) -> Any:
    return from_text(item) if isinstance(item, str) else item


def _enumerated(parameter: Parameter, value: Any) -> Any:
    if not parameter.enum or value in parameter.enum:
        return value
    near = nearest(value, map(str, parameter.enum))
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise InvalidValue(f"one of {', '.join(str(option) for option in parameter.enum)}, not {_shown(value)}{hint}")


def plain(value: Any, time_format: TimeFormat) -> Any:
    """``value`` with everything inside it made of JSON's own types.

    :raises InvalidValue: there is something that JSON cannot say
    """
    try:
        return _plain(value, time_format)
    except RecursionError:
        raise InvalidValue("less deep: it is nested too far, or contains itself") from None


def _plain(value: Any, time_format: TimeFormat) -> Any:
    value = native(value)
    if isinstance(value, str):
        return _utf8(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return _datetime(value, time_format)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, timedelta):
        return _time(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, time_format) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        return [_plain(item, time_format) for item in value]
    raise InvalidValue(f"made of JSON's types, not {_shown(value)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"

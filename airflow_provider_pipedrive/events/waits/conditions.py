"""Conditions on a record: a path into it, an operator, a value."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_provider_pipedrive.catalog.advice import did_you_mean
from airflow_provider_pipedrive.client.times import read_time
from airflow_provider_pipedrive.client.values import InvalidValue, plain
from airflow_provider_pipedrive.errors import PipedriveParameterError


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """A comparison that does not hold between what cannot be compared, such as a number and nothing."""

    def holds(found: Any, value: Any) -> bool:
        try:
            return compare(found, value)
        except TypeError:
            return False

    return holds


def _contains(found: Any, value: Any) -> bool:
    return value in found if isinstance(found, str | list | Mapping) else False


def _matches(found: Any, value: Any) -> bool:
    return isinstance(found, str) and re.search(value, found) is not None


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "in": lambda found, value: found in value,
    "not in": lambda found, value: found not in value,
    "contains": _contains,
    "matches": _matches,
    "is set": lambda found, _: found not in (None, "", []),
    "is empty": lambda found, _: found in (None, "", []),
}
"""``contains``: of a text or a list. ``matches``: a regular expression, anywhere in a text. The last two take no value:
a field that is missing, null, an empty text or an empty list is empty."""
_WITHOUT_VALUE = ("is set", "is empty")
_LISTS = ("in", "not in")


@dataclass(frozen=True)
class Condition:
    """One condition, such as ``Condition("status", "==", "won")``.

    ``path`` leads into the record with dots (``custom_fields.<key>``, ``emails.0.value``).
    """

    path: str
    operator: str
    value: Any = None

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether a record fulfils it. A field that is not there is null."""
        found = value_at(record, self.path)
        value = [_alike(found, each) for each in self.value] if self.operator in _LISTS else _alike(found, self.value)
        if isinstance(found, str) and isinstance(value, str) and self.operator in ("<", "<=", ">", ">="):
            moments = read_time(found), read_time(value)
            if None not in moments:
                found, value = moments
        return OPERATORS[self.operator](found, value)

    def __str__(self) -> str:
        return f"{self.path} {self.operator}" + ("" if self.operator in _WITHOUT_VALUE else f" {self.value!r}")


def _alike(found: Any, value: Any) -> Any:
    """A value as what it is compared with: a template has rendered it to text, where the record has a number or a
    boolean."""
    if not isinstance(value, str) or not isinstance(found, int | float):
        return value
    if isinstance(found, bool):
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    try:
        number = float(value) if not value.strip().lstrip("+-").isdigit() else int(value)
    except ValueError:
        return value
    return number if math.isfinite(number) else value


def conditions(name: str, given: Any) -> tuple[Condition, ...]:
    """Conditions as callers write them: ``("status", "==", "won")``, or several in a list.

    :param name: the argument's name, for the errors
    :raises PipedriveParameterError: one cannot be read
    """
    if given is None:
        return ()
    if isinstance(given, Sequence) and not isinstance(given, str) and given and isinstance(given[0], str):
        given = [given]
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise PipedriveParameterError(
            f"{name} must be a condition such as ('status', '==', 'won') or a list of them, not {given!r}."
        )
    return tuple(_condition(name, item) for item in given)


def _condition(name: str, item: Any) -> Condition:
    if not isinstance(item, Sequence) or isinstance(item, str) or len(item) not in (2, 3):
        raise PipedriveParameterError(f"{name}: a condition is (path, operator, value), not {item!r}.")
    path, sign, *rest = item
    if not isinstance(path, str) or not path:
        raise PipedriveParameterError(f"{name}: a path is a text such as 'status', not {path!r}.")
    if sign not in OPERATORS:
        hint = did_you_mean(sign, OPERATORS)
        raise PipedriveParameterError(
            f"{name}: {sign!r} is not a valid operator.{hint} Operators are {', '.join(OPERATORS)}; a condition is "
            "(path, operator, value)."
        )
    if (sign in _WITHOUT_VALUE) == bool(rest):
        wants = "takes no value" if rest else "needs a value"
        raise PipedriveParameterError(f"{name}: {path} {sign}: {sign!r} {wants}.")
    return Condition(path, sign, _value(name, path, sign, rest[0] if rest else None))


def _value(name: str, path: str, sign: str, value: Any) -> Any:
    if sign in _LISTS:
        if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
            raise PipedriveParameterError(f"{name}: {path} {sign}: give a list of values, not {value!r}.")
        return [_as_json(name, path, sign, item) for item in value]
    if sign == "matches":
        try:
            re.compile(value)
        except (TypeError, re.error) as error:
            raise PipedriveParameterError(
                f"{name}: {path} matches {value!r}: this is not a valid regular expression: {error}."
            ) from None
    return _as_json(name, path, sign, value)


def _as_json(name: str, path: str, sign: str, value: Any) -> Any:
    """A value in the types that records have: they come from JSON."""
    try:
        return value.isoformat() if isinstance(value, datetime) else plain(value, "v2")
    except InvalidValue as invalid:
        raise PipedriveParameterError(f"{name}: {path} {sign}: {invalid.about('the value')}.") from None


def value_at(record: Any, path: str) -> Any:
    """What a path leads to in a record; ``None`` for nothing."""
    found: Any = record
    for part in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(part)
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def fault_of(path: str, record: Any) -> str:
    """Why a path leads nowhere in a record, as a sentence; empty where it leads somewhere, be that null."""
    steps, found = path.split("."), record
    for number, step in enumerate(steps):
        before = ".".join(steps[:number])
        if isinstance(found, Mapping):
            if step not in found:
                near = did_you_mean(step, map(str, found))
                own = " Custom fields are at custom_fields.<key>." if not near and "custom_fields" in found else ""
                return f"{path!r} leads nowhere: {before or 'the record'} has no {step!r}.{near}{own}"
            found = found[step]
        elif isinstance(found, list):
            if not step.isdecimal():
                return f"{path!r} leads nowhere: {before} is a list. Did you mean '{before}.0.{step}'?"
            found = found[int(step)] if int(step) < len(found) else None
        elif found is not None:
            return f"{path!r} leads nowhere: {before} is {found!r:.60}, which has no parts."
    return ""

"""Values are made to fit their columns' types before they are written, so that all formats say the same.

======================= ======================================================================================
a column's type         what fits besides a value of that type
======================= ======================================================================================
``string``, ``time``    everything
``json``                everything
``integer``             ``5.0`` and ``"5"``; from -2**63 to 2**63 - 1
``number``              ``"2.5"``
``boolean``             ``0``, ``1`` and these and ``true``, ``false`` as texts
``timestamp``           texts: RFC 3339; without a zone, ``2026-01-31 12:00:00``, it is UTC
``date``                texts: ``2026-01-31``, and midnight as a timestamp
``list``                each element as above; one that does not fit is null in the list
======================= ======================================================================================

An empty text says nothing where a type other than ``string``, ``json`` or ``time`` is declared, and becomes null.
Everything else that does not fit becomes null, is counted, and is kept in the row's last column, ``other``, by its
place in the record. A zero date (``0000-00-00``) is counted only: it is how MySQL writes that there is none.

Most columns of most pages fit, which one look at all their values tells; only the others are gone through one by one.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from operator import itemgetter
from types import GenericAlias
from typing import Annotated, Any, Final

import msgspec

from airflow_provider_pipedrive.extraction.rows.columns import OTHER, Column
from airflow_provider_pipedrive.extraction.rows.rows import Row

log = logging.getLogger(__name__)

LARGEST: Final = 2**63 - 1
_ZERO_DATE: Final = re.compile(r"0000-00-00([T ]00:00(:00(\.0+)?)?Z?)?", re.ASCII)
_MOST_NAMED: Final = 5


class DoesNotFitError(ValueError):
    """The value does not fit its column's type."""


def integer(value: Any) -> int:
    """A whole number of 64 bits."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,19}\s*", value, re.ASCII):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -LARGEST - 1 <= value <= LARGEST:
        return value
    raise DoesNotFitError


def number(value: Any) -> int | float:
    """A number: whole ones of 64 bits stay whole."""
    if isinstance(value, int) and not isinstance(value, bool) and -LARGEST - 1 <= value <= LARGEST:
        return value
    try:
        found = float(value)
    except (ValueError, TypeError, OverflowError):
        raise DoesNotFitError from None
    if isinstance(value, bool) or not math.isfinite(found):
        raise DoesNotFitError
    return found


_WORDS = {"true": True, "1": True, "false": False, "0": False}


def boolean(value: Any) -> bool:
    """Whether or not."""
    if isinstance(value, int | str) and str(value).lower() in _WORDS:
        return _WORDS[str(value).lower()]
    raise DoesNotFitError


def timestamp(value: Any) -> datetime:
    """A moment; one without a zone is UTC, as all of Pipedrive's are."""
    moment = _moment(value)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise DoesNotFitError from None


def day(value: Any) -> date:
    """A date, or midnight of one."""
    moment = _moment(value)
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        raise DoesNotFitError
    return moment.date()


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise DoesNotFitError from None


def timestamp_text(value: Any) -> str:
    """A moment as RFC 3339 in UTC."""
    return timestamp(value).isoformat().replace("+00:00", "Z")


def date_text(value: Any) -> str:
    """A date as RFC 3339."""
    return day(value).isoformat()


_FIT: Final[dict[str, tuple[Any, Callable[[Any], Any]]]] = {
    "integer": (Annotated[int, msgspec.Meta(ge=-LARGEST - 1, le=LARGEST)], integer),
    "number": (Annotated[int, msgspec.Meta(ge=-LARGEST - 1, le=LARGEST)] | float, number),
    "boolean": (bool, boolean),
    "timestamp": (Annotated[datetime, msgspec.Meta(tz=True)], timestamp_text),
    "date": (date, date_text),
}
"""By type: what fits at a glance, and how any other value is made to fit."""


class ValueFitter:
    """Fits rows to their columns, in place.

    :param entity: for the log
    """

    def __init__(self, entity: str, columns: Sequence[Column]) -> None:
        self._entity = entity
        self._columns = [(column, look) for column in columns if (look := glance(column)) is not None]
        self._typed = itemgetter(OTHER, *(column.name for column, _ in self._columns))
        self._all_fit = list_of(GenericAlias(tuple, (Any, *(look for _, look in self._columns))))
        self._named: set[str] = set()

    def fit(self, rows: Sequence[Row]) -> dict[str, dict[int, int]]:
        """How many values had to become null, by column and by the number of the row."""
        nulled_values: dict[str, dict[int, int]] = {}
        try:
            msgspec.convert([*map(self._typed, rows)], self._all_fit)
        except msgspec.ValidationError:
            pass  # some column does not: which one is found out below
        else:
            return nulled_values
        for column, look in self._columns:
            name = column.name
            wrong = sorted(misfits([row[name] for row in rows], look))
            if nulled := _fit_each({at: rows[at] for at in wrong}, column):
                nulled_values[name] = nulled
                self._tell(column, [rows[at] for at in nulled])
        return nulled_values

    def _tell(self, column: Column, rows: Sequence[Row]) -> None:
        """Name the first records only: a field that never fits would fill the log."""
        if column.name in self._named:
            return
        self._named.add(column.name)
        log.warning(
            "%s: a value of %s is not a valid %s: its column is null, and further ones are only "
            "counted. First seen with id %s.",
            self._entity,
            column.name,
            column.type,
            ", ".join(str(row.get("id")) for row in rows[:_MOST_NAMED]),
        )


def glance(column: Column) -> Any:
    """The type of a column's value that needs no look of its own; None where every value fits."""
    if column.type == "list":
        return (list_of(_FIT[column.items][0] | None) if column.items in _FIT else list) | None
    return _FIT[column.type][0] | None if column.type in _FIT else None


def all_null(values: Sequence[Any]) -> bool:
    """Whether there is no value at all. Most columns tell by their first: to compare all values with None takes a tenth
    of the time in which a page becomes columns."""
    return not values or (values[0] is None and values.count(None) == len(values))


def misfits(values: Sequence[Any], look: Any) -> set[int]:
    """The places of the values that need a look of their own.

    :param look: the type of those that need none, as :func:`glance` tells it
    """
    if _fits(values, list_of(look)):
        return set()
    return {at for at, value in enumerate(values) if not _fits(value, look)}


def _fits(value: Any, look: Any) -> bool:
    try:
        msgspec.convert(value, look)
    except msgspec.ValidationError:
        return False
    return True


def list_of(items: Any) -> Any:
    """The type of a list of such items, which are known only now."""
    return GenericAlias(list, (items,))


def _fit_each(rows: Mapping[int, Row], column: Column) -> dict[int, int]:
    """Fit a column's values one by one, in rows by number; by row, how many could not be."""
    nulled: dict[int, int] = {}
    for at, row in rows.items():
        value = row[column.name]
        fitted, nulled_values, worth = (
            _fit_list(value, column) if column.type == "list" else _fit_one(value, column.type)
        )
        row[column.name] = fitted
        if nulled_values:
            nulled[at] = nulled_values
        if worth:
            _keep(row, column, value)
    return nulled


def _fit_one(value: Any, kind: str | None) -> tuple[Any, int, bool]:
    """A value as its column has it, how many values became null, and whether something is lost by that."""
    if kind not in _FIT or value is None:
        return value, 0, False
    if value == "":
        return None, 0, False
    try:
        return _FIT[kind][1](value), 0, False
    except DoesNotFitError:
        nothing = isinstance(value, str) and _ZERO_DATE.fullmatch(value) and kind in ("timestamp", "date")
        return None, 1, not nothing


def _fit_list(value: Any, column: Column) -> tuple[Any, int, bool]:
    if not isinstance(value, list):
        return None, int(value != ""), value != ""
    fitted = [_fit_one(item, column.items) for item in value]
    return (
        [item for item, _, _ in fitted],
        sum(nulled_values for _, nulled_values, _ in fitted),
        any(worth for _, _, worth in fitted),
    )


def _keep(row: Row, column: Column, value: Any) -> None:
    """Put a value that its column cannot hold into ``other``, by its place in the record."""
    other: dict[str, Any] = dict(row[OTHER] or {})
    row[OTHER] = other
    *way, last = column.path or (column.name,)
    place = other
    for step in way:
        inner = place.get(step)
        if inner is not None and not isinstance(inner, dict):
            place, last = other, column.name  # what stands there is no object, and stays
            break
        below: dict[str, Any] = dict(inner or {})
        place[step] = below
        place = below
    place[last] = value

"""Whole numbers that people give: the one reading of a value, and the one check of an argument."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from airflow_provider_pipedrive.client.field_values import native
from airflow_provider_pipedrive.errors import PipedriveParameterError

_WHOLE: Final = re.compile(r"\s*([+-]?\d{1,1000})(?:\.0{1,1000})?\s*", re.ASCII)


def whole_number(value: Any) -> int | None:
    """The whole number that a value is, or that a text says: ``5``, or ``5.0``, as a table writes the ids of a column
    with gaps.

    ``None`` for anything else, True and False among it.
    """
    value = native(value)
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else None
    found = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else None


def read_count(name: str, value: Any, least: int = 1) -> int:
    """An argument that a template may have rendered to text, as a whole number.

    :raises PipedriveParameterError: it is none, or smaller than ``least``
    """
    found = whole_number(value)
    if found is None or found < least:
        raise PipedriveParameterError(f"{name} must be a whole number from {least} on, not {value!r:.80}.")
    return found


def check_count(name: str, value: Any, least: int = 1, action: str | None = None) -> None:
    """Find an argument that is not an ``int`` of Python's from ``least`` on: no text, no True.

    :raises PipedriveParameterError: it is not
    """
    if type(value) is not int or value < least:
        raise PipedriveParameterError(
            f"{name} must be a whole number from {least} on, not {value!r:.80}.", action=action
        )

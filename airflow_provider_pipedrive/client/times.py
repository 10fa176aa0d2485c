"""Pipedrive's times, read and written in one place.

v1 writes ``2026-11-02 08:15:30`` and means UTC, v2 writes ``2026-11-02T08:15:30Z``; both write days as ``2026-11-02``.
https://pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from airflow_provider_pipedrive.catalog.model import TimeFormat
from airflow_provider_pipedrive.errors import PipedriveParameterError

_FORMATS: dict[TimeFormat, str] = {"v1": "%Y-%m-%d %H:%M:%S", "v2": "%Y-%m-%dT%H:%M:%SZ"}


def read_time(value: Any) -> datetime | None:
    """A time in UTC; ``None`` for none, and for what is not a time, such as v1's ``0000-00-00 00:00:00``."""
    found = as_written(value)
    if found is None or found.tzinfo is None:
        return found and found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:
        return None


def as_written(value: Any) -> datetime | None:
    """A time with the zone that it is written with, if any; ``None`` for what is not a time."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) < len("2026-11-02"):  # Python would take 20261102 for a day
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def write_time(moment: datetime, time_format: TimeFormat = "v2") -> str:
    """A time as Pipedrive takes it, cut to whole seconds.

    :param moment: with a zone
    """
    return moment.astimezone(UTC).strftime(_FORMATS[time_format])


def given_moment(name: str, value: Any) -> datetime:
    """A time that a caller gave, in UTC: one with a zone, a day (its beginning in UTC), or one as v1 writes it.

    :param name: of the argument, for the error
    :raises PipedriveParameterError: it is none, or has no zone
    """
    text = value.strip() if isinstance(value, str) else ""
    is_day = (isinstance(value, date) and not isinstance(value, datetime)) or len(text) == len("2026-11-02")
    found = as_written(value.isoformat() if is_day and not text else value)
    if found is not None and found.tzinfo is None and (is_day or text[10:11] == " "):
        found = found.replace(tzinfo=UTC)
    moment = read_time(found) if found is not None and found.tzinfo is not None else None
    if moment is None:
        raise PipedriveParameterError(
            f"{name} must be a time with a zone, such as 2026-01-31T12:00:00Z, or a day, 2026-01-31 (from midnight UTC "
            f"on), not {str(value)!r}."
        )
    return moment

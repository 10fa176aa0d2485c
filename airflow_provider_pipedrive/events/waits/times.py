"""Points in time as Pipedrive writes them: v1 without a zone, v2 with one, always UTC, whole seconds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow_provider_pipedrive.client.times import as_written, write_time
from airflow_provider_pipedrive.errors import PipedriveParameterError

SAME_CLOCK = timedelta(seconds=2)
"""Clocks that differ by less are taken for the same: Pipedrive shows its time in whole seconds."""


def given_moment(name: str, value: Any) -> str:
    """A time that a caller gave, as :func:`~airflow_provider_pipedrive.client.times.write_time` writes it.

    :raises PipedriveParameterError: it is none, or has no zone
    """
    found = as_written(value)
    if found is None or found.tzinfo is None:
        raise PipedriveParameterError(
            f"{name} must be a time with a zone, such as 2026-05-04T10:20:30Z (UTC), not {value!r}."
        )
    return write_time(found)


def on_server(since: str, is_local: bool, ahead: float) -> datetime:
    """``since`` on Pipedrive's clock.

    :param is_local: it was taken from this machine's clock, so that the difference between the clocks matters
    :param ahead: seconds by which Pipedrive's clock is ahead of this machine's
    """
    found = datetime.fromisoformat(since)
    shift = timedelta(seconds=ahead)
    return found + shift if is_local and abs(shift) >= SAME_CLOCK else found

"""Points in time as Pipedrive writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_pipedrive.client.times import read_time, write_time
from airflow_provider_pipedrive.events.waits.times import on_server

NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("2026-05-04 12:00:00", NOON),
        ("2026-05-04T12:00:00Z", NOON),
        ("2026-05-04T14:00:00+02:00", NOON),
        ("2026-05-04T12:00:00.120Z", NOON + timedelta(milliseconds=120)),
        (NOON.replace(tzinfo=None), NOON),
        ("0000-00-00 00:00:00", None),
        ("12:00", None),
        (None, None),
        (5, None),
    ],
)
def test_a_time_without_a_zone_is_utc_and_what_cannot_be_read_is_none(written: Any, found: datetime | None) -> None:
    assert read_time(written) == found


def test_a_time_is_written_in_utc_and_whole_seconds() -> None:
    assert (
        write_time(datetime(2026, 5, 4, 14, 0, 0, 999_000, tzinfo=timezone(timedelta(hours=2))))
        == "2026-05-04T12:00:00Z"
    )


@pytest.mark.parametrize(
    ("is_local", "ahead", "seconds"), [(True, 30.0, 30), (True, -30.0, -30), (True, 1.9, 0), (False, 30.0, 0)]
)
def test_this_machines_time_is_shifted_to_pipedrives_clock_and_a_callers_is_not(
    is_local: bool, ahead: float, seconds: int
) -> None:
    assert on_server("2026-05-04T12:00:00Z", is_local, ahead) == NOON + timedelta(seconds=seconds)

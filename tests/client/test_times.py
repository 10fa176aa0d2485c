"""Pipedrive's times: v1 leaves out that they are UTC, v2 says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_pipedrive.client.times import read_time, write_time

MOMENT = datetime(2026, 11, 2, 8, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-02 08:15:30",
        "2026-11-02T08:15:30Z",
        "2026-11-02T08:15:30.000Z",
        "2026-11-02T10:15:30+02:00",
        " 2026-11-02T08:15:30Z ",
        datetime(2026, 11, 2, 8, 15, 30),
        MOMENT,
    ],
)
def test_a_time_is_read_as_utc_however_it_is_written(written: Any) -> None:
    assert read_time(written) == MOMENT
    assert (read_time(written) or MOMENT).tzinfo is UTC


def test_a_day_is_read_as_its_midnight() -> None:
    assert read_time("2026-11-02") == datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "written", [None, "", "0000-00-00 00:00:00", "10:00", "soon", "20261102", 5, True, "0001-01-01T00:00:00+14:00"]
)
def test_what_is_not_a_time_is_none(written: Any) -> None:
    assert read_time(written) is None


def test_a_time_is_written_for_v1_and_v2() -> None:
    there = MOMENT.astimezone(timezone(timedelta(hours=2))).replace(microsecond=999)
    assert write_time(there, "v1") == "2026-11-02 08:15:30"
    assert write_time(there) == "2026-11-02T08:15:30Z"

"""Pipedrive's times: v1 leaves out that they are UTC, v2 says it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_pipedrive.client.times import given_moment, read_time, write_time
from airflow_provider_pipedrive.errors import PipedriveParameterError

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


@pytest.mark.parametrize(
    "given", ["2026-11-02T10:15:30+02:00", " 2026-11-02T08:15:30Z ", "2026-11-02 08:15:30", MOMENT]
)
def test_a_callers_time_is_brought_to_utc(given: Any) -> None:
    assert given_moment("since", given) == MOMENT
    assert given_moment("since", given).tzinfo is UTC


@pytest.mark.parametrize("given", ["2026-11-02", " 2026-11-02 ", date(2026, 11, 2)])
def test_a_callers_day_begins_at_midnight_in_utc(given: Any) -> None:
    assert given_moment("since", given) == datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "given", ["2026-11-02T08:15:30", "noon", None, 20261102, MOMENT.replace(tzinfo=None), "0001-01-01T00:00:00+14:00"]
)
def test_a_callers_time_needs_a_zone(given: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="since must be a time with a zone, such as .*, or a day"):
        given_moment("since", given)

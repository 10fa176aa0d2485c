"""A window of last updates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from airflow_provider_pipedrive.extraction.reading.update_window import UpdateWindow

SINCE = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_window_holds_what_was_updated_from_its_begin_less_the_lookback_to_before_its_end() -> None:
    window = UpdateWindow(SINCE, SINCE + timedelta(hours=1), 60.0, {})
    assert [window.holds(SINCE + timedelta(seconds=second)) for second in (-61, -60, 0, 3599, 3600)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert not window.holds(None)


def test_its_bounds_are_kept_in_utc_and_without_the_lookback() -> None:
    east = SINCE.astimezone(timezone(timedelta(hours=2)))
    assert UpdateWindow(east, east + timedelta(hours=1), 60.0, {}).bounds == {
        "since": "2026-01-31T12:00:00+00:00",
        "until": "2026-01-31T13:00:00+00:00",
    }

"""When somebody who waits is asked for again."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.errors import (
    PipedriveBurstLimitError,
    PipedriveDailyBudgetError,
    PipedriveError,
    PipedriveServerError,
)
from airflow_provider_pipedrive.events.schedule import Schedule, next_on_grid, pause_after


@pytest.mark.parametrize(("now", "due"), [(0.0, 60.0), (59.9, 60.0), (60.0, 120.0), (61.0, 120.0)])
def test_rounds_stand_on_a_grid(now: float, due: float) -> None:
    assert next_on_grid(now, 60.0) == due


def test_all_of_one_interval_are_due_together_whenever_they_came() -> None:
    assert [Schedule(60.0, due=0.0).after_success(now).due for now in (600.1, 630.0, 659.9)] == [660.0] * 3


def test_pauses_double_with_each_failure_in_a_row_up_to_an_hour() -> None:
    schedule, pauses = Schedule(60.0, due=0.0), []
    for _ in range(20):
        now = schedule.due
        schedule = schedule.after_failure(now, PipedriveServerError("503"))
        pauses.append(schedule.due - now)
    assert pauses[:7] == [120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0]
    assert pauses[-1] == 3600.0
    assert schedule.after_success(0.0) == Schedule(60.0, due=60.0)


@pytest.mark.parametrize(
    ("error", "due"),
    [
        (PipedriveDailyBudgetError("spent", retry_after=7200), 7200.0),
        (PipedriveDailyBudgetError("spent"), 900.0),
        (PipedriveBurstLimitError("too fast", retry_after=2), 60.0),
        (PipedriveServerError("down", retry_after=600), 600.0),
    ],
)
def test_a_limit_and_a_server_that_asks_for_silence_get_it(error: PipedriveError, due: float) -> None:
    schedule = Schedule(60.0, due=0.0).after_failure(0.0, error)
    assert schedule.due == due
    assert schedule.failures == (1 if isinstance(error, PipedriveServerError) else 0)


def test_a_burst_limit_that_names_no_time_asks_for_no_pause() -> None:
    assert pause_after(PipedriveBurstLimitError("too fast")) == 0.0

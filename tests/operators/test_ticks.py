"""Where the window of a backfill's run begins: at the tick of the schedule before its logical date."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG
from airflow.timetables import trigger as core
from airflow.timetables.events import EventsTimetable
from airflow.timetables.interval import CronDataIntervalTimetable
from dateutil.relativedelta import relativedelta

from airflow_provider_pipedrive.operators.ticks import previous_tick


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def timetable(schedule: Any, zone: str = "UTC") -> Any:
    """What Airflow makes of a DAG's schedule."""
    return DAG(
        "ticks", schedule=schedule, start_date=pendulum.datetime(2026, 1, 1, tz=zone), max_active_runs=1
    ).timetable


@pytest.mark.parametrize(
    ("schedule", "zone", "moment", "before"),
    [
        ("@daily", "UTC", "2026-03-05T00:00", "2026-03-04T00:00"),
        ("0 6 * * 1-5", "UTC", "2026-03-02T06:00", "2026-02-27T06:00"),
        ("@monthly", "UTC", "2026-03-01T00:00", "2026-02-01T00:00"),
        ("*/15 * * * *", "UTC", "2026-03-05T00:00", "2026-03-04T23:45"),
        ("@daily", "Europe/Berlin", "2026-03-04T23:00", "2026-03-03T23:00"),
        ("@daily", "America/New_York", "2026-03-09T04:00", "2026-03-08T05:00"),
        (timedelta(hours=36), "UTC", "2026-03-05T12:00", "2026-03-04T00:00"),
        (relativedelta(months=1), "UTC", "2026-03-31T00:00", "2026-02-28T00:00"),
    ],
)
def test_the_tick_before_is_the_schedules_own_in_its_zone(schedule: Any, zone: str, moment: str, before: str) -> None:
    assert previous_tick(timetable(schedule, zone), at(moment)) == at(before)


@pytest.mark.parametrize(
    ("schedule", "moment", "before"),
    [
        pytest.param("@daily", "2026-03-29T22:00", "2026-03-28T23:00", id="a day of 23 hours"),
        pytest.param("@daily", "2026-10-25T23:00", "2026-10-24T22:00", id="a day of 25 hours"),
        pytest.param("30 2 * * *", "2026-03-29T01:30", "2026-03-28T01:30", id="an hour that is left out"),
        pytest.param("30 2 * * *", "2026-03-30T00:30", "2026-03-29T01:30", id="after it"),
        pytest.param("30 2 * * *", "2026-10-25T01:30", "2026-10-24T00:30", id="an hour that comes twice"),
        pytest.param("30 * * * *", "2026-10-25T01:30", "2026-10-25T00:30", id="each of its two"),
        pytest.param("30 * * * *", "2026-03-29T01:30", "2026-03-29T00:30", id="hours that follow without a gap"),
        pytest.param("*/30 * * * 1", "2026-03-29T22:00", "2026-03-23T22:30", id="a week with a change in it"),
    ],
)
def test_where_clocks_are_changed_the_ticks_are_those_at_which_airflow_starts_runs(
    schedule: str, moment: str, before: str
) -> None:
    assert previous_tick(timetable(schedule, "Europe/Berlin"), at(moment)) == at(before)


ZONE = pendulum.timezone("Europe/Berlin")


@pytest.mark.parametrize(
    ("given", "before"),
    [
        (core.CronTriggerTimetable("0 0 * * *", timezone="Europe/Berlin"), "2026-03-03T23:00"),
        (core.CronTriggerTimetable("0 0 * * *", timezone=ZONE), "2026-03-03T23:00"),
        (CronDataIntervalTimetable("0 0 * * *", timezone=ZONE), "2026-03-03T23:00"),
        (EventsTimetable([at("2026-01-01"), at("2026-03-01"), at("2026-04-01")]), "2026-03-01T00:00"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_timetables_that_are_given_as_such_have_their_ticks_too(given: Any, before: str) -> None:
    found = previous_tick(given, at("2026-03-04T23:00"))
    assert found == at(before)
    if not isinstance(given, EventsTimetable):
        assert previous_tick(timetable(given), at("2026-03-04T23:00")) == found


@pytest.mark.skipif(not hasattr(core, "MultipleCronTriggerTimetable"), reason="Airflow 3 has it")
@pytest.mark.parametrize("module", ["airflow.timetables.trigger", "airflow.sdk"])
def test_of_several_cron_expressions_the_last_tick_counts(module: str) -> None:
    kind = getattr(importlib.import_module(module), "MultipleCronTriggerTimetable", None)
    if kind is None:
        pytest.skip("the task SDK has it since Airflow 3.2")
    both = kind("0 0 * * *", "0 18 * * *", timezone="Europe/Berlin")
    assert previous_tick(both, at("2026-03-04T23:00")) == at("2026-03-04T17:00")
    assert previous_tick(both, at("2026-03-04T17:00")) == at("2026-03-03T23:00")


class WorkingDays(core.CronTriggerTimetable):
    """A schedule of somebody's own, which leaves out holidays."""


@pytest.mark.parametrize("schedule", [None, "@once", "@continuous", WorkingDays("0 0 * * *", timezone="UTC")], ids=str)
def test_a_schedule_that_does_not_say_has_no_ticks(schedule: Any) -> None:
    found = schedule if isinstance(schedule, WorkingDays) else timetable(schedule)
    assert previous_tick(found, at("2026-03-05")) is None


# ---- the window of a run


def run(schedule: Any, **more: Any) -> Any:
    dag = DAG("windows", schedule=schedule, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"))
    kind = more.pop("run_type", "backfill")
    date = more.pop("logical_date", at("2026-03-05"))
    return {"dag": dag, "dag_run": SimpleNamespace(run_type=kind, logical_date=date), "logical_date": date, **more}

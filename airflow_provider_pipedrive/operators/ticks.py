"""When a schedule ticked before a moment: the beginning of the window of a run that has no data interval."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any


def previous_tick(timetable: Any, moment: datetime) -> datetime | None:
    """The last tick before a moment, in UTC; ``None`` where the timetable does not say.

    Airflow's own timetables are known by their names: what a subclass does is not known. They are those of its core, or
    since 3.2 those of the task SDK, which have the same fields without the underscore, and no methods.
    """
    kind = type(timetable).__name__ if type(timetable).__module__.startswith("airflow.") else ""
    if kind in ("AssetOrTimeSchedule", "DatasetOrTimeSchedule"):
        return previous_tick(timetable.timetable, moment)
    if kind == "MultipleCronTriggerTimetable":
        ticks = [previous_tick(each, moment) for each in _field(timetable, "timetables")]
        return max(filter(None, ticks), default=None)
    if kind in ("CronTriggerTimetable", "CronDataIntervalTimetable"):
        return _cron_tick(_field(timetable, "expression"), _field(timetable, "timezone"), moment)
    if kind in ("DeltaTriggerTimetable", "DeltaDataIntervalTimetable"):
        before: datetime = in_utc(moment) - _field(timetable, "delta")
        return before
    if kind == "EventsTimetable":
        return max((in_utc(each) for each in timetable.event_dates if each < moment), default=None)
    return None


def in_utc(moment: datetime) -> datetime:
    """A moment in UTC, as the standard library has it: Airflow's are pendulum's, which lose a zone that is not."""
    return datetime.fromisoformat(moment.astimezone(UTC).isoformat())


def _field(timetable: Any, name: str) -> Any:
    return getattr(timetable, name) if hasattr(timetable, name) else getattr(timetable, f"_{name}")


def _cron_tick(expression: str, zone: Any, moment: datetime) -> datetime:
    """As Airflow's timetables find it, so that it is the tick at which Airflow started the run before.

    An expression is told by the clock on the wall. Where that is set back, an hour comes twice: a schedule that ticks
    every hour ticks in both, any other in the second. Where it is set forward, a tick in the hour that is left out
    comes an hour later. See ``CronMixin._get_prev`` in ``airflow.timetables._cron``.
    """
    import pendulum
    from croniter import croniter

    zone = pendulum.timezone(zone) if isinstance(zone, str) else zone
    wall = in_utc(moment).astimezone(zone).replace(tzinfo=None)
    cron = croniter(expression, start_time=wall)
    while True:
        scheduled: datetime = cron.get_prev(datetime)
        if cron.expanded[1] == ["*"] and wall - scheduled < timedelta(days=1):
            return in_utc(moment) - (wall - scheduled)
        found = in_utc(pendulum.instance(scheduled.replace(fold=1), tz=zone))
        if found < moment:  # else it is the tick itself, put off because its hour is left out
            return found

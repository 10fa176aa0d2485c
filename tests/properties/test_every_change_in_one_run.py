"""Every change is in one run: events come twice, late and out of order, runs are killed, repeated and cleared."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

pytest.importorskip("airflow.triggers.shared_stream", reason="Airflow keeps states of assets since 3.3")

import airflow.sdk.execution_time.task_runner as task_runner
from hypothesis import given
from hypothesis import strategies as st
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.events.changes.model import Change, make_change
from tests.support.company_in_memory import Killed
from tests.support.stored_events import DEALS, Run, delivered, polled
from tests.support.supervisor import NOON, Supervisor

SKEW = 30
"""Seconds by which the clocks of those who store events differ from the right time."""
LATE = 59
"""Seconds after which an event is visible at the latest: with the clocks' differences less than a claim allows."""


class MortalSupervisor(Supervisor):
    """Airflow, as a process sees it that is killed after some more of its requests.

    :ivar left: how many; None for as many as there are
    """

    left: int | None = None

    def send(self, message: Any) -> Any:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed
        return super().send(message)


class Report(NamedTuple):
    """Some seconds later, an event is stored.

    :ivar ago: of the change that so many others have followed; None for a new one
    :ivar skew: seconds by which its time differs from the right one
    :ivar late: seconds after which it is visible
    """

    seconds: int
    ago: int | None
    by_webhook: bool
    skew: int
    late: int


class Try(NamedTuple):
    """Some seconds later, a run begins, or is repeated or cleared.

    :ivar ago: the run that so many others have followed; None for a new one
    :ivar left: after how many requests its process is killed; None where it ends
    """

    seconds: int = LATE
    ago: int | None = None
    left: int | None = None


SECONDS = st.sampled_from([0, 1, LATE, 121, 7200])
STEPS = st.one_of(
    st.builds(
        Report,
        seconds=SECONDS,
        ago=st.none() | st.integers(0, 2),
        by_webhook=st.booleans(),
        skew=st.integers(-SKEW, SKEW),
        late=st.sampled_from([0, 1, LATE]),
    ),
    st.builds(Try, seconds=SECONDS, ago=st.none() | st.integers(0, 3), left=st.none() | st.integers(0, 8)),
)


class ReadByRuns:
    """A DAG that reads the changes which triggers and webhooks store.

    :ivar found: by the number of a run, what it has read when it first ended
    """

    def __init__(self, airflow: MortalSupervisor) -> None:
        self.changes: list[Change] = []
        self.runs: list[Run] = []
        self.found: dict[int, list[int]] = {}
        self._airflow = airflow
        self._now = 0
        self._unseen: list[tuple[int, int, dict[str, Any]]] = []

    def do(self, step: Report | Try) -> None:
        self._now += step.seconds
        if isinstance(step, Report):
            self._report(step)
        self._show()
        if isinstance(step, Try):
            self._try(step)

    def _report(self, report: Report) -> None:
        number = meant(report.ago, len(self.changes))
        if number == len(self.changes):
            when = NOON + timedelta(seconds=self._now)
            self.changes.append(make_change("deals", number + 1, ["changed"], when.isoformat(), {}))
        change = self.changes[number]
        extra = delivered(as_webhook(change)) if report.by_webhook else polled(change)
        self._unseen.append((self._now + report.late, self._now + report.skew, extra))

    def _show(self) -> None:
        for event in [event for event in self._unseen if event[0] <= self._now]:
            self._unseen.remove(event)
            self._airflow.add_event(DEALS, event[2], event[1])

    def _try(self, attempt: Try) -> None:
        number = meant(attempt.ago, len(self.runs))
        if number == len(self.runs):
            self.runs.append(Run(f"run {number}"))
        self._airflow.left = attempt.left
        with suppress(Killed):
            found = self.runs[number].reads()
            assert self.found.setdefault(number, found) == found


def meant(ago: int | None, count: int) -> int:
    """The number of one among so many, or of a new one."""
    return count if ago is None or ago >= count else count - 1 - ago


@given(steps=st.lists(STEPS, min_size=10, max_size=40))
def test_every_change_is_in_one_run_and_there_again_whenever_it_is_repeated(
    module_mocker: MockerFixture, steps: list[Report | Try]
) -> None:
    airflow = MortalSupervisor()
    module_mocker.patch.object(task_runner, "SUPERVISOR_COMMS", airflow, create=True)
    dag = ReadByRuns(airflow)
    for step in [*steps, Try()]:
        dag.do(step)
    for ago in range(len(dag.runs)):
        dag.do(Try(ago=ago))
    handled = [deal for found in dag.found.values() for deal in found]
    assert sorted(handled) == [change.id for change in dag.changes]


def as_webhook(change: Change) -> Change:
    return make_change("deals", change.id, change.kinds, change.update_time, {"title": "A"}, source="webhook")

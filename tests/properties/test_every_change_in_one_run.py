"""Every change is in one run: events come twice, late and out of order, runs are killed, repeated and cleared."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

pytest.importorskip("airflow.triggers.shared_stream", reason="Airflow keeps states of assets since 3.3")

import airflow.sdk.execution_time.task_runner as task_runner
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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


class ReadByRuns(RuleBasedStateMachine):
    """A DAG that reads the changes which triggers and webhooks store.

    :ivar found: what each run has read, when it first ended
    """

    @initialize()
    def begin(self) -> None:
        self.airflow = MortalSupervisor()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(task_runner, "SUPERVISOR_COMMS", self.airflow, raising=False)
        self.now = 0
        self.changes: list[Change] = []
        self.unseen: list[tuple[int, int, dict[str, Any]]] = []
        self.runs: list[Run] = []
        self.found: dict[int, list[int]] = {}

    @rule(seconds=st.sampled_from([1, LATE, 121, 7200]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        for event in [event for event in self.unseen if event[0] <= self.now]:
            self.unseen.remove(event)
            self.airflow.add_event(DEALS, event[2], event[1])

    @rule(by_webhook=st.booleans(), skew=st.integers(-SKEW, SKEW), late=st.sampled_from([0, 1, LATE]))
    def change(self, by_webhook: bool, skew: int, late: int) -> None:
        when = NOON + timedelta(seconds=self.now)
        self.changes.append(make_change("deals", len(self.changes) + 1, ["changed"], when.isoformat(), {}))
        self.report(-1, by_webhook, skew, late)

    @precondition(lambda self: self.changes)
    @rule(
        ago=st.integers(1, 3),
        by_webhook=st.booleans(),
        skew=st.integers(-SKEW, SKEW),
        late=st.sampled_from([0, 1, LATE]),
    )
    def report_again(self, ago: int, by_webhook: bool, skew: int, late: int) -> None:
        """A killed triggerer begins again, or a webhook reports what a poll has seen."""
        self.report(-min(ago, len(self.changes)), by_webhook, skew, late)

    def report(self, number: int, by_webhook: bool, skew: int, late: int) -> None:
        change = self.changes[number]
        extra = delivered(as_webhook(change)) if by_webhook else polled(change)
        self.unseen.append((self.now + late, self.now + skew, extra))
        self.wait(0)

    @rule(killed_after=st.lists(st.integers(0, 8), max_size=2), ends=st.booleans())
    def run(self, killed_after: list[int], ends: bool) -> None:
        """A run, with its repetitions; the next one comes even where none of them ends."""
        self.runs.append(Run(f"run {len(self.runs)}"))
        for requests in killed_after:
            with suppress(Killed):
                self.read(len(self.runs) - 1, requests)
        if ends:
            self.read(len(self.runs) - 1)

    @precondition(lambda self: self.runs)
    @rule(ago=st.integers(1, 4))
    def clear_run(self, ago: int) -> None:
        self.read(max(0, len(self.runs) - ago))

    def read(self, number: int, requests: int | None = None) -> None:
        self.airflow.left = requests
        try:
            found = self.runs[number].reads()
        finally:
            self.airflow.left = None
        assert self.found.setdefault(number, found) == found

    @invariant()
    def no_change_is_in_two_runs(self) -> None:
        handled = [deal for found in getattr(self, "found", {}).values() for deal in found]
        assert len(set(handled)) == len(handled)

    def teardown(self) -> None:
        try:
            self.wait(LATE)
            for number in range(len(self.runs)):
                self.read(number)
            self.run([], ends=True)
            handled = [deal for found in self.found.values() for deal in found]
            assert sorted(handled) == [change.id for change in self.changes]
        finally:
            self.patch.undo()


def as_webhook(change: Change) -> Change:
    return make_change("deals", change.id, change.kinds, change.update_time, {"title": "A"}, source="webhook")


TestReadByRuns = ReadByRuns.TestCase

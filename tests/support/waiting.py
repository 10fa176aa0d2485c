"""Waits in all three modes without a scheduler: time is moved on instead of slept away."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import BaseSensorOperator, TaskDeferred
from airflow.triggers.base import TaskSuccessEvent
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sensors.waiting import WaitingSensor
from airflow_provider_pipedrive.triggers import results
from tests.support.virtual_time import run

MODES = ("poke", "reschedule", "deferrable")
Make = Callable[..., WaitingSensor]


class Waiting:
    """Runs a sensor to its end, and knows how much time that took."""

    def __init__(self, sandbox: Sandbox, mocker: MockerFixture) -> None:
        self.sandbox = sandbox
        self.seconds = 0.0
        self.ended_by = ""
        self._base = sys.modules[BaseSensorOperator.__module__]
        self.pushed: dict[str, Any] = {}
        mocker.patch.object(results.XCom, "set", lambda key, value, **_: self.pushed.update({key: value}))
        clock = SimpleNamespace(sleep=self._pass, monotonic=lambda: self.seconds)
        mocker.patch.object(self._base, "time", clock)
        if hasattr(self._base, "_orig_start_date"):  # Airflow 2.11 asks its database when the wait began
            mocker.patch.object(self._base, "_orig_start_date", side_effect=lambda **_: self._first_check())

    def __call__(self, mode: str, make: Make, **arguments: Any) -> Any:
        """The result of a sensor; raises how it ends otherwise."""
        if mode == "deferrable":
            return self._deferred(make(deferrable=True, **arguments))
        if mode == "poke":
            self.ended_by = "worker"
            return make(deferrable=False, **arguments).execute(self.context())  # type: ignore[arg-type]
        return self._rescheduled(make, arguments)

    def context(self) -> dict[str, Any]:
        """What Airflow hands to a task."""
        instance = SimpleNamespace(
            get_first_reschedule_date=lambda context: self._first_check(),
            max_tries=0,
            dag_id="dag",
            task_id="wait",
            run_id="run",
            map_index=-1,
            xcom_push=lambda key, value: None,
        )
        return {"ti": instance, "dag_run": SimpleNamespace(start_date=self.began)}

    @property
    def began(self) -> datetime:
        """When the run began: this machine's clock stands still here, so that moves into the past."""
        return datetime.now(UTC)

    def _first_check(self) -> datetime | None:
        return datetime.now(UTC) - timedelta(seconds=self.seconds) if self.seconds else None

    def _pass(self, seconds: float) -> None:
        self.seconds += seconds
        self.sandbox.advance(seconds)

    def _rescheduled(self, make: Make, arguments: dict[str, Any]) -> Any:
        self.ended_by = "worker"
        context = self.context()
        while True:
            try:
                return make(deferrable=False, mode="reschedule", **arguments).execute(context)  # type: ignore[arg-type]
            except Exception as error:
                if type(error).__name__ != "AirflowRescheduleException":
                    raise
                self._pass((error.reschedule_date - datetime.now(UTC)).total_seconds())  # type: ignore[attr-defined]

    def _deferred(self, sensor: WaitingSensor) -> Any:
        self.ended_by = "worker"
        try:
            return sensor.execute(self.context())  # type: ignore[arg-type]
        except TaskDeferred as deferred:
            trigger, method, arguments = deferred.trigger, deferred.method_name, deferred.kwargs or {}

        async def main() -> Any:
            return await anext(trigger.run())

        trigger.task_instance = SimpleNamespace(dag_id="dag", task_id="wait", run_id="run", map_index=-1)
        began = time.time()
        event = run(main(), self._pass)
        assert time.time() - began < 60
        if isinstance(event, TaskSuccessEvent):
            self.ended_by = "trigger"
            return {**self.pushed, **(event.xcoms or {})}["return_value"]
        return sensor.resume_execution(method, {**arguments, "event": event.payload}, self.context())  # type: ignore[arg-type]

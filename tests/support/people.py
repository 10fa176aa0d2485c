"""Airflow's page of required actions, as a task sees it: the question that it asks, and what a person answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

EVA = {"id": "7", "name": "Eva"}


class AskingTask:
    """A task instance that asks: Airflow's edge.

    :ivar question: what was asked last, as Airflow's server is sent it
    """

    map_index = -1
    try_number = 1

    def __init__(self) -> None:
        self.id = uuid4()
        self.pushed: dict[str, Any] = {}
        self.question: Any = None

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep what the task pushes."""
        self.pushed[key] = value

    def send(self, msg: Any) -> Any:
        """Take the question; secrets that are to be masked are not one."""
        if type(msg).__name__ == "CreateHITLDetailPayload":
            self.question = msg


@dataclass
class Parked:
    """A task that waits for an answer."""

    task: Any
    context: Any
    kept: Mapping[str, Any]
    timeout: Any

    @property
    def question(self) -> Any:
        """What was asked."""
        return self.context["ti"].question

    def answered(self, *options: str, by: Mapping[str, str] = EVA, **values: Any) -> Any:
        """What the task returns when somebody has answered, in a process that has the task as its DAG declares it."""
        event = {
            "chosen_options": list(options),
            "params_input": values,
            "responded_at": datetime(2026, 5, 4, 12, tzinfo=UTC),
            "responded_by_user": by,
            "timedout": False,
        }
        return self.task.execute_complete(self.context, event=event, **self.kept)

    def timed_out(self) -> Any:
        """What the task returns when nobody has answered in time, and there is no default."""
        event = {"error": "The response timeout has passed without a response.", "error_type": "timeout"}
        return self.task.execute_complete(self.context, event=event, **self.kept)


def waits_for_an_answer(run: Any) -> Any:
    """The exception by which a task says that it waits, if ``run`` raises it.

    :raises AssertionError: it does not wait
    """
    try:
        result = run()
    except BaseException as raised:
        if getattr(raised, "method_name", None) != "execute_complete":
            raise
        return raised
    raise AssertionError(f"the task does not wait, but returns {result!r}")


def asked(task: Any, asking: AskingTask) -> Parked:
    """Run a task until it waits."""
    context: Any = {"ti": asking, "run_id": "manual"}
    waiting = waits_for_an_answer(lambda: task.execute(context))
    return Parked(task, context, waiting.kwargs, getattr(waiting, "timeout", None))


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> AskingTask:
    """A task instance of an Airflow that can ask people."""
    from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

    if not AIRFLOW_V_3_1_PLUS:
        pytest.skip("this Airflow asks nobody")
    from airflow.sdk.execution_time import task_runner

    task = AskingTask()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", task, raising=False)
    return task

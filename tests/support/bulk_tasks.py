"""Running a task that writes rows, as a worker does."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.sandbox import Sandbox


class TaskInstance:
    """Airflow's edge: keeps what is pushed."""

    map_index = -1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def run(task: PipedriveBulkOperator) -> dict[str, Any]:
    """Run a task as a worker does; its receipt, with the links that it pushed."""
    context: Any = {"ti": TaskInstance(), "run_id": "manual"}
    receipt = task.execute(context)
    return {**receipt, "pushed": context["ti"].pushed}


def names(sandbox: Sandbox) -> set[str]:
    """The names of the persons that are there."""
    return {person["name"] for person in sandbox.records("persons").values()}

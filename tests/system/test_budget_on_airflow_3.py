"""Ledger and retry policy in a real Airflow 3.3: each task is a process of its own, and the scheduler decides when it
tries again."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from importlib import metadata
from typing import Any

import pytest
from environment import clean_environ
from live_airflow import LiveAirflow, Run
from live_sandbox import LiveSandbox

from tests.system.conftest import PYTHON

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.long,
    pytest.mark.skipif(
        tuple(map(int, metadata.version("apache-airflow").split(".")[:2])) < (3, 3), reason="it has no retry policies"
    ),
]

DAGS = """
from datetime import timedelta

from airflow.sdk import DAG, task

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.policies.retry import PipedriveRetryPolicy

with DAG("spends", schedule=None):

    @task
    def together():
        hook = PipedriveHook()
        for _ in range(5):
            hook.run("getUsers")

    PipedriveOperator(task_id="one", action="getDeal", parameters={"id": 1}) >> together()

patient = {"retries": 3, "retry_delay": timedelta(seconds=1), "retry_policy": PipedriveRetryPolicy()}
with DAG("tries", schedule=None, default_args=patient):

    @task
    def wrong():
        PipedriveHook().run("getDeal", {"id": 999_999})

    @task
    def spent_day():
        hook = PipedriveHook("pipedrive_small")
        for _ in range(3):
            hook.run("getUsers")

    wrong()
    spent_day()
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAirflow]:
    dags, home, shared = (tmp_path_factory.mktemp(name) for name in ("dags", "airflow", "tokens"))
    (dags / "budget.py").write_text(DAGS)
    with (
        LiveSandbox(PYTHON, deals=3, environ=clean_environ()) as sandbox,
        LiveSandbox(PYTHON, deals=1, environ=clean_environ(), options=["--daily-budget", "45"]) as small,
    ):
        environ = clean_environ() | {
            "AIRFLOW_CONN_PIPEDRIVE_DEFAULT": sandbox.connection(),
            "AIRFLOW_CONN_PIPEDRIVE_SMALL": small.connection(),
            "PIPEDRIVE_TOKEN_CACHE": str(shared),
        }
        with LiveAirflow(PYTHON, home, dags, environ) as running:
            yield running


def ended(airflow: LiveAirflow, dag_id: str, wanted: dict[str, str]) -> tuple[Run, dict[str, dict[str, Any]]]:
    """A run whose tasks have come to these states, and its tasks by id."""
    run = airflow.trigger(dag_id)
    airflow.wait_for_states(run, wanted)
    return run, {task["task_id"]: task for task in airflow.tasks(run)}


def test_what_tasks_have_spent_is_in_a_variable_when_they_have_ended(airflow: LiveAirflow) -> None:
    ended(airflow, "spends", {"one": "success", "together": "success"})
    variables = [
        variable
        for variable in airflow._get("/api/v2/variables?limit=100")["variables"]
        if variable["key"].startswith("pipedrive_spent_127.0.0.1-")
    ]
    rows: dict[str, int] = {}
    for day in json.loads(variables[0]["value"]).values():
        rows |= day["rows"]
    assert rows["pipedrive_default/spends/one/read deals"] == 1
    assert rows["pipedrive_default/spends/together/read users"] == 100
    done = subprocess.run(
        [PYTHON.parent / "airflow", "pipedrive", "spend", "--conn-id", "pipedrive_default", "--json"],
        env=airflow.environ | {"PIPEDRIVE_TOKEN_CACHE": ""},  # nothing but what the Variable says
        capture_output=True,
        text=True,
        check=True,
    )
    assert {(part["task"], part["tokens"]) for day in json.loads(done.stdout) for part in day["spent"]} >= {
        ("one", 1),
        ("together", 100),
    }


def test_a_permanent_error_fails_at_once_and_a_spent_day_is_waited_for(airflow: LiveAirflow) -> None:
    run, tasks = ended(airflow, "tries", {"wrong": "failed", "spent_day": "up_for_retry"})
    assert (tasks["wrong"]["try_number"], tasks["spent_day"]["try_number"]) == (1, 1)
    logs = "".join(path.read_text() for path in airflow.log_files(run))
    decided = re.findall(r'"Retry policy decision","action":"(\w+)","reason":"(\w+)', logs)
    assert sorted(decided) == [("fail", "PipedriveNotFoundError"), ("retry", "PipedriveDailyBudgetError")]
    with closing(sqlite3.connect(f"file:{airflow.home / 'airflow.db'}?mode=ro", uri=True)) as database:
        query = "SELECT retry_delay_override FROM task_instance WHERE task_id = 'spent_day'"
        ((delay,),) = database.execute(query)
    end = datetime.fromisoformat(tasks["spent_day"]["end_date"])
    midnight = (end + timedelta(days=1)).replace(hour=0, minute=5, second=0, microsecond=0)
    assert abs((end + timedelta(seconds=delay) - midnight).total_seconds()) < 60

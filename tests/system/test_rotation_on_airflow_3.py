"""A Pipedrive that replaces refresh tokens, seen by tasks of a real Airflow 3: each task is a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import metadata

import pytest
from environment import clean_environ
from live_airflow import LiveAirflow
from live_sandbox import LiveSandbox

from tests.system.conftest import EXAMPLE_DAGS, PYTHON, files_with, secrets_of

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.long,
    pytest.mark.skipif(metadata.version("apache-airflow").startswith("2."), reason="it talks to Airflow 3's REST API"),
]

DAG = """
from airflow.sdk import DAG

from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator

with DAG("reads", schedule=None):
    first = PipedriveOperator(task_id="first", action="getDeal", parameters={"id": 1})
    together = PipedriveOperator.partial(task_id="together", action="getDeal").expand(parameters=[{"id": 1}] * 4)
    first >> together
"""


@pytest.fixture
def rotating() -> Iterator[LiveSandbox]:
    with LiveSandbox(PYTHON, deals=1, environ=clean_environ(), options=["--rotate-refresh-tokens"]) as sandbox:
        yield sandbox


def renewals(sandbox: LiveSandbox) -> list[int]:
    """How Pipedrive has answered each renewal so far."""
    return [request["status"] for request in sandbox.requests() if request["path"] == "/oauth/token"]


@pytest.mark.parametrize("sharing", ["yes", "no"])
def test_tasks_go_on_with_the_newest_refresh_token_and_no_log_shows_it(
    sharing: str, rotating: LiveSandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dags, home, shared = (tmp_path_factory.mktemp(name) for name in ("dags", "airflow", "tokens"))
    (dags / "reads.py").write_text(DAG)
    shutil.copy(EXAMPLE_DAGS / "pipedrive_keep_alive.py", dags)
    environ = clean_environ() | {
        "AIRFLOW_CONN_PIPEDRIVE_DEFAULT": rotating.oauth_connection(),
        "PIPEDRIVE_TOKEN_CACHE": str(shared) if sharing == "yes" else "",
        # Without sharing, tasks that renew at one moment refuse one another.
        "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "4" if sharing == "yes" else "1",
    }
    with LiveAirflow(PYTHON, home, dags, environ) as airflow:
        airflow.wait_for_run(airflow.trigger("reads"))
        airflow.unpause("pipedrive_keep_alive")  # it is due, and runs by itself
        airflow.wait_for_run(airflow.wait_for_a_run_of("pipedrive_keep_alive"))
        tried = renewals(rotating)
        # Alone, each task tries the connection's own token first, and then the one that was kept in a Variable.
        assert tried == ([200] if sharing == "yes" else [200] + [400, 200] * 5)
        secrets = secrets_of(rotating) | {
            str(request["body"]["refresh_token"])
            for request in rotating.requests()
            if request["path"] == "/oauth/token"
        }
        folders = (home, shared)
        assert [path for secret in secrets for folder in folders for path in files_with(secret, folder)] == []

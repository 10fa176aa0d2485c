"""What runs in the triggerer of a real Airflow 3: sensors, a watcher, a renewed authorization, somebody else's trigger.

On Airflow 3.0 and 3.1 an answer of the supervisor that nobody reads ends the triggerer, with the triggers of all DAGs.
So every way there is taken here: secrets are masked, connections and Variables read, a Variable and XComs written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

import pytest
from environment import clean_environ
from live_airflow import LiveAirflow, Run
from live_sandbox import LiveSandbox

from tests.system.conftest import PYTHON, ask, files_with, secrets_of

VERSION = tuple(map(int, metadata.version("apache-airflow").split(".")[:2]))
pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(VERSION < (3, 0), reason="it talks to Airflow 3's REST API"),
    # Later triggerers tell answers apart.
    *([pytest.mark.long] if VERSION >= (3, 2) else []),
]

WAITS = """
from airflow.sdk import DAG

from airflow_provider_pipedrive.sensors.pipedrive import PipedriveDealStageSensor, PipedriveNewFileSensor

DEAL = dict(deal_id="{{ params.deal }}", poke_interval=2, deferrable=True)
TOKEN = dict(pipedrive_conn_id="pipedrive_by_token")

with DAG("waits", schedule=None, params={"deal": 1, "stage": 1, "other_stage": 2}):
    PipedriveDealStageSensor(task_id="by_oauth", to_stage="{{ params.stage }}", timeout=300, **DEAL)
    PipedriveDealStageSensor(task_id="by_token", to_stage="{{ params.stage }}", timeout=300, **DEAL, **TOKEN)
    PipedriveNewFileSensor(task_id="file", timeout=300, **DEAL, **TOKEN)
    PipedriveDealStageSensor(
        task_id="time_up", to_stage="{{ params.other_stage }}", timeout=20, soft_fail=True, **DEAL, **TOKEN
    )
"""
WATCHED = """
from airflow.sdk import DAG, task

from airflow_provider_pipedrive.assets import pipedrive_changes, watched_asset

DEALS = watched_asset("127.0.0.1", "deals", interval=2, pipedrive_conn_id="pipedrive_by_token")

with DAG("watched", schedule=[DEALS], max_active_runs=1, catchup=False):

    @task(inlets=[DEALS])
    def changed():
        return sorted({change.id for change in pipedrive_changes(DEALS)})

    changed()
"""
OF_SOMEBODY_ELSE = """
from datetime import timedelta

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import DAG

with DAG("of_somebody_else", schedule=None):
    TimeDeltaSensor(task_id="waits", delta=timedelta(seconds=60), deferrable=True)
"""
WAITING = {"by_oauth": "deferred", "by_token": "deferred", "file": "deferred"}


@dataclass
class Ended:
    """An Airflow in which all that was waited for has happened."""

    airflow: LiveAirflow
    waits: Run
    watched: Run
    deal: int
    sandbox: LiveSandbox


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    dags = tmp_path_factory.mktemp("dags")
    # A file each: Airflow 3.0 does not look for watchers in a file while it has callbacks for its tasks.
    for name, text in {"waits": WAITS, "watched": WATCHED, "of_somebody_else": OF_SOMEBODY_ELSE}.items():
        (dags / f"{name}.py").write_text(text)
    rotating = ["--rotate-refresh-tokens"]
    with LiveSandbox(PYTHON, deals=50, environ=clean_environ(), options=rotating) as sandbox:
        environ = clean_environ() | {
            "AIRFLOW_CONN_PIPEDRIVE_DEFAULT": sandbox.oauth_connection(),
            "AIRFLOW_CONN_PIPEDRIVE_BY_TOKEN": sandbox.connection(),
            # The triggerer renews for itself: the connection's refresh token is refused, the one of the Variable taken.
            "PIPEDRIVE_TOKEN_CACHE": "",
            # Airflow starts a watcher when it reads its DAG for the second time.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        }
        deals = ask(sandbox, "/api/v2/deals?status=open&limit=100")
        deal = deals[0]
        stage, other = [
            s for s in ask(sandbox, f"/api/v2/stages?pipeline_id={deal['pipeline_id']}") if s["id"] != deal["stage_id"]
        ][:2]
        with LiveAirflow(PYTHON, tmp_path_factory.mktemp("airflow"), dags, environ) as airflow:
            somebody_else = airflow.trigger("of_somebody_else")
            waits = airflow.trigger("waits", {"deal": deal["id"], "stage": stage["id"], "other_stage": other["id"]})
            airflow.wait_for_states(waits, WAITING)
            sandbox.wait_for_request("/api/v2/deals", 120, sort_by="update_time")  # by the watcher
            ask(sandbox, "/_sandbox/move_deal", {"deal_id": deal["id"], "stage_id": stage["id"]})
            ask(sandbox, "/_sandbox/add_file", {"name": "signed.pdf", "deal_id": deal["id"]})
            airflow.wait_for_run(waits)
            watched = airflow.wait_for_a_run_of("watched")
            airflow.wait_for_run(watched)
            airflow.wait_for_run(somebody_else)
            yield Ended(airflow, waits, watched, deal["id"], sandbox)


def test_sensors_tell_what_they_saw_whatever_the_credential(ended: Ended) -> None:
    moves = [ended.airflow.xcom(ended.waits, task)["deal_id"] for task in ("by_oauth", "by_token")]
    files = [file["name"] for file in ended.airflow.xcom(ended.waits, "file")]
    assert (moves, files) == ([ended.deal] * 2, ["signed.pdf"])
    states = {task["task_id"]: task["state"] for task in ended.airflow.tasks(ended.waits)}
    assert states == {"by_oauth": "success", "by_token": "success", "file": "success", "time_up": "skipped"}


def test_the_triggerer_has_renewed_the_authorization_with_the_token_that_a_worker_has_kept(ended: Ended) -> None:
    renewals = [request["status"] for request in ended.sandbox.requests() if request["path"] == "/oauth/token"]
    assert renewals[:3] == [200, 400, 200]


def test_a_watcher_starts_the_dag_that_reads_the_change(ended: Ended) -> None:
    assert ended.deal in ended.airflow.xcom(ended.watched, "changed")


def test_the_triggerer_lives_and_shows_no_secret(ended: Ended) -> None:
    assert ended.airflow.jobs("TriggererJob") == ["running"]
    assert [path for secret in secrets_of(ended.sandbox) for path in files_with(secret, ended.airflow.home)] == []

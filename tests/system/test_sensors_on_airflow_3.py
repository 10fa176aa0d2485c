"""The sensors in a real Airflow 3, in all three modes: scheduler, triggerer, worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from typing import Any

import pytest
from live_airflow import LiveAirflow, Run
from live_sandbox import LiveSandbox

from tests.system.conftest import PYTHON, ask

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(metadata.version("apache-airflow").startswith("2."), reason="it talks to Airflow 3's REST API"),
]

DAG = """
from airflow.sdk import DAG, Asset, task

from airflow_provider_pipedrive.sensors.pipedrive import PipedriveDealStageSensor, PipedriveNewFileSensor

DEAL = dict(deal_id="{{ params.deal }}", to_stage="{{ params.stage }}", poke_interval=5, timeout=300)
# A busy scheduler that hears of a look's end only when the next look is queued takes the task for a failed one.
RARELY = DEAL | dict(poke_interval=30)

with DAG("waits", schedule=None, params={"deal": 1, "stage": 1, "quiet_deal": 2}):
    PipedriveDealStageSensor(task_id="poke", mode="poke", **DEAL)
    PipedriveDealStageSensor(task_id="reschedule", mode="reschedule", **RARELY)
    deferred = PipedriveDealStageSensor(task_id="deferred", deferrable=True, **DEAL)
    PipedriveDealStageSensor(task_id="with_outlet", deferrable=True, outlets=[Asset("negotiations")], **DEAL)
    PipedriveNewFileSensor(task_id="file", deal_id="{{ params.deal }}", names="*.pdf", poke_interval=5, deferrable=True)
    PipedriveDealStageSensor(
        task_id="time_up", deal_id="{{ params.quiet_deal }}", to_stage="{{ params.stage }}", poke_interval=5,
        timeout=30, soft_fail=True, deferrable=True,
    )
    any_deal = PipedriveDealStageSensor(
        task_id="any_deal", to_stage="{{ params.stage }}", poke_interval=5, timeout=300, deferrable=True
    )

    @task
    def use(move):
        return move["deal_id"]

    use.expand(move=any_deal.output)
    use.override(task_id="use_one")(deferred.output)

with DAG("informed", schedule=[Asset("negotiations")]):
    @task
    def note():
        return "informed"

    note()
"""
WAITING = {"poke": "running", "reschedule": "up_for_reschedule", "deferred": "deferred", "with_outlet": "deferred"}
WAITING |= {"file": "deferred", "any_deal": "deferred"}


@pytest.fixture(scope="module")
def waited(
    live_sandbox: LiveSandbox, environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveAirflow, Run, dict[str, Any]]]:
    """An Airflow in which every sensor has waited, and then seen what it waited for."""
    dags = tmp_path_factory.mktemp("dags")
    (dags / "waits.py").write_text(DAG)
    deals = ask(live_sandbox, "/api/v2/deals?status=open&limit=500")
    deal = deals[0]
    stages = ask(live_sandbox, f"/api/v2/stages?pipeline_id={deal['pipeline_id']}")
    stage = next(stage for stage in stages if stage["id"] != deal["stage_id"])
    quiet = next(other for other in deals[1:] if other["stage_id"] != stage["id"])
    params = {"deal": deal["id"], "stage": stage["id"], "quiet_deal": quiet["id"]}
    with LiveAirflow(PYTHON, tmp_path_factory.mktemp("airflow"), dags, environ) as airflow:
        run = airflow.trigger("waits", params)
        airflow.wait_for_states(run, WAITING)
        ask(live_sandbox, "/_sandbox/move_deal", {"deal_id": deal["id"], "stage_id": stage["id"]})
        ask(live_sandbox, "/_sandbox/add_file", {"name": "signed.pdf", "deal_id": deal["id"]})
        airflow.wait_for_run(run)
        yield airflow, run, params


def test_every_sensor_waited_and_then_told_what_it_saw(waited: tuple[LiveAirflow, Run, dict[str, Any]]) -> None:
    airflow, run, params = waited
    for task in ("poke", "reschedule", "deferred", "with_outlet"):
        move = airflow.xcom(run, task)
        assert (move["deal_id"], move["to_stage_id"]) == (params["deal"], params["stage"]), task
    assert airflow.xcom(run, "use_one") == params["deal"]
    assert [file["name"] for file in airflow.xcom(run, "file")] == ["signed.pdf"]
    assert [move["deal_id"] for move in airflow.xcom(run, "any_deal")] == [params["deal"]]


def test_time_up_skips_with_soft_fail_and_the_rest_succeeds(waited: tuple[LiveAirflow, Run, dict[str, Any]]) -> None:
    airflow, run, _ = waited
    states = {task["task_id"]: task["state"] for task in airflow.tasks(run)}
    assert states.pop("time_up") == "skipped"
    assert set(states.values()) == {"success"}
    assert "use" in states


def test_a_success_of_a_task_with_outlets_makes_its_asset_event(
    waited: tuple[LiveAirflow, Run, dict[str, Any]],
) -> None:
    airflow, _, _ = waited
    airflow.wait_for_a_run_of("informed")

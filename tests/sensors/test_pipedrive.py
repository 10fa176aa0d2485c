"""The sensors' arguments and results."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, AirflowSensorTimeout, TaskDeferred

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sensors.pipedrive import (
    PipedriveDealStageSensor,
    PipedriveNewFileSensor,
    PipedriveRecordSensor,
)
from tests.support.waiting import MODES, Waiting

DEAL = {"task_id": "wait", "poke_interval": 60, "timeout": 600}


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"deal_id": 1}, "Say what to wait for: to_stage, from_stage, moves=True or status"),
        ({"deal_id": 1, "to_stage": 2, "status": "won"}, "to_stage or from_stage and status contradict each other"),
        ({"deal_id": 1, "to_stage": 2, "moves": True}, "to_stage or from_stage and moves contradict each other"),
        ({"deal_id": 1, "to_stage": 2, "from_stage": [2, 3]}, "cannot leave and reach the same stage: 2"),
        ({"deal_id": 1, "to_stage": 2, "deal_owner": 3}, "deal_owner narrows down any deal"),
        ({"deal_id": "{{ x }}", "to_stage": 2, "filter_id": 3}, "filter_id narrows down any deal"),
        ({"deal_id": 1, "status": "won", "pipeline": 2}, "pipeline says where stages belong"),
        ({"to_stage": 2, "require": "any"}, "require='any' is for several deals"),
        ({"deal_id": [1, 2], "to_stage": 2, "require": "some"}, "require must be 'all' or 'any'"),
        ({"deal_id": "many", "to_stage": 2}, "deal_id must be a whole number, not 'many'"),
        ({"deal_id": [], "to_stage": 2}, "deal_id is an empty list"),
        ({"deal_id": 0, "to_stage": 2}, "deal_id must be the id of a record, not 0"),
        ({"to_stage": []}, "to_stage is an empty list: there is nothing to wait for"),
        ({"to_stage": 2, "poke_interval": 0}, "poke_interval must be 1 s or more"),
        ({"to_stage": 2, "pipedrive_conn_id": ""}, "pipedrive_conn_id is empty"),
        ({"deal_id": 1, "to_stage": 2.5}, "to_stage must be an id or a name, not 2.5"),
        ({"deal_id": 1, "status": "one"}, "status must be among open, won, lost, not 'one'"),
        ({"status": "open"}, "status='open' needs deal_id"),
        ({"to_stage": 2, "since": "yesterday"}, "since must be a time with a zone"),
        ({"to_stage": 2, "since": "2026-05-04T12:00:00"}, "since must be a time with a zone"),
        ({"to_stage": 2, "on_gone": "cry"}, "on_gone must be 'fail' or 'skip'"),
    ],
)
def test_contradictions_are_found_when_the_dag_is_parsed(arguments: dict[str, Any], advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        PipedriveDealStageSensor(task_id="wait", **arguments)


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"deal_id": 1, "lead_id": "x"}, "deal_id and lead_id: a wait is for files of one record"),
        ({"deal_id": "x"}, "deal_id must be a whole number"),
        ({"lead_id": 17}, "lead_id must be a lead's id, such as adf21080-"),
        ({"min_size": 5, "max_size": 4}, "min_size 5 is larger than max_size 4"),
        ({"max_size": "big"}, "max_size must be a whole number"),
        ({"max_files": 0}, "max_files must be 1 or more"),
        ({"since": "noon"}, "since must be a time with a zone"),
        ({"names": 5}, "names must be a text such as"),
        ({"types": [5]}, "types must be a text such as 'pdf'"),
        ({"after_id": "x"}, "after_id must be a whole number"),
    ],
)
def test_contradictions_of_a_file_wait_too(arguments: dict[str, Any], advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        PipedriveNewFileSensor(task_id="wait", **arguments)


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"action": "getDeel", "parameters": {"id": 1}}, "Did you mean getDeal"),
        ({"action": "getDeals", "parameters": {}}, "getDeals does not read one record"),
        ({"action": "updateDeal", "parameters": {"id": 1}}, "updateDeal does not read one record"),
        ({"action": "getDeal", "parameters": {}}, "id must be given"),
        ({"action": "getDeal", "parameters": "id=1"}, "parameters must be a dict, not str"),
        ({"action": "getDeal", "parameters": {"id": 1}, "success": ()}, "success: say what to wait for"),
        ({"action": "getDeal", "parameters": {"id": 1}, "failure": ("status", "=", "lost")}, "is not a valid operator"),
    ],
)
def test_contradictions_of_a_record_wait_too(arguments: dict[str, Any], advice: str) -> None:
    given = {"success": ("status", "==", "won"), **arguments}
    with pytest.raises(PipedriveParameterError, match=advice):
        PipedriveRecordSensor(task_id="wait", **given)


def test_a_misspelled_field_of_a_condition_is_warned_of_at_once(
    waiting: Waiting, deal: dict[str, Any], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    sensor = PipedriveRecordSensor(
        task_id="wait",
        action="getDeal",
        parameters={"id": deal["id"]},
        success=("titel", "==", "x"),
        failure=("statuss", "==", "lost"),
    )
    assert sensor.poke(waiting.context()) is False  # type: ignore[arg-type]
    out = capfd.readouterr()
    said = caplog.text or out.out + out.err
    assert "'titel' leads nowhere: the record has no 'titel'. Did you mean 'title'? 'statuss' leads nowhere: " in said
    assert said.count("'titel' leads nowhere") == 1


def test_a_record_whose_id_is_numpys_is_read(waiting: Waiting, deal: dict[str, Any]) -> None:
    numpy = pytest.importorskip("numpy")
    parameters = {"id": numpy.int64(deal["id"])}

    sensor = PipedriveRecordSensor(task_id="wait", action="getDeal", parameters=parameters, success=("id", "is set"))

    assert sensor.execute(waiting.context())["id"] == deal["id"]  # type: ignore[arg-type]


def test_a_day_is_a_time_for_sensors_too(waiting: Waiting, deal: dict[str, Any]) -> None:
    sensor = PipedriveNewFileSensor(task_id="wait", deal_id=deal["id"], since="2026-05-04")
    spec, _ = sensor._spec("2000-01-01T00:00:00Z", lambda value: False) or (None, None)
    assert spec is not None
    assert spec.to_json()["since"] == "2026-05-04T00:00:00Z"


def test_templates_are_judged_when_the_task_runs(waiting: Waiting, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    with DAG("templates", schedule=None):
        sensor = PipedriveDealStageSensor(
            task_id="wait", deal_id="{{ ids }}", to_stage="{{ stage }}", since="{{ then }}", require="any", timeout=0
        )
    stage = sandbox.records("stages")[deal["stage_id"]]["name"]
    pipeline = deal["pipeline_id"]
    sensor.pipeline = pipeline
    context = {**waiting.context(), "ids": [deal["id"], 999], "stage": stage, "then": "2026-05-04T12:00:00+02:00"}
    sensor.render_template_fields(context)  # type: ignore[arg-type]
    assert [move["deal_id"] for move in sensor.execute(context)] == [deal["id"]]  # type: ignore[arg-type]

    sensor.deal_id = "many"
    sensor._current = None
    with pytest.raises(AirflowFailException, match="deal_id must be a whole number"):
        sensor.execute(context)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
def test_any_deal_of_a_pipeline_that_makes_a_move(
    mode: str, waiting: Waiting, sandbox: Sandbox, deal: dict[str, Any], stages: list[dict[str, Any]]
) -> None:
    sandbox.plan("move_deal", after_seconds=100, deal_id=deal["id"], stage_id=stages[0]["id"])
    pipeline = sandbox.records("pipelines")[deal["pipeline_id"]]["name"]
    from_stage = sandbox.records("stages")[deal["stage_id"]]["name"]

    def make(**arguments: Any) -> PipedriveDealStageSensor:
        names = {"from_stage": from_stage, "to_stage": stages[0]["name"], "pipeline": pipeline}
        return PipedriveDealStageSensor(**DEAL, **names, **arguments)

    (move,) = waiting(mode, make)
    assert (move["deal_id"], move["from_stage"], move["to_stage"]) == (deal["id"], from_stage, stages[0]["name"])


@pytest.mark.parametrize("mode", MODES)
def test_any_deal_that_is_won(mode: str, waiting: Waiting, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    sandbox.plan("update", after_seconds=100, entity="deals", id=deal["id"], fields={"status": "won"})
    (move,) = waiting(mode, lambda **more: PipedriveDealStageSensor(**DEAL, status="won", **more))
    assert (move["deal_id"], move["status"], move["title"]) == (deal["id"], "won", deal["title"])


@pytest.mark.parametrize("mode", MODES)
def test_a_new_file_on_a_deal(mode: str, waiting: Waiting, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    link = {"deal_id": deal["id"]}
    for seconds, name in ((70, "photo.png"), (80, "other.pdf"), (150, "signed.pdf")):
        given = {} if name == "other.pdf" else link
        sandbox.plan("add_file", after_seconds=seconds, name=name, **given)
    files = waiting(mode, lambda **more: PipedriveNewFileSensor(**DEAL, **link, names="*.PDF", **more))
    assert [(file["name"], file["deal_id"]) for file in files] == [("signed.pdf", deal["id"])]


@pytest.mark.parametrize("mode", MODES)
def test_only_the_files_of_an_uploader(mode: str, waiting: Waiting, sandbox: Sandbox) -> None:
    first, second = list(sandbox.records("users").values())[:2]
    sandbox.plan("add_file", after_seconds=70, name="a.pdf", user_id=first["id"])
    sandbox.plan("add_file", after_seconds=200, name="b.pdf", user_id=second["id"])
    files = waiting(mode, lambda **more: PipedriveNewFileSensor(**DEAL, uploader=second["email"], **more))
    assert [file["name"] for file in files] == ["b.pdf"]


@pytest.mark.parametrize("mode", MODES)
def test_a_conversion_job_is_waited_for(mode: str, waiting: Waiting, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

    job = PipedriveHook().run("convertDealToLead", {"id": deal["id"]})["conversion_id"]

    def make(**more: Any) -> PipedriveRecordSensor:
        return PipedriveRecordSensor(
            **DEAL,
            action="getDealConversionStatus",
            parameters={"id": deal["id"], "conversion_id": job},
            success=("status", "==", "completed"),
            failure=("status", "in", ["failed", "rejected"]),
            **more,
        )

    assert waiting(mode, make)["lead_id"] in sandbox.records("leads")


@pytest.mark.parametrize("mode", MODES)
def test_what_can_no_longer_come_fails(mode: str, waiting: Waiting, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    sandbox.plan("update", after_seconds=100, entity="deals", id=deal["id"], fields={"status": "lost"})
    conditions = {"success": ("status", "==", "won"), "failure": ("status", "==", "lost")}

    def make(**more: Any) -> PipedriveRecordSensor:
        return PipedriveRecordSensor(**DEAL, action="getDeal", parameters={"id": deal["id"]}, **conditions, **more)

    with pytest.raises(AirflowFailException, match="status == 'lost' holds, so what is waited for will not come"):
        waiting(mode, make)


def test_in_poke_mode_names_are_looked_up_once(waiting: Waiting, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    with pytest.raises(AirflowSensorTimeout):
        waiting("poke", lambda **more: PipedriveDealStageSensor(**DEAL, deal_id=deal["id"], to_stage="Trial", **more))
    assert sum(sent.path == "/api/v2/stages" for sent in sandbox.requests) == 1


def test_by_default_a_look_is_every_five_minutes() -> None:
    assert PipedriveNewFileSensor(task_id="wait").poke_interval == 300


@pytest.mark.parametrize(("interval", "settled"), [(25, 20), (12, 12)])
def test_a_trigger_leaves_airflow_time_to_hear_that_its_task_is_deferred(
    interval: int, settled: int, waiting: Waiting, sandbox: Sandbox, deal: dict[str, Any], stages: list[dict[str, Any]]
) -> None:
    """Time begins 15 seconds before a look every 25 is due, and 2 before one every 12."""
    sandbox.plan("move_deal", after_seconds=1, deal_id=deal["id"], stage_id=stages[0]["id"])
    arguments = DEAL | {"poke_interval": interval, "deal_id": deal["id"], "to_stage": stages[0]["id"]}
    waiting("deferrable", PipedriveDealStageSensor, **arguments)
    assert settled <= waiting.seconds <= settled + interval


@pytest.mark.parametrize(("expanded_over", "ends_from_trigger"), [(True, False), (False, True)])
def test_a_task_that_others_are_expanded_over_ends_on_a_worker_which_counts_its_results(
    expanded_over: bool, ends_from_trigger: bool, waiting: Waiting
) -> None:
    from airflow.providers.common.compat.sdk import task

    with DAG("expanded", schedule=None):
        sensor = PipedriveDealStageSensor(**DEAL, status="won", deferrable=True)

        @task
        def use(move: Any) -> None:
            pass

        use.expand(move=sensor.output) if expanded_over else use(sensor.output)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(waiting.context())  # type: ignore[arg-type]
    assert deferred.value.trigger.serialize()[1]["end_from_trigger"] == ends_from_trigger


def test_a_look_by_hand_ends_as_the_task_would(waiting: Waiting, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    def check_waits() -> Any:
        sensor = PipedriveDealStageSensor(**DEAL, deal_id=deal["id"], to_stage=deal["stage_id"])
        return sensor.poke(waiting.context())  # type: ignore[arg-type]

    assert check_waits().xcom_value["deal_id"] == deal["id"]
    sandbox.delete("deals", deal["id"])
    with pytest.raises(AirflowFailException, match="was deleted"):
        check_waits()


def test_importing_and_making_a_sensor_loads_nothing_heavy() -> None:
    code = (
        "import sys, airflow.providers.common.compat.sdk as sdk; sdk.BaseSensorOperator(task_id='b');"
        "before = set(sys.modules);"
        "from airflow_provider_pipedrive.sensors.pipedrive import PipedriveDealStageSensor;"
        "PipedriveDealStageSensor(task_id='t', deal_id=1, to_stage='Signed');"
        "print(*sorted(m for m in set(sys.modules) - before if not m.startswith('airflow')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert loaded & {"requests", "urllib3", "msgspec", "starlette", "uvicorn", "faker"} == set()


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_a_sensor_says_what_it_waits_for_where_it_stands_and_how_it_ended(
    mode: str,
    waiting: Waiting,
    sandbox: Sandbox,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    sandbox.update("deals", 1, title="Ovens", status="open", stage_id=1)
    sandbox.plan("move_deal", deal_id=1, stage_id=3, after_reads=2, path="/api/v2/deals/1")
    waiting(mode, PipedriveDealStageSensor, **DEAL, deal_id=1, to_stage=3)
    out = capfd.readouterr()
    shown = caplog.text + out.out + out.err
    names = {key: stage["name"] for key, stage in sandbox.records("stages").items()}
    waits = f"Waiting until deal 1 is in stage 3 ({names[3]}). Not yet: deal 1 is in stage 1 ({names[1]})."
    said = max(text.count(waits) for text in (caplog.text, out.out, out.err))  # of one Airflow or another
    assert said == 1 if mode == "poke" else said >= 1
    assert f"It has happened: deal 1 ('Ovens') is open in stage 3 ({names[3]}) since " in shown
    assert "belongs to pipeline" not in shown


def test_a_deal_in_another_pipeline_than_the_stage_that_is_waited_for_is_warned_of(
    waiting: Waiting, sandbox: Sandbox, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    (stage, pipeline) = next(
        (key, stage["pipeline_id"]) for key, stage in sandbox.records("stages").items() if stage["pipeline_id"] != 1
    )
    sandbox.update("deals", 1, status="open", stage_id=1)
    with pytest.raises(AirflowSensorTimeout):
        waiting("poke", PipedriveDealStageSensor, **DEAL, deal_id=1, to_stage=stage)
    out = capfd.readouterr()
    warning = f"is in pipeline {pipeline}: a move within a pipeline does not lead there."
    assert (caplog.text + out.out + out.err).count(warning) >= 1


def test_the_log_of_a_deferred_wait_ends_with_a_sentence(
    waiting: Waiting, sandbox: Sandbox, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sandbox.update("deals", 1, title="Ovens", status="open", stage_id=1)
    sandbox.plan("move_deal", deal_id=1, stage_id=3, after_reads=2, path="/api/v2/deals/1")
    waiting("deferrable", PipedriveDealStageSensor, **DEAL, deal_id=1, to_stage=3)
    out = capfd.readouterr()
    assert "It has happened: deal 1 ('Ovens') is open in stage 3 (" in caplog.text + out.out + out.err

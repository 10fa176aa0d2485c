"""One table for all three modes: how a wait ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.errors import PipedriveServerError
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sensors.pipedrive import PipedriveDealStageSensor
from tests.support.waiting import MODES, Waiting

pytestmark = pytest.mark.parametrize("mode", MODES)
NEVER = 14  # a stage of another pipeline, which the deal does not come to


def sensor(**arguments: Any) -> PipedriveDealStageSensor:
    given = {"task_id": "wait", "deal_id": 1, "to_stage": NEVER, "poke_interval": 60, "timeout": 600, **arguments}
    return PipedriveDealStageSensor(**given)


def test_it_has_happened_the_result_is_the_tasks(
    mode: str, waiting: Waiting, sandbox: Sandbox, stages: list[dict[str, Any]]
) -> None:
    sandbox.plan("move_deal", after_seconds=200, deal_id=1, stage_id=stages[0]["id"])
    result = waiting(mode, sensor, to_stage=stages[0]["name"], pipeline=stages[0]["pipeline_id"])
    assert (result["deal_id"], result["to_stage"]) == (1, stages[0]["name"])
    assert 200 <= waiting.seconds <= 261
    assert waiting.ended_by == ("trigger" if mode == "deferrable" else "worker")


@pytest.mark.parametrize(
    ("switch", "ending"),
    [
        ({}, AirflowSensorTimeout),
        ({"soft_fail": True}, AirflowSkipException),
        ({"never_fail": True}, AirflowSkipException),
    ],
)
def test_time_is_up(mode: str, switch: dict[str, bool], ending: type[Exception], waiting: Waiting) -> None:
    with pytest.raises(
        ending, match=r"600 s \(timeout\) have passed while waiting until deal 1 is in stage 14 \(Agreed\)"
    ):
        waiting(mode, sensor, **switch)
    assert 599 <= waiting.seconds <= 620


def test_the_tasks_own_time_is_up(mode: str, waiting: Waiting, mocker: MockerFixture) -> None:
    if mode == "deferrable":
        made = sensor(deferrable=True, soft_fail=True, execution_timeout=timedelta(seconds=90))
        with pytest.raises(AirflowSkipException, match=r"90 s \(execution_timeout\) have passed"):
            made.resume_execution("__fail__", {"error": "Trigger/execution timeout"}, {})  # type: ignore[arg-type]
        return
    mocker.patch.object(PipedriveDealStageSensor, "poke", side_effect=AirflowTaskTimeout("Timeout"))
    with pytest.raises(AirflowSkipException, match=r"90 s \(execution_timeout\) have passed"):
        waiting(mode, sensor, soft_fail=True, execution_timeout=timedelta(seconds=90))


def test_time_is_up_between_two_checks(mode: str, waiting: Waiting) -> None:
    with pytest.raises(AirflowSensorTimeout):
        waiting(mode, sensor, poke_interval=500)
    assert 599 <= waiting.seconds <= 620


@pytest.mark.parametrize(
    ("switch", "ending"),
    [
        ({}, PipedriveServerError),
        ({"soft_fail": True}, PipedriveServerError),
        ({"never_fail": True}, AirflowSkipException),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_passing_error_is_left_to_airflows_retries(
    mode: str, switch: dict[str, bool], ending: type[Exception], at_once: bool, waiting: Waiting, sandbox: Sandbox
) -> None:
    sandbox.fault("/api/v2/deals*", "503", count=None, skip=0 if at_once else 2)
    with pytest.raises(ending):
        waiting(mode, sensor, **switch)
    assert waiting.seconds < 200


def test_an_hour_of_passing_errors_is_waited_out_with_silent_fail(
    mode: str, waiting: Waiting, sandbox: Sandbox, stages: list[dict[str, Any]]
) -> None:
    sandbox.fault("/api/v2/deals*", "503", count=12)
    sandbox.plan("move_deal", after_seconds=300, deal_id=1, stage_id=stages[0]["id"])
    result = waiting(mode, sensor, to_stage=stages[0]["id"], silent_fail=True, timeout=7 * 86_400, poke_interval=300)
    assert result["to_stage_id"] == stages[0]["id"]
    assert waiting.seconds >= 3599


@pytest.mark.parametrize(
    ("switch", "ending"),
    [
        ({}, AirflowFailException),
        ({"soft_fail": True}, AirflowFailException),
        ({"silent_fail": True}, AirflowFailException),
        ({"never_fail": True}, AirflowSkipException),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_lasting_error_fails_at_once(
    mode: str, switch: dict[str, bool], ending: type[Exception], at_once: bool, waiting: Waiting, sandbox: Sandbox
) -> None:
    sandbox.fault("/api/v2/deals*", "403", count=None, skip=0 if at_once else 1)
    with pytest.raises(ending, match="OAuth app needs the scope deals:read"):
        waiting(mode, sensor, **switch)
    assert waiting.seconds < 130


@pytest.mark.parametrize("fault", ["429-daily", "429"])
def test_a_limit_is_waited_out_without_an_error(
    fault: str, mode: str, waiting: Waiting, sandbox: Sandbox, stages: list[dict[str, Any]]
) -> None:
    sandbox.fault("/api/v2/deals*", fault, headers={"retry-after": "7200"} if fault == "429-daily" else {})
    sandbox.plan("move_deal", after_seconds=10, deal_id=1, stage_id=stages[0]["id"])
    result = waiting(mode, sensor, to_stage=stages[0]["id"], timeout=86_400)
    assert result["to_stage_id"] == stages[0]["id"]
    if fault == "429-daily":
        assert waiting.seconds >= 7199
        assert sum(sent.status == 429 for sent in sandbox.requests) == 1


def test_a_limit_does_not_lengthen_the_wait_beyond_its_time(mode: str, waiting: Waiting, sandbox: Sandbox) -> None:
    sandbox.fault("/api/v2/deals*", "429-daily", count=None, headers={"retry-after": "7200"})
    with pytest.raises(AirflowSensorTimeout):
        waiting(mode, sensor)
    assert 599 <= waiting.seconds <= 620


@pytest.mark.parametrize(
    ("switch", "ending"),
    [
        ({}, AirflowFailException),
        ({"soft_fail": True}, AirflowFailException),
        ({"on_gone": "skip"}, AirflowSkipException),
        ({"never_fail": True}, AirflowSkipException),
    ],
)
@pytest.mark.parametrize("how", ["delete", "merge"])
def test_a_deal_that_is_gone(
    how: str, mode: str, switch: dict[str, Any], ending: type[Exception], waiting: Waiting, sandbox: Sandbox
) -> None:
    sandbox.plan(how, after_seconds=100, entity="deals", id=1, **({"into": 2} if how == "merge" else {}))
    with pytest.raises(ending, match=r"deal 1 (was deleted|is not there: it was deleted, merged)"):
        waiting(mode, sensor, **switch)
    assert 100 <= waiting.seconds < 200


def test_an_archived_deal_is_not_gone(mode: str, waiting: Waiting, sandbox: Sandbox) -> None:
    sandbox.plan("update", after_seconds=100, entity="deals", id=1, fields={"is_archived": True})
    with pytest.raises(AirflowSensorTimeout):
        waiting(mode, sensor)


def test_an_unknown_stage_fails_with_the_right_ones(mode: str, waiting: Waiting, sandbox: Sandbox) -> None:
    with pytest.raises(AirflowFailException, match=r"There is no stage 'Sgned'\. Did you mean 'Signed'.*Signed \(10\)"):
        waiting(mode, sensor, to_stage="Sgned")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"filter_id": 4711}, r"There is no filter 4711 of deals\. There are: "),
        ({"since": "2099-01-01"}, r"since is 2099-01-01T00:00:00Z, and the sensor waits for 600 s only \(timeout\)"),
    ],
)
def test_a_wait_that_could_only_run_out_of_time_fails_at_once(
    mode: str, given: dict[str, Any], said: str, waiting: Waiting
) -> None:
    with pytest.raises(AirflowFailException, match=said):
        waiting(mode, sensor, deal_id=None, **given)
    assert waiting.seconds == 0


def test_a_deal_that_passes_through_the_stage_between_two_looks_is_noticed(
    mode: str, waiting: Waiting, sandbox: Sandbox, stages: list[dict[str, Any]]
) -> None:
    passed, last = stages[0]["id"], stages[1]["id"]
    sandbox.plan("move_deal", after_seconds=70, deal_id=1, stage_id=passed)
    sandbox.plan("move_deal", after_seconds=70, deal_id=1, stage_id=last)
    result = waiting(mode, sensor, to_stage=passed)
    assert (result["to_stage_id"], result["stage_id"]) == (passed, last)


def test_a_task_with_outlets_ends_on_a_worker_which_makes_its_asset_events(
    mode: str, waiting: Waiting, sandbox: Sandbox, stages: list[dict[str, Any]]
) -> None:
    from airflow.providers.common.compat.sdk import Asset

    sandbox.plan("move_deal", after_seconds=100, deal_id=1, stage_id=stages[0]["id"])
    result = waiting(mode, sensor, to_stage=stages[0]["id"], outlets=[Asset("pipedrive-deals")])
    assert (result["deal_id"], waiting.ended_by) == (1, "worker")


@pytest.mark.parametrize("words", ["Trigger timeout", "Trigger/execution timeout"])
def test_airflow_ends_the_wait_itself_where_no_triggerer_does(mode: str, words: str, waiting: Waiting) -> None:
    if mode != "deferrable":
        pytest.skip("only a deferred task has a trigger")
    made = sensor(deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        made.execute(waiting.context())  # type: ignore[arg-type]
    assert 600 < deferred.value.timeout.total_seconds() <= 606
    with pytest.raises(AirflowSensorTimeout):
        made.resume_execution("__fail__", {"error": words}, {})  # type: ignore[arg-type]
    with pytest.raises(AirflowSkipException):
        sensor(deferrable=True, soft_fail=True).resume_execution("__fail__", {"error": words}, {})  # type: ignore[arg-type]


def test_a_trigger_that_breaks_leaves_it_to_airflows_retries(mode: str) -> None:
    if mode != "deferrable":
        pytest.skip("only a deferred task has a trigger")
    with pytest.raises(Exception, match="Trigger failure") as broken:
        sensor(deferrable=True, soft_fail=True).resume_execution("__fail__", {"error": "Trigger failure"}, {})  # type: ignore[arg-type]
    assert type(broken.value).__name__ == "TaskDeferralError"
    with pytest.raises(AirflowSkipException):
        sensor(deferrable=True, never_fail=True).resume_execution("__fail__", {"error": "Trigger failure"}, {})  # type: ignore[arg-type]

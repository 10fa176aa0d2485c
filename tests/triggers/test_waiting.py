"""The sensors' triggers: what they tell, and that they can be begun again anywhere."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent
from pytest_mock import MockerFixture

from airflow_provider_pipedrive import errors
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveServerError
from airflow_provider_pipedrive.events.waits.conditions import Condition
from airflow_provider_pipedrive.events.waits.files import FilesWait
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.name_refs import NameRefs
from airflow_provider_pipedrive.events.waits.records import DealsWait, RecordWait
from airflow_provider_pipedrive.events.waits.specs import WaitSpec
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.triggers import results
from airflow_provider_pipedrive.triggers.pipedrive import (
    PipedriveDealStageTrigger,
    PipedriveNewFileTrigger,
    PipedriveRecordTrigger,
)
from airflow_provider_pipedrive.triggers.waiting import WaitTrigger, error_from_dict, error_to_dict
from tests.conftest import api_token_connection
from tests.support.virtual_time import run

DAY = 86_400.0


@pytest.fixture(autouse=True)
def _one_attempt(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))


def trigger(spec: WaitSpec, kind: type[WaitTrigger] = PipedriveDealStageTrigger, **more: Any) -> WaitTrigger:
    arguments = {"interval": 60.0, "deadline": time.time() + DAY, **more}
    return kind(pipedrive_conn_id="pipedrive_default", spec=spec.to_json(), **arguments)


def again(given: WaitTrigger) -> WaitTrigger:
    """The trigger as another triggerer makes it."""
    path, arguments = given.serialize()
    module, _, name = path.rpartition(".")
    made: WaitTrigger = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))
    return made


def event_of(given: WaitTrigger, sandbox: Sandbox, then: Callable[[], object] = lambda: None) -> TriggerEvent:
    """The one event of a trigger; ``then`` happens after two minutes."""

    async def main() -> TriggerEvent:
        asyncio.get_running_loop().call_later(120, then)
        (event,) = [event async for event in given.run()]
        return event

    return run(main(), sandbox.advance)


def test_each_trigger_survives_the_journey_to_another_triggerer(deals: list[int], target: int) -> None:
    for spec, kind in (
        (DealsWait((deals[0],), Movement(reaches=(target,)), "2026-05-04T12:00:00Z"), PipedriveDealStageTrigger),
        (FilesWait(names=("*.pdf",)), PipedriveNewFileTrigger),
        (RecordWait("getDeal", {"id": 1}, (Condition("status", "==", "won"),)), PipedriveRecordTrigger),
    ):
        given = trigger(spec, kind, memory={"5": {"stage": 2}}, end_from_trigger=True)
        assert again(given).serialize() == given.serialize()


def test_a_success_resumes_the_task_with_the_result(sandbox: Sandbox, deals: list[int], target: int) -> None:
    spec = DealsWait((deals[0],), Movement(reaches=(target,)), "2026-05-04T12:00:00Z", single=True)
    event = event_of(again(trigger(spec)), sandbox, lambda: sandbox.move_deal(deals[0], target))
    assert event.payload["status"] == "success"
    assert event.payload["result"]["to_stage_id"] == target


@pytest.fixture
def pushed(mocker: MockerFixture) -> list[tuple[Any, ...]]:
    """What triggers push to XCom on Airflow 3."""
    found: list[tuple[Any, ...]] = []

    def push(key: str, value: Any, *, dag_id: str, task_id: str, run_id: str, map_index: int) -> None:
        found.append((dag_id, task_id, run_id, map_index, key, value))

    mocker.patch.object(results.XCom, "set", push)
    return found


def test_a_success_ends_the_task_from_the_trigger_where_that_is_allowed(
    sandbox: Sandbox, pushed: list[tuple[Any, ...]]
) -> None:
    spec = FilesWait(after_id=max(sandbox.records("files")))
    given = trigger(spec, PipedriveNewFileTrigger, end_from_trigger=True)
    given.task_instance = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=2)
    event = event_of(given, sandbox, lambda: sandbox.add_file("signed.pdf"))
    assert isinstance(event, TaskSuccessEvent)
    if AIRFLOW_V_3_0_PLUS:
        ((*where, files),) = pushed
        assert (where, event.xcoms) == (["d", "t", "r", 2, "return_value"], None)
    else:
        files = event.xcoms["return_value"]
    assert [file["name"] for file in files] == ["signed.pdf"]


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="Airflow 2 stores what the event carries")
@pytest.mark.parametrize("task_instance", [None, SimpleNamespace(dag_id="d", task_id="t")])
def test_a_result_that_cannot_be_pushed_from_the_trigger_goes_to_a_worker(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, task_instance: Any
) -> None:
    spec = FilesWait(after_id=max(sandbox.records("files")))
    given = trigger(spec, PipedriveNewFileTrigger, end_from_trigger=True)
    given.task_instance = task_instance
    with caplog.at_level(logging.INFO):
        event = event_of(given, sandbox, lambda: sandbox.add_file("signed.pdf"))
    assert event.payload["status"] == "success"
    assert [file["name"] for file in event.payload["result"]] == ["signed.pdf"]
    assert ("could not be pushed from here" in caplog.text) is (task_instance is not None)


def test_the_deadline_is_a_point_in_time_however_often_the_wait_begins(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    spec = DealsWait((deals[0],), Movement(reaches=(target,)), "2026-05-04T12:00:00Z")
    given = trigger(spec, deadline=time.time() + 600)

    async def main() -> tuple[Any, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        first = asyncio.ensure_future(anext(given.run()))
        await asyncio.sleep(300)
        first.cancel()
        second = again(given)
        second.deadline -= 300  # the machine's clock stands still here: what it would have gone on
        event = await anext(second.run())
        return event.payload, loop.time() - began

    payload, seconds = run(main(), sandbox.advance)
    assert payload == {"status": "timeout"}
    assert seconds == pytest.approx(600, abs=20)


def test_a_deadline_that_has_passed_while_no_triggerer_ran_is_told_at_once(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    spec = DealsWait((deals[0],), Movement(reaches=(target,)), "2026-05-04T12:00:00Z")
    assert event_of(trigger(spec, deadline=time.time() - 5), sandbox).payload == {"status": "timeout"}


def test_two_triggerers_that_run_the_same_trigger_tell_the_same(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    spec = DealsWait((deals[0],), Movement(reaches=(target,)), "2026-05-04T12:00:00Z")

    async def main() -> list[Any]:
        given = trigger(spec)
        waits = [asyncio.ensure_future(anext(made.run())) for made in (given, again(given))]
        await asyncio.sleep(60)
        sandbox.move_deal(deals[0], target)
        return [event.payload for event in await asyncio.gather(*waits)]

    first, second = run(main(), sandbox.advance)
    assert first == second


def test_an_error_is_told_as_what_it_is(sandbox: Sandbox, deals: list[int], target: int) -> None:
    sandbox.fault("*", "503")
    spec = DealsWait((deals[0],), Movement(reaches=(target,)), "2026-05-04T12:00:00Z")
    payload = event_of(trigger(spec), sandbox).payload
    error = error_from_dict(json.loads(json.dumps(payload["error"])))
    assert payload["status"] == "error"
    assert isinstance(error, PipedriveServerError)
    assert (error.status, error.retryable, error.action) == (503, True, "getDeal")


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PipedriveError)]
)
def test_every_error_survives_the_journey(kind: type[PipedriveError]) -> None:
    error = error_from_dict(error_to_dict(kind("What went wrong.", action="getDeal", status=400, retry_after=2.5)))
    assert (type(error), str(error), error.retry_after) == (kind, "What went wrong.", 2.5)


def test_a_failure_condition_is_told_with_its_reason(sandbox: Sandbox, deals: list[int]) -> None:
    lost = RecordWait(
        "getDeal", {"id": deals[0]}, (Condition("status", "==", "won"),), (Condition("status", "==", "lost"),)
    )
    event = event_of(
        trigger(lost, PipedriveRecordTrigger), sandbox, lambda: sandbox.update("deals", deals[0], status="lost")
    )
    assert event.payload["status"] == "failed"
    assert "status == 'lost' holds" in event.payload["reason"]


def test_a_budget_that_is_spent_before_the_names_were_looked_up_is_waited_out(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    sandbox.fault("*", "429-daily", headers={"retry-after": "3600"})
    spec = DealsWait((deals[0],), Movement(), "2026-05-04T12:00:00Z")
    given = trigger(spec, names=NameRefs(reaches=(target,)).to_json())
    event = event_of(given, sandbox, lambda: sandbox.move_deal(deals[0], target))
    assert event.payload["status"] == "success"
    assert event.payload["result"][0]["to_stage"] == sandbox.records("stages")[target]["name"]

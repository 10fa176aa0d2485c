"""Converting leads and deals: the new record's id, whatever becomes of a try."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators import conversions
from airflow_provider_pipedrive.operators.conversions import PipedriveConvertDealOperator, PipedriveConvertLeadOperator
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.people import waits_for_an_answer as waits


class TaskInstance:
    """Airflow's edge: keeps what is pushed."""

    map_index = -1

    def __init__(self, try_number: int) -> None:
        self.try_number = try_number
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


class Store(dict[str, Any]):
    """What Airflow 3.3 keeps for a task's next try."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


def context(try_number: int = 1, **more: Any) -> Any:
    return {"ti": TaskInstance(try_number), **more}


def finish(task: Any, given: Any) -> dict[str, Any]:
    """Run a task to its end, with the trigger that it waits by."""
    waiting = waits(lambda: task.execute(given))
    while True:
        event = asyncio.run(_event(waiting.trigger))
        try:
            result: dict[str, Any] = task.execute_complete(given, event=event, **waiting.kwargs)
            return result
        except BaseException as raised:
            if not hasattr(raised, "trigger"):
                raise
            waiting = raised


async def _event(trigger: Any) -> Any:
    name, arguments = trigger.serialize()
    assert name == "airflow_provider_pipedrive.triggers.conversions.PipedriveConversionTrigger"
    assert type(trigger)(**arguments).serialize() == (name, arguments)
    return await anext(event.payload async for event in trigger.run())


@pytest.fixture
def lead(sandbox: Sandbox) -> str:
    return str(PipedriveHook().run("addLead", {"title": "Asks for an offer", "person_id": 1})["id"])


def convert(lead: str, **arguments: Any) -> PipedriveConvertLeadOperator:
    return PipedriveConvertLeadOperator(task_id="convert", lead_id=lead, interval=1, **arguments)


def deals_of(sandbox: Sandbox, lead: str) -> list[int]:
    return [deal["id"] for deal in sandbox.records("deals").values() if deal["source_lead_id"] == lead]


def test_a_lead_becomes_a_deal_in_the_given_stage(sandbox: Sandbox, lead: str) -> None:
    given = context()
    result = finish(convert(lead, stage_id="2"), given)

    (deal,) = deals_of(sandbox, lead)
    assert result == {
        "lead_id": lead,
        "deal_id": deal,
        "link": f"{sandbox.url}/deal/{deal}",
        "conversion_id": result["conversion_id"],
        "converted": True,
    }
    assert result["conversion_id"]
    assert sandbox.records("deals")[deal]["stage_id"] == 2
    assert given["ti"].pushed == {"pipedrive_record_url": f"{sandbox.url}/deal/{deal}"}


def test_a_deal_becomes_a_lead(sandbox: Sandbox) -> None:
    deal = PipedriveHook().run("addDeal", {"title": "Too early", "person_id": 1})["id"]
    result = finish(PipedriveConvertDealOperator(task_id="convert", deal_id=str(deal), interval=1), context())
    assert result["deal_id"] == deal
    assert sandbox.records("leads")[result["lead_id"]]["source_deal_id"] == deal
    assert result["link"].endswith(f"/leads/inbox/{result['lead_id']}")


def test_a_task_that_is_repeated_after_its_end_finds_the_deal_again(sandbox: Sandbox, lead: str) -> None:
    first = finish(convert(lead), context())
    again = convert(lead).execute(context(try_number=2))
    assert (again["deal_id"], again["converted"]) == (first["deal_id"], False)
    assert len(deals_of(sandbox, lead)) == 1


def test_a_try_that_died_while_it_waited_is_continued_by_its_conversions_id(sandbox: Sandbox, lead: str) -> None:
    store = Store()
    first = waits(lambda: convert(lead).execute(context(task_state_store=store)))
    again = waits(lambda: convert(lead).execute(context(try_number=2, task_state_store=store)))
    assert again.kwargs["job"] == first.kwargs["job"] is not None
    finish(convert(lead), context(try_number=2, task_state_store=store))
    assert len(deals_of(sandbox, lead)) == 1
    assert store["pipedrive_conversion"] == {}


def test_on_an_airflow_that_keeps_nothing_the_next_try_first_looks_whether_the_lead_goes(
    sandbox: Sandbox, lead: str
) -> None:
    begun = waits(lambda: convert(lead).execute(context()))
    # Reading a conversion's state is what brings it forward in the sandbox.
    for _ in range(3):
        PipedriveHook().run("getLeadConversionStatus", {"id": lead, "conversion_id": begun.kwargs["job"]})
    result = convert(lead).execute(context(try_number=2))
    assert result["converted"] is False
    assert len(deals_of(sandbox, lead)) == 1


def test_where_an_earlier_try_has_begun_nothing_the_next_one_begins(
    sandbox: Sandbox, lead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversions, "_SETTLING", 0.5)
    result = finish(convert(lead), context(try_number=2))
    assert (result["converted"], len(deals_of(sandbox, lead))) == (True, 1)


def test_an_answer_that_was_lost_is_not_asked_for_by_a_second_conversion(sandbox: Sandbox, lead: str) -> None:
    sandbox.fault(path=f"/api/v2/leads/{lead}/convert/deal", kind="reset-after", count=1)
    store = Store()
    waiting = waits(lambda: convert(lead).execute(context(task_state_store=store)))
    assert (waiting.kwargs["job"], store["pipedrive_conversion"]) == (None, {"sent": True, "job": None})
    sent = [request for request in sandbox.requests if request.path.endswith("/convert/deal")]
    assert len(sent) == 1


def test_a_lead_that_is_gone_fails_the_task_for_good(sandbox: Sandbox) -> None:
    with pytest.raises(AirflowFailException, match="none of the newest 20,000 deals has it as its source"):
        convert("adf21080-0e10-11eb-879b-05d71fb426ec").execute(context())


def test_time_that_is_up_fails_the_try_and_the_next_one_looks_again(sandbox: Sandbox, lead: str) -> None:
    store = Store()
    given = context(task_state_store=store)
    waiting = waits(lambda: convert(lead).execute(given))
    with pytest.raises(PipedriveError, match="not converted after 0:10:00") as raised:
        convert(lead).execute_complete(given, {"status": "timeout"}, **waiting.kwargs)
    assert raised.value.retryable
    assert store["pipedrive_conversion"]["job"] == waiting.kwargs["job"]


def test_what_pipedrive_refuses_fails_the_task_for_good(sandbox: Sandbox) -> None:
    deal = PipedriveHook().run("addDeal", {"title": "Nobody's"})["id"]
    with pytest.raises(AirflowFailException, match="without a person"):
        PipedriveConvertDealOperator(task_id="convert", deal_id=deal).execute(context())


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"lead_id": "12"}, "lead_id must be a lead's id"),
        ({"lead_id": "{{ x }}", "stage_id": 1, "pipeline_id": 1}, "stage_id or pipeline_id"),
        ({"lead_id": "{{ x }}", "interval": 0}, "interval must be 1 second or more"),
    ],
)
def test_wrong_arguments_are_found_when_the_dag_is_parsed(arguments: dict[str, Any], advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        PipedriveConvertLeadOperator(task_id="convert", **arguments)

"""The trigger of asset watchers: its arguments, and how it works by itself, before Airflow 3.3."""

from __future__ import annotations

import asyncio
from typing import Any

import airflow.triggers.base
import pytest

import airflow_provider_pipedrive.triggers.pipedrive as triggers
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.batch import Batch
from airflow_provider_pipedrive.sandbox import Sandbox

MARGIN = 6
HAS_WATCHERS = hasattr(airflow.triggers.base, "BaseEventTrigger")
on_airflow_3 = pytest.mark.skipif(not HAS_WATCHERS, reason="Airflow has asset watchers since 3.0")


def test_the_trigger_is_there_where_airflow_has_asset_watchers():
    assert hasattr(triggers, "PipedriveChangeEventTrigger") == HAS_WATCHERS


@on_airflow_3
def test_it_is_made_again_from_its_plain_arguments():
    trigger = triggers.PipedriveChangeEventTrigger(
        "deals", ["stage_moved", "field_changed"], fields="Region", pipedrive_conn_id="crm", interval=30
    )
    path, arguments = trigger.serialize()
    assert path == "airflow_provider_pipedrive.triggers.pipedrive.PipedriveChangeEventTrigger"
    assert arguments == {
        "entity": "deals",
        "changes": ["stage_moved", "field_changed"],
        "fields": ["Region"],
        "pipedrive_conn_id": "crm",
        "interval": 30.0,
        "lookback": 600.0,
        "ignore_own": False,
    }
    assert triggers.PipedriveChangeEventTrigger(**arguments).serialize() == (path, arguments)


@on_airflow_3
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"entity": "deal"}, "Did you mean 'deals'?"),
        ({"changes": "moved"}, "There is no kind of change 'moved'"),
        ({"interval": 0.5}, "interval must be a number of seconds from 1 on, not 0.5"),
        ({"interval": "60"}, "interval must be a number of seconds from 1 on, not '60'"),
        ({"lookback": -1}, "lookback must be a number of seconds from 0 on, not -1"),
    ],
)
def test_wrong_arguments_are_refused_when_the_dag_is_parsed(arguments: dict[str, Any], message: str):
    with pytest.raises(PipedriveParameterError, match=message):
        triggers.PipedriveChangeEventTrigger(**arguments)


@on_airflow_3
def test_a_trigger_that_starts_tells_of_a_while_before_and_two_share_their_requests(sandbox: Sandbox):
    sandbox.advance(3600)
    deal, *_ = sandbox.records("deals")
    sandbox.update("deals", deal, title="Edited")
    sandbox.advance(60)

    async def first_event(lookback: float) -> Batch:
        trigger = triggers.PipedriveChangeEventTrigger(interval=3600, lookback=lookback)
        events = trigger.run()
        async for event in events:
            batch = Batch.from_extra({"from_trigger": True, "payload": event.payload})
            assert batch is not None
            await events.aclose()
            return batch
        raise AssertionError("it has ended")

    async def both() -> list[Batch]:
        async with asyncio.timeout(20):
            return await asyncio.gather(first_event(120.0), first_event(300.0))

    before = len([request for request in sandbox.requests if request.path == "/api/v2/deals"])
    batches = asyncio.run(both())
    assert [[change.id for change in batch.changes] for batch in batches] == [[deal], [deal]]
    assert len([request for request in sandbox.requests if request.path == "/api/v2/deals"]) - before == 1

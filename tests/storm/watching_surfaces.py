"""What fails no task: watchers, which wait faults out, and notifications, whose failures are only reported."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_provider_pipedrive.events.changes.batch import Batch
from airflow_provider_pipedrive.notifications.pipedrive import PipedriveNotifier
from airflow_provider_pipedrive.triggers import pipedrive as triggers
from tests.storm.tries import Surface, Try
from tests.support.virtual_time import run as run_in_virtual_time

EDIT, NOTE = "Edited in the storm", "The load has failed"
WATCHED = 900
"""Seconds that a try watches for: a fault that lasts lasts longer."""
SINCE = 30 * 86_400.0
"""How far back a watcher begins, in seconds: before whatever an earlier try has missed."""


def _watch(attempt: Try) -> Any:
    """How many reports of one edit are in the batch that brings it; False as long as none does."""
    if attempt.number == 1:
        attempt.sandbox.plan("update", after_seconds=60, entity="deals", id=1, fields={"title": EDIT})
    trigger = triggers.PipedriveChangeEventTrigger("deals", "changed", interval=30, lookback=SINCE)
    return run_in_virtual_time(_reports(trigger), attempt.sandbox.advance)


async def _reports(trigger: Any) -> Any:
    events = trigger.run()
    try:
        async with asyncio.timeout(WATCHED):
            async for event in events:
                batch = Batch.from_extra({"from_trigger": True, "payload": event.payload})
                if batch is not None and (found := [1 for change in batch.changes if change.values["title"] == EDIT]):
                    return len(found)
    except TimeoutError:
        pass  # it goes on watching
    finally:
        await events.aclose()
    return False


def _notes(attempt: Try) -> int:
    return sum(note["content"] == NOTE for note in attempt.records("notes"))


def _notify(attempt: Try) -> Any:
    PipedriveNotifier(deal_id=1, note=NOTE).notify(attempt.context)  # what Airflow calls reports its errors in the log
    return _notes(attempt)


WATCHING_SURFACES = [
    Surface("`PipedriveNotifier`", _notify, _notes, only_once=True),
    # A watcher without an authorization waits until a person has renewed it.
    *(
        [Surface("`PipedriveChangeEventTrigger`", _watch, is_without=frozenset({"revoked"}))]
        if AIRFLOW_V_3_0_PLUS
        else []
    ),
]

"""The operators that do more than one thing: merging, converting, watching, asking people, loading other systems."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from airflow.providers.common.compat.sdk import Variable
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_pipedrive.operators.choices import PipedriveChoiceOperator, PipedriveRefreshChoicesOperator
from airflow_provider_pipedrive.operators.conversions import PipedriveConvertDealOperator, PipedriveConvertLeadOperator
from airflow_provider_pipedrive.operators.drift import PipedriveDriftOperator
from airflow_provider_pipedrive.operators.merge import PipedriveMergeOperator
from airflow_provider_pipedrive.operators.webhooks import PipedriveEnsureWebhooksOperator
from airflow_provider_pipedrive.sensors.pipedrive import (
    PipedriveDealStageSensor,
    PipedriveNewFileSensor,
    PipedriveRecordSensor,
)
from airflow_provider_pipedrive.transfers import (
    ObjectStorageToPipedriveOperator,
    SqlToPipedriveOperator,
)
from tests.storm.tries import Surface, Try
from tests.support.people import AskingTask, asked
from tests.support.virtual_time import run as run_in_virtual_time

PEOPLE = [{"email": f"new{n}@example.com", "name": f"New {n}"} for n in range(3)]


def _merge(attempt: Try) -> Any:
    folder = str(attempt.folder)
    task = PipedriveMergeOperator(task_id="merge", groups=[{"ids": [1, 2]}], entity="persons", folder=folder)
    task.execute(attempt.context)
    return [person["id"] for person in attempt.records("persons") if person["id"] < 4 and not person["is_deleted"]]


def _webhooks(attempt: Try) -> Any:
    PipedriveEnsureWebhooksOperator(task_id="webhooks", objects=["deals", "persons"]).execute(attempt.context)
    return sorted(webhook["event_object"] for webhook in attempt.records("webhooks"))


def _webhooks_of_deals(attempt: Try) -> int:
    return sum(webhook["event_object"] == "deal" for webhook in attempt.records("webhooks"))


def _drift(attempt: Try) -> Any:
    events = mock.MagicMock()
    context = attempt.context | {"outlet_events": events}
    return PipedriveDriftOperator(task_id="drift", path=attempt.folder / "seen").execute(context)["breaking"]


def _deals_of_leads(attempt: Try) -> int:
    return sum(deal["source_lead_id"] is not None for deal in attempt.records("deals"))


def _leads_of_deals(attempt: Try) -> int:
    return sum(lead["source_deal_id"] is not None for lead in attempt.records("leads"))


def _convert_lead(attempt: Try) -> Any:
    lead = attempt.kept.setdefault(
        "lead", next(iter(attempt.sandbox.records("leads")))
    )  # it may be gone when it is over
    _through_triggers(PipedriveConvertLeadOperator(task_id="convert", lead_id=lead, interval=60), attempt)
    return _deals_of_leads(attempt)


def _convert_deal(attempt: Try) -> Any:
    _through_triggers(PipedriveConvertDealOperator(task_id="convert", deal_id=1, interval=60), attempt)
    return _leads_of_deals(attempt)


def _through_triggers(task: Any, attempt: Try) -> Any:
    """Run a task as Airflow does: while it waits, a triggerer has its trigger."""
    context = attempt.context | {"task_state_store": attempt.kept}
    run: Any = lambda: task.execute(context)  # noqa: E731 - each step leads to the next
    while True:
        try:
            return run()
        except BaseException as raised:
            if not hasattr(raised, "trigger"):
                raise
            waiting: Any = raised
        _, arguments = waiting.trigger.serialize()
        trigger = type(waiting.trigger)(**json.loads(json.dumps(arguments)))
        told = run_in_virtual_time(_first(trigger), attempt.sandbox.advance)
        if hasattr(told, "task_instance_state"):  # the task ends without a worker
            return told.xcoms["return_value"]
        event = told.payload
        run = lambda: task.execute_complete(context, event=event, **(waiting.kwargs or {}))  # noqa: B023, E731


async def _first(trigger: Any) -> Any:
    events = trigger.run()
    try:
        return await anext(events)
    finally:
        await events.aclose()


def _stage_by_trigger(attempt: Try) -> Any:
    stage = 1  # it is in another one
    if attempt.number == 1:
        attempt.sandbox.plan("move_deal", after_seconds=60, deal_id=1, stage_id=stage)
    task = PipedriveDealStageSensor(
        task_id="wait", deal_id=1, to_stage=stage, deferrable=True, poke_interval=30, timeout=600
    )
    return _through_triggers(task, attempt) is not None


def _record_by_trigger(attempt: Try) -> Any:
    if attempt.number == 1:
        attempt.sandbox.plan("update", after_seconds=60, entity="deals", id=1, fields={"title": "Of the storm"})
    success = ("title", "==", "Of the storm")
    task = PipedriveRecordSensor(
        task_id="wait", action="getDeal", parameters={"id": 1}, success=success, deferrable=True,
        poke_interval=30, timeout=600,
    )  # fmt: skip
    return _through_triggers(task, attempt)["title"]


def _file_by_trigger(attempt: Try) -> Any:
    if attempt.number == 1:
        attempt.sandbox.plan("add_file", after_seconds=60, name="rain.pdf", deal_id=1)
    since = "2026-01-01T00:00:00Z"
    task = PipedriveNewFileSensor(
        task_id="wait", deal_id=1, names="rain.pdf", since=since, deferrable=True, poke_interval=30, timeout=600
    )  # fmt: skip
    return _through_triggers(task, attempt) is not None


def _names(attempt: Try) -> Any:
    return Counter(person["name"] for person in attempt.records("persons"))


def _people_made(attempt: Try) -> int:
    names = _names(attempt)
    return max(names[row["name"]] for row in PEOPLE)


def _write_file(attempt: Try) -> Any:
    path = attempt.folder / "people.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in PEOPLE), encoding="utf-8")
    task = ObjectStorageToPipedriveOperator(
        task_id="write", path=str(path), entity="persons", match_on="email", folder=attempt.folder / "run"
    )  # fmt: skip
    task.execute(attempt.context)
    return _names(attempt)


def _write_query(attempt: Try) -> Any:
    file = attempt.folder / "people.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE IF NOT EXISTS people (email TEXT PRIMARY KEY, name TEXT)")
        database.executemany("INSERT OR REPLACE INTO people VALUES (:email, :name)", PEOPLE)
    database.close()
    connection = json.dumps({"conn_type": "sqlite", "host": str(file)})
    task = SqlToPipedriveOperator(
        task_id="write", sql="SELECT email, name FROM people ORDER BY email", sql_conn_id="storm_people",
        entity="persons", folder=attempt.folder / "run",
    )  # fmt: skip
    with mock.patch.dict("os.environ", {"AIRFLOW_CONN_STORM_PEOPLE": connection}):
        task.execute(attempt.context)
    return _names(attempt)


@contextmanager
def _asking(task: AskingTask) -> Iterator[None]:
    from airflow.sdk.execution_time import task_runner

    with mock.patch.object(task_runner, "SUPERVISOR_COMMS", task, create=True):
        yield


def _choice(attempt: Try) -> Any:
    asking = AskingTask()
    with _asking(asking):
        parked = asked(PipedriveChoiceOperator(task_id="choose", source="selectDeal", most=500, record=True), asking)
        return parked.answered("Choose", choice="3")["records"][0]["id"]


def _refresh_choices(attempt: Try) -> Any:
    kept: dict[str, str] = {}
    with mock.patch.object(Variable, "set", kept.__setitem__):
        task = PipedriveRefreshChoicesOperator(task_id="refresh", name="people", source="selectPerson", most=500)
        task.execute(attempt.context)
    return kept.get("pipedrive_choices_people")


LATER_SURFACES = [
    # A group whose record is gone (410), or that somebody may not see (v1's null), is left, and the receipt says so.
    Surface("`PipedriveMergeOperator`", _merge, is_without=frozenset({"410", "null-data"})),
    Surface("`PipedriveConvertLeadOperator`, with its trigger", _convert_lead, _deals_of_leads),
    Surface("`PipedriveConvertDealOperator`, with its trigger", _convert_deal, _leads_of_deals),
    # v1's null says that there are none: that is believed when it is said twice.
    Surface(
        "`PipedriveEnsureWebhooksOperator`",
        _webhooks,
        _webhooks_of_deals,
        not_at_random=frozenset({"null-data"}),
        one_credential=True,
    ),
    Surface("`PipedriveDriftOperator`", _drift),
    Surface("`PipedriveRefreshChoicesOperator`", _refresh_choices),
    Surface("`ObjectStorageToPipedriveOperator`", _write_file, _people_made, not_at_random=frozenset({"410"})),
    Surface("`SqlToPipedriveOperator`", _write_query, _people_made, not_at_random=frozenset({"410"})),
    Surface("`PipedriveDealStageSensor`, deferred", _stage_by_trigger),
    Surface("`PipedriveRecordSensor`, deferred", _record_by_trigger),
    Surface("`PipedriveNewFileSensor`, deferred", _file_by_trigger),
    *([Surface("`PipedriveChoiceOperator`", _choice)] if AIRFLOW_V_3_1_PLUS else []),
]

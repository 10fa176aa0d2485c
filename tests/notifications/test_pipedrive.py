"""The notifier: what it writes, where Airflow calls it, and that it never fails a task."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveValidationError
from airflow_provider_pipedrive.notifications.pipedrive import PipedriveNotifier
from airflow_provider_pipedrive.sandbox import Sandbox


def context(task_id: str = "load", **more: Any) -> Any:
    """What Airflow hands to a callback, as far as templates use it."""
    dag = DAG("nightly", schedule=None)
    return {"dag": dag, "task": BaseOperator(task_id=task_id, dag=dag), "params": {"deal": 1}, **more}


def notes(sandbox: Sandbox, **anchor: Any) -> list[str]:
    """The texts of the notes on a record, oldest first."""
    found = [note for note in sandbox.records("notes").values() if anchor.items() <= note.items()]
    return [note["content"] for note in sorted(found, key=lambda note: note["id"])]


def test_a_note_of_a_failed_task_is_on_the_deal(sandbox: Sandbox) -> None:
    notifier = PipedriveNotifier(
        deal_id="{{ params.deal }}", note="{{ dag.dag_id }}.{{ task.task_id }}: {{ exception | e }}"
    )
    notifier(context(exception=ValueError("2 < 3")))
    assert notes(sandbox, deal_id=1)[-1] == "nightly.load: 2 &lt; 3"


def test_a_note_can_be_on_a_person_an_organization_and_a_lead(sandbox: Sandbox) -> None:
    lead = next(iter(sandbox.records("leads")))
    for anchor in ({"person_id": 1}, {"org_id": 1}, {"lead_id": lead}):
        PipedriveNotifier(**anchor, note="done")(context())
        assert notes(sandbox, **anchor)[-1] == "done"


def test_an_activity_has_the_fields_that_were_given_and_belongs_to_the_person(sandbox: Sandbox) -> None:
    notifier = PipedriveNotifier(
        deal_id=1, person_id=2, activity={"subject": "Look at {{ task.task_id }}", "type": "task", "owner_id": 1}
    )
    notifier(context())
    made = sandbox.records("activities")[max(sandbox.records("activities"))]
    assert (made["subject"], made["deal_id"], made["person_id"]) == ("Look at load", 1, 2)


def test_one_notifier_of_several_tasks_says_of_each_what_is_true_of_it(sandbox: Sandbox) -> None:
    notifier = PipedriveNotifier(deal_id=1, note="{{ task.task_id }} is done")
    notifier(context("first"))
    notifier(context("second"))
    assert notes(sandbox, deal_id=1)[-2:] == ["first is done", "second is done"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"deal_id": 99999}, "deal_id 99999 does not exist"),
        ({"deal_id": "{{ 'first' }}"}, "deal_id must be a whole number"),
        ({"deal_id": "{{ params.nothing.at_all }}"}, "UndefinedError"),
        ({"deal_id": 1, "pipedrive_conn_id": "nobody"}, "no Airflow connection 'nobody'"),
    ],
)
def test_what_cannot_be_sent_is_reported_in_the_log_and_fails_nothing(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, arguments: dict[str, Any], problem: str
) -> None:
    PipedriveNotifier(note="done", **arguments)(context())
    assert problem in caplog.text


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"deal_id": 1}, "either note"),
        ({"deal_id": 1, "note": "a", "activity": {"subject": "b"}}, "either note"),
        ({"note": "a"}, "give one of deal_id, person_id, org_id, lead_id"),
        ({"deal_id": 1, "activity": {"subjekt": "b"}}, "did you mean subject"),
        ({"deal_id": "first", "note": "a"}, "deal_id must be a whole number"),
        ({"deal_id": 1, "activity": "call"}, "activity must be a dict, not 'call'"),
    ],
)
def test_a_wrong_notifier_is_found_when_the_dag_is_parsed(arguments: dict[str, Any], advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        PipedriveNotifier(**arguments)


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="Airflow 2 awaits no notifiers")
def test_a_deadline_alert_awaits_it_and_learns_of_errors(sandbox: Sandbox) -> None:
    run: Any = {"dag_run": {"dag_id": "nightly", "run_id": "manual"}}

    async def alert(**arguments: Any) -> None:
        await PipedriveNotifier(context=run, **arguments)

    asyncio.run(alert(deal_id=1, note="{{ dag_run.dag_id }} is late"))
    assert notes(sandbox, deal_id=1)[-1] == "nightly is late"
    with pytest.raises(PipedriveValidationError):
        asyncio.run(alert(deal_id=99999, note="late"))


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="Airflow 2 has no deadline alerts")
def test_a_deadline_alert_of_a_dag_can_be_stored_with_it() -> None:
    deadline = pytest.importorskip("airflow.sdk.definitions.deadline", reason="this Airflow has no deadline alerts")
    callback = deadline.AsyncCallback(PipedriveNotifier, kwargs={"deal_id": 1, "note": "late"})
    assert callback.path == "airflow_provider_pipedrive.notifications.pipedrive.PipedriveNotifier"
    json.dumps(callback.kwargs)

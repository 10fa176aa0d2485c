"""Which of an asset's events are believed: those of a connection of the asset's company."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_mock import MockerFixture

pytest.importorskip("airflow.triggers.shared_stream", reason="Airflow keeps states of assets since 3.3")

from airflow_provider_pipedrive.errors import PipedriveConnectionError
from airflow_provider_pipedrive.events.changes.batch import Batch, ChangeWindow
from airflow_provider_pipedrive.events.changes.watch import Position, change_watch
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN
from tests.support.stored_events import DEALS, Run, as_json, by_rest, changed, polled
from tests.support.supervisor import NOON, Supervisor


def connection_to(sandbox: Sandbox, **parts: Any) -> str:
    return json.dumps({"conn_type": "pipedrive", "host": sandbox.url, "extra": {"api_token": API_TOKEN}, **parts})


def test_an_event_that_names_another_companys_connection_is_set_aside_and_reads_nothing(
    sandbox: Sandbox, airflow: Supervisor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", connection_to(sandbox))
    monkeypatch.setenv("AIRFLOW_CONN_UMBRELLA", connection_to(sandbox, host="umbrella.pipedrive.com"))
    window = ChangeWindow(change_watch("deals"), Position.start(NOON), NOON + timedelta(seconds=5)).to_json()
    airflow.add_event(DEALS, by_rest("other", window=window), 10)
    airflow.add_event(DEALS, by_rest("umbrella", changes=[as_json(7)]), 11)
    airflow.add_event(DEALS, by_rest("not_there", changes=[as_json(8)]), 12)
    airflow.add_event(DEALS, polled(changed(1)), 13)
    run = Run("run 1")
    assert run.reads() == [1]
    reasons = [one["reason"] for one in run.context["ti"].pushed["set_aside"]]
    assert [reason.split(",")[0] for reason in reasons] == [
        "it names the connection 'other'",
        "it names the connection 'umbrella'",
        "it names the connection 'not_there'",
    ]
    assert "which belongs to 'umbrella', not to 'acme'" in reasons[1]
    assert [request.path for request in sandbox.requests] == []


def test_another_connection_of_the_same_company_is_believed(airflow: Supervisor, monkeypatch: pytest.MonkeyPatch):
    """Webhooks come by one connection, the watcher reads with another."""
    acme = {"conn_type": "pipedrive", "host": "acme.pipedrive.com", "extra": {"api_token": API_TOKEN}}
    monkeypatch.setenv("AIRFLOW_CONN_HOOKS", json.dumps(acme))
    airflow.add_event(DEALS, Batch("hooks", (changed(1),)).to_json(), 10)
    assert Run("run 1").reads(pipedrive_conn_id="pipedrive_default") == [1]


def test_a_connection_on_pipedrives_shared_host_is_asked_whose_it_is(
    sandbox: Sandbox, airflow: Supervisor, mocker: MockerFixture
):
    """A passing fault is no answer: the run fails, keeps its claim, and reads its changes when it is repeated."""
    me = {"id": 7, "company_id": 9, "company_domain": "acme"}
    answers: list[Any] = [PipedriveConnectionError("reset", retryable=True), me]

    class Client:
        settings = SimpleNamespace(origin=None)

        def run(self, action: str) -> Any:
            found = answers.pop(0)
            if isinstance(found, Exception):
                raise found
            return found

    mocker.patch.object(PipedriveHook, "client", Client())
    airflow.add_event(DEALS, Batch("hooks", (changed(1),)).to_json(), 10)
    run = Run("run 1")
    with pytest.raises(PipedriveConnectionError):
        run.reads()
    assert run.reads() == [1]

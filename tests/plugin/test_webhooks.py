"""What becomes of Pipedrive's deliveries."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS
from pytest_mock import MockerFixture
from sqlalchemy.exc import OperationalError

from airflow_provider_pipedrive.events.changes.batch import Batch
from airflow_provider_pipedrive.plugin import asset_events, event_writer, webhooks
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.web_app import change
from tests.support.webhook_receiver import (
    ACME,
    AUTH,
    DEALS,
    PATH,
    WEBHOOK,
    Receiver,
    add_asset,
    delivery,
    listening,
    stored_changes,
    stored_events,
)


def test_a_delivery_becomes_an_asset_event_that_carries_its_change(receiver: Receiver) -> None:
    answer = receiver.post(delivery())
    assert (answer.status_code, answer.json()) == (200, {"stored": True})
    (event,) = stored_events()
    batch = Batch.from_extra(event.extra)
    assert batch is not None
    (change,) = batch.changes
    assert (batch.connection, event.partition_key if AIRFLOW_V_3_2_PLUS else None) == ("crm", None)
    assert (change.entity, change.id, change.source) == ("deals", 17, "webhook")
    assert change.kinds == ("changed", "stage_moved", "field_changed")
    assert (change.values["stage_id"], change.previous) == (3, {"stage_id": 2})
    assert (change.update_time, change.received) == ("2026-11-02T08:15:30Z", "2026-11-02T08:15:30.120Z")


def test_a_delivery_with_a_text_that_nothing_can_hold_is_stored_without_it(receiver: Receiver) -> None:
    sent = json.dumps(delivery()).replace("Roof", r"Ro\ud83d of")
    assert receiver.post(content=sent.encode()).status_code == 200
    [change] = stored_changes()
    assert change["values"]["title"] == "Ro\N{REPLACEMENT CHARACTER} of"


def test_deliveries_that_come_together_share_one_event(receiver: Receiver) -> None:
    with listening(receiver.app) as address, ThreadPoolExecutor(20) as senders:
        answers = list(senders.map(lambda deal: _send(address, delivery(deal=deal)), range(1, 41)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(change["id"] for change in stored_changes()) == list(range(1, 41))
    assert len(stored_events()) < 20


def test_a_repeated_delivery_has_the_same_event_id(receiver: Receiver) -> None:
    """So whoever reads the changes has it once."""
    receiver.post(delivery())
    receiver.post(delivery(attempt=2))
    first, second = stored_changes()
    assert first == second


def test_two_edits_in_one_second_are_two_changes(receiver: Receiver) -> None:
    receiver.post(delivery(id="5ad2a0d2-1111-4f6e-8a53-000000000001"))
    receiver.post(delivery(id="5ad2a0d2-1111-4f6e-8a53-000000000002"))
    first, second = stored_changes()
    assert first["event_id"] != second["event_id"]


def test_an_older_delivery_may_come_later(receiver: Receiver) -> None:
    """Both are stored, and the time of each is Pipedrive's."""
    receiver.post(delivery(timestamp="2026-11-02T08:15:31.000Z", id="b"))
    receiver.post(delivery(timestamp="2026-11-02T08:15:30.000Z", id="a"))
    assert [change["received"] for change in stored_changes()] == [
        "2026-11-02T08:15:31.000Z",
        "2026-11-02T08:15:30.000Z",
    ]


def test_a_payload_of_version_1_is_refused_and_told_why(receiver: Receiver) -> None:
    answer = receiver.post({"v": 1, "event": "updated.deal", "meta": {"action": "updated", "object": "deal", "id": 1}})
    assert answer.status_code == 422
    assert "webhooks ensure" in answer.json()["error"]
    assert stored_events() == []


@pytest.mark.parametrize(
    "document",
    [{}, [], "text", 1, None, {"meta": None}, {"meta": {"entity": "deal"}}, delivery() | {"meta": {"entity": "deal"}}],
)
def test_what_is_no_delivery_is_refused(document: Any, receiver: Receiver) -> None:
    assert receiver.post(content=_json(document)).status_code == 422
    assert stored_events() == []


def test_an_object_that_is_not_known_here_is_taken_and_let_go(receiver: Receiver) -> None:
    """Refusals count towards a ban, which would hold up all other deliveries too."""
    answer = receiver.post(delivery(entity="call"))
    assert (answer.status_code, answer.json()) == (200, {"stored": False})


def test_an_asset_that_no_dag_names_is_taken_and_let_go(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    assert receiver.post(delivery(entity="person")).status_code == 200
    assert stored_events() == []
    assert "no DAG has the asset pipedrive://acme/persons" in caplog.text


@pytest.mark.skipif(not AIRFLOW_V_3_2_PLUS, reason="partition keys came with Airflow 3.2")
def test_each_change_has_its_own_event_and_key_where_a_dag_names_that_asset(receiver: Receiver) -> None:
    add_asset(f"{DEALS}/each")
    for _ in range(2):  # the second time they are repetitions
        for deal in (1, 2):
            receiver.post(delivery(deal=deal))
    events = stored_events(f"{DEALS}/each")
    assert [event.partition_key for event in events] == [
        change["event_id"] for event in events for change in event.extra["pipedrive"]["changes"]
    ]
    assert len(events) == 2


def test_more_than_an_event_may_carry_goes_into_several(receiver: Receiver, mocker: MockerFixture) -> None:
    from airflow_provider_pipedrive.events.changes import batch

    mocker.patch.object(batch, "MOST_CHANGES", 3)
    with listening(receiver.app) as address, ThreadPoolExecutor(8) as senders:
        list(senders.map(lambda deal: _send(address, delivery(deal=deal)), range(8)))
    assert sorted(change["id"] for change in stored_changes()) == list(range(8))
    assert all(len(event.extra["pipedrive"]["changes"]) <= 3 for event in stored_events())


def test_a_database_that_is_locked_for_a_moment_is_asked_again(receiver: Receiver, mocker: MockerFixture) -> None:
    real, failures = asset_events._store, [OperationalError("insert", {}, Exception("database is locked"))]

    def store(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        real(*arguments)

    mocker.patch.object(asset_events, "_store", store)
    assert receiver.post(delivery()).status_code == 200
    assert len(stored_events()) == 1


def test_what_cannot_be_stored_in_time_is_answered_503(receiver: Receiver, mocker: MockerFixture) -> None:
    def store(*_: Any) -> None:
        raise OperationalError("insert", {}, Exception("database is locked"))

    mocker.patch.object(asset_events, "_store", store)
    mocker.patch.object(webhooks, "ANSWER_SECONDS", 0.5)
    answer = receiver.post(delivery())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")


def test_one_delivery_that_the_database_refuses_does_not_hold_up_the_others(
    receiver: Receiver, mocker: MockerFixture
) -> None:
    real = asset_events._store

    def store(session: Any, uri: str, conn_id: str, changes: Any) -> None:
        if any(change.id == 13 for change in changes):
            raise ValueError("refused")
        real(session, uri, conn_id, changes)

    mocker.patch.object(asset_events, "_store", store)
    with listening(receiver.app) as address, ThreadPoolExecutor(4) as senders:
        answers = list(senders.map(lambda deal: _send(address, delivery(deal=deal)), range(12, 16)))
    assert [answer.status_code for answer in answers] == [200, 503, 200, 200]
    assert sorted(change["id"] for change in stored_changes()) == [12, 14, 15]


def test_more_than_can_wait_is_answered_503_at_once(receiver: Receiver, mocker: MockerFixture) -> None:
    mocker.patch.object(event_writer, "MOST_WAITING", 0)
    assert receiver.post(delivery()).status_code == 503


def test_the_sandboxs_deliveries_arrive(receiver: Receiver, pipedrive: Sandbox, monkeypatch: Any) -> None:
    add_asset("pipedrive://127.0.0.1/deals")
    change("crm", oauth_status={})  # the connection's host alone says whose deliveries are meant
    deal = next(iter(pipedrive.records("deals")))
    with listening(receiver.app) as address:
        requests.post(
            f"{pipedrive.url}/v1/webhooks",
            json={
                "subscription_url": f"http://{address}{PATH}",
                "event_object": "deal",
                "event_action": "*",
                "name": "Airflow: deal *",
                "http_auth_user": WEBHOOK["webhook_user"],
                "http_auth_password": WEBHOOK["webhook_password"],
            },
            headers={"x-api-token": pipedrive.api_token},
            timeout=10,
        ).raise_for_status()
        pipedrive.update("deals", deal, title="Moved")
        pipedrive.delete("deals", deal)
        pipedrive.settle()
    told = {kind: item for item in stored_changes("pipedrive://127.0.0.1/deals") for kind in item["kinds"]}
    assert told["changed"]["values"]["title"] == "Moved"
    assert told["deleted"]["id"] == deal


def test_another_password_counts_when_the_connections_are_read_again(receiver: Receiver) -> None:
    assert receiver.post(delivery()).status_code == 200
    change("crm", webhook_password="AnotherPasswordOfTheTests01")
    webhooks.endpoints.forget()
    assert receiver.post(delivery()).status_code == 401


def test_a_connection_in_a_secrets_backend_is_found_if_the_configuration_names_it(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "AnotherPartOfTheAddress0123456"
    extra = WEBHOOK | {"oauth_status": ACME, "webhook_url": f"https://airflow.example.com/pipedrive/webhook/{secret}"}
    file = tmp_path / "connections.json"
    file.write_text(json.dumps({"vaulted": {"conn_type": "pipedrive", "extra": extra}}))
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": str(file)}))
    assert receiver.post(delivery(), f"/pipedrive/webhook/{secret}").status_code == 404
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__WEBHOOK_CONNECTIONS", "missing, vaulted")
    webhooks.endpoints.forget()
    assert receiver.post(delivery(), f"/pipedrive/webhook/{secret}").status_code == 200
    (event,) = stored_events()
    assert event.extra["pipedrive"]["connection"] == "vaulted"


def _send(address: str, document: Any) -> requests.Response:
    return requests.post(f"http://{address}{PATH}", json=document, headers=AUTH, timeout=30)


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()

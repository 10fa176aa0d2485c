"""What becomes of Pipedrive's deliveries."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS

from airflow_provider_pipedrive.events.changes.batch import Batch
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.web_app import change
from tests.support.webhook_receiver import (
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


@pytest.mark.parametrize(
    ("sent", "stored"),
    [(r"Ro\ud83d of", "Ro\N{REPLACEMENT CHARACTER} of"), (r"Ro\u0000of", "Roof")],
    ids=["half a character", "a zero byte"],
)
def test_a_delivery_with_a_text_that_nothing_can_hold_is_stored_without_it(
    sent: str, stored: str, receiver: Receiver
) -> None:
    body = json.dumps(delivery()).replace("Roof", sent)
    assert receiver.post(content=body.encode()).status_code == 200
    [change] = stored_changes()
    assert change["values"]["title"] == stored


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


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()

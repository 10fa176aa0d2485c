"""Deliveries: when one is sent, when it is tried again, and when it is given up."""

from __future__ import annotations

import base64

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api
from tests.support.webhook_subscriber import PATIENCE, Receiver, settled, subscribe


def test_only_what_was_asked_for_is_sent(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(api, receiver, "create", "organization")
    api.patch("/api/v2/organizations/1", {"name": "Changed"})
    api.post("/api/v2/persons", {"name": "New"})
    api.post("/api/v2/organizations", {"name": "New"})
    assert receiver.next()["data"]["name"] == "New"
    assert receiver.deliveries.empty()


def test_basic_auth_goes_with_the_delivery(api: Api, receiver: Receiver) -> None:
    subscribe(api, receiver, http_auth_user="me", http_auth_password="secret")
    api.post("/api/v2/deals", {"title": "New"})
    headers, _ = receiver.deliveries.get(timeout=PATIENCE)
    assert headers["authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()


def test_a_failed_delivery_is_tried_again_after_3_30_and_150_seconds(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    subscribe(api, receiver)
    for _ in range(4):
        receiver.statuses.put(500)
    api.post("/api/v2/deals", {"title": "New"})
    attempts = [receiver.next()]
    for number, seconds in enumerate((3, 30, 150), 1):
        settled(api, sandbox, failed=number, waiting=1)
        sandbox.advance(seconds / 2)
        settled(api, sandbox, failed=number, waiting=1)
        sandbox.advance(seconds / 2)
        sandbox.settle()
        attempts.append(receiver.deliveries.get_nowait()[1])
    row = settled(api, sandbox, failed=4, waiting=0)
    assert [event["meta"]["attempt"] for event in attempts] == [1, 2, 3, 4]
    assert len({event["meta"]["id"] for event in attempts}) == 1
    assert row["last_http_status"] == 500


def test_ten_failed_first_attempts_ban_the_address_for_half_an_hour(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    subscribe(api, receiver)
    for number in range(1, 11):
        receiver.statuses.put(500)
        api.post("/api/v2/deals", {"title": f"New {number}"})
        receiver.next()
        settled(api, sandbox, failed=number)
    api.post("/api/v2/deals", {"title": "Lost"})
    sandbox.advance(1801)
    api.post("/api/v2/deals", {"title": "After the ban"})
    titles = {receiver.next()["data"]["title"] for _ in range(11)}
    assert "After the ban" in titles
    assert "Lost" not in titles


def test_a_ban_is_of_the_address_and_counts_what_is_lost(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    """A webhook of another kind that leads there is told nothing either."""
    subscribe(api, receiver, entity="deal")
    subscribe(api, receiver, entity="person")
    for number in range(1, 11):
        receiver.statuses.put(500)
        api.post("/api/v2/deals", {"title": f"New {number}"})
        receiver.next()
        settled(api, sandbox, failed=number)
    api.post("/api/v2/persons", {"name": "Lost"})
    settled(api, sandbox, lost=1, delivered=0)


def test_a_delivery_can_come_twice(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(api, receiver)
    sandbox.repeat_deliveries(1)
    for title in ("Twice", "Once"):
        api.post("/api/v2/deals", {"title": title})
        sandbox.settle(PATIENCE)
    told = [receiver.next() for _ in range(3)]
    assert [event["data"]["title"] for event in told] == ["Twice", "Twice", "Once"]
    assert told[0] == told[1]
    assert receiver.deliveries.empty()


def test_three_days_without_success_delete_the_webhook(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(api, receiver)
    receiver.statuses.put(500)
    api.post("/api/v2/deals", {"title": "New"})
    settled(api, sandbox, failed=1)
    receiver.statuses.put(500)
    sandbox.advance(3 * 86_400)
    settled(api, sandbox, failed=2)
    assert api.data("/v1/webhooks") == []


def test_a_public_address_is_taken_but_never_called(api: Api, sandbox: Sandbox) -> None:
    body = {"subscription_url": "https://example.com/x", "event_action": "*", "event_object": "*", "name": "Test"}
    api.post("/v1/webhooks", body)
    api.post("/api/v2/deals", {"title": "New"})
    row = settled(api, sandbox, waiting=0)
    assert row["last_delivery_time"] is None


@pytest.mark.parametrize("title", ["half \ud83d pair", "zero\x00byte"])
def test_odd_texts_are_delivered_as_escapes(title: str, api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(api, receiver)
    sandbox.update("deals", 1, title=title)
    assert receiver.next()["data"]["title"] == title
    settled(api, sandbox, delivered=1)
    assert api.data("/api/v2/deals/1")["title"] == title
    assert title in [deal["title"] for deal in api.data("/api/v2/deals", limit=500)]

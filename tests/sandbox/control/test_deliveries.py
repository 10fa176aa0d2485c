"""Webhooks: what is sent, when it is tried again, and when it is given up."""

from __future__ import annotations

import base64
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.sandbox.conftest import Api

PATIENCE = 10


class Receiver:
    """A subscriber on loopback: what it was sent, and the statuses it answers with (200 when none is left)."""

    def __init__(self) -> None:
        self.deliveries: queue.Queue[tuple[dict[str, str], dict[str, Any]]] = queue.Queue()
        self.statuses: queue.Queue[int] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                receiver.deliveries.put(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(200 if receiver.statuses.empty() else receiver.statuses.get())
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?secret=1"

    def next(self) -> dict[str, Any]:
        return self.deliveries.get(timeout=PATIENCE)[1]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


def subscribe(api: Api, receiver: Receiver, action: str = "*", entity: str = "deal", **more: Any) -> int:
    body = {"subscription_url": receiver.url, "event_action": action, "event_object": entity, "name": "Test", **more}
    answer = api.post("/v1/webhooks", body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["data"]["id"])


def settled(api: Api, sandbox: Sandbox, **expected: int) -> dict[str, Any]:
    """The webhook's row, once all deliveries that are due were judged."""
    sandbox.settle(PATIENCE)
    counted = sandbox.counters()["webhooks"]
    assert {name: counted[name] for name in expected} == expected
    return next(iter(api.data("/v1/webhooks")), {})


def test_a_change_tells_the_whole_object_and_the_old_values_of_what_changed(
    api: Api, sandbox: Sandbox, receiver: Receiver, deal: dict[str, Any]
) -> None:
    hook = subscribe(api, receiver, "change")
    stage = next(key for key in sandbox.records("stages") if key != deal["stage_id"])
    sandbox.move_deal(deal["id"], stage)
    event = receiver.next()
    assert event["meta"]["action"] == "change"
    assert (event["meta"]["entity"], event["meta"]["entity_id"]) == ("deal", str(deal["id"]))
    assert (event["meta"]["webhook_id"], event["meta"]["attempt"]) == (str(hook), 1)
    assert (event["meta"]["version"], event["meta"]["company_id"]) == ("2.0", "1")
    assert event["data"]["stage_id"] == stage
    assert event["meta"]["change_source"] == "app"
    assert event["previous"]["stage_id"] == deal["stage_id"]
    assert "title" not in event["previous"]
    row = settled(api, sandbox, delivered=1)
    assert row["last_http_status"] == 200


def test_a_creation_has_no_previous_and_a_deletion_no_data(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(api, receiver, entity="person")
    key = api.post("/api/v2/persons", {"name": "New"}).json()["data"]["id"]
    created = receiver.next()
    assert (created["meta"]["action"], created["previous"], created["data"]["name"]) == ("create", None, "New")
    api.delete(f"/api/v2/persons/{key}")
    deleted = receiver.next()
    assert (deleted["meta"]["action"], deleted["data"], deleted["previous"]["name"]) == ("delete", None, "New")
    assert created["meta"]["id"] != deleted["meta"]["id"]


def test_only_what_was_asked_for_is_sent(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(api, receiver, "create", "organization")
    api.patch("/api/v2/organizations/1", {"name": "Changed"})
    api.post("/api/v2/persons", {"name": "New"})
    api.post("/api/v2/organizations", {"name": "New"})
    assert receiver.next()["data"]["name"] == "New"
    assert receiver.deliveries.empty()


def test_custom_fields_have_their_typed_shape(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    field = next(
        f for f in sandbox.records("dealFields").values() if f["is_custom_field"] and f["field_type"] == "enum"
    )
    option = field["options"][0]["id"]
    subscribe(api, receiver, "create")
    api.post("/api/v2/deals", {"title": "New", "custom_fields": {field["field_code"]: option}})
    assert receiver.next()["data"]["custom_fields"] == {field["field_code"]: {"id": option, "type": "enum"}}


def test_a_merge_tells_where_the_loser_went(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(api, receiver, entity="organization")
    api.put("/v1/organizations/1/merge", {"merge_with_id": 2})
    events = {event["meta"]["action"]: event["meta"] for event in (receiver.next(), receiver.next())}
    assert (events["delete"]["entity_id"], events["delete"]["merged_to_id"]) == ("1", "2")
    assert (events["change"]["entity_id"], events["change"]["merged_from_id"]) == ("2", "1")


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


def test_version_1_has_the_old_document(api: Api, sandbox: Sandbox, receiver: Receiver, deal: dict[str, Any]) -> None:
    subscribe(api, receiver, version="1.0")
    api.patch(f"/api/v2/deals/{deal['id']}", {"title": "Changed"})
    event = receiver.next()
    assert (event["v"], event["event"], event["retry"]) == (1, "updated.deal", 0)
    assert (event["current"]["title"], event["previous"]["title"]) == ("Changed", deal["title"])
    assert (event["meta"]["action"], event["meta"]["id"]) == ("updated", deal["id"])


@pytest.mark.parametrize("url", ["http://example.com/hook", "ftp://example.com", "https://api.pipedrive.com/v1", "x"])
def test_an_address_that_pipedrive_would_not_take_is_refused(url: str, api: Api) -> None:
    body = {"subscription_url": url, "event_action": "*", "event_object": "*", "name": "Test"}
    assert api.post("/v1/webhooks", body).status_code == 400


def test_a_public_address_is_taken_but_never_called(api: Api, sandbox: Sandbox) -> None:
    body = {"subscription_url": "https://example.com/x", "event_action": "*", "event_object": "*", "name": "Test"}
    api.post("/v1/webhooks", body)
    api.post("/api/v2/deals", {"title": "New"})
    row = settled(api, sandbox, waiting=0)
    assert row["last_delivery_time"] is None


def test_the_forty_first_webhook_is_422(api: Api) -> None:
    body = {"subscription_url": "https://example.com/x", "event_action": "*", "event_object": "*", "name": "Test"}
    assert {api.post("/v1/webhooks", body).status_code for _ in range(40)} == {201}
    assert api.post("/v1/webhooks", body).status_code == 422


def test_an_app_sees_its_own_webhooks_only(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(api, receiver)
    headers = {"x-api-token": None, "authorization": f"Bearer {sandbox.access_token()}"}
    assert api("GET", "/v1/webhooks", headers=headers).json()["data"] == []
    assert len(api.data("/v1/webhooks")) == 1

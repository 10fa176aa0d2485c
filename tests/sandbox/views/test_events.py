"""What a webhook's delivery says."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api
from tests.support.webhook_subscriber import Receiver, settled, subscribe


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


def test_version_1_has_the_old_document(api: Api, sandbox: Sandbox, receiver: Receiver, deal: dict[str, Any]) -> None:
    subscribe(api, receiver, version="1.0")
    api.patch(f"/api/v2/deals/{deal['id']}", {"title": "Changed"})
    event = receiver.next()
    assert (event["v"], event["event"], event["retry"]) == (1, "updated.deal", 0)
    assert (event["current"]["title"], event["previous"]["title"]) == ("Changed", deal["title"])
    assert (event["meta"]["action"], event["meta"]["id"]) == ("updated", deal["id"])

"""What a webhook's delivery is about, and the change that it reports."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.model import Change, Origin
from airflow_provider_pipedrive.events.webhooks import ENTITY_OF, WebhookEvent, change_of, parse_webhook

FIELD = "a" * 40


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        (
            {"meta": {"action": "create", "entity": "deal", "entity_id": "17"}, "data": {"id": 17}, "previous": None},
            WebhookEvent("v2", "deal", "create", "17"),
        ),
        (
            {"meta": {"action": "delete", "entity": "lead"}, "data": None, "previous": {"id": "0b1b1e40"}},
            WebhookEvent("v2", "lead", "delete", "0b1b1e40"),
        ),
        (
            {"v": 1, "meta": {"action": "updated", "object": "deal", "id": 17}, "current": {"id": 17}},
            WebhookEvent("v1", "deal", "change", "17"),
        ),
        (
            {"meta": {"action": "added", "object": "person"}, "current": {"id": 5}, "previous": None},
            WebhookEvent("v1", "person", "create", "5"),
        ),
        (
            {"meta": {"action": "deleted", "object": "person"}, "current": None, "previous": {"id": 5}},
            WebhookEvent("v1", "person", "delete", "5"),
        ),
        ({"meta": {"action": "merged", "object": "deal", "id": 0}}, WebhookEvent("v1", "deal", "change", "0")),
    ],
)
def test_both_versions_of_payloads_are_read_into_the_same_words(payload: dict[str, Any], event: WebhookEvent) -> None:
    assert parse_webhook(payload) == event


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        "text",
        None,
        {"meta": "text"},
        {"meta": {"action": "create", "entity": "deal"}},
        {"meta": {"action": "create", "entity": "", "entity_id": "5"}},
        {"meta": {"entity": "deal", "entity_id": "5"}},
        {"meta": {"action": ["create"], "entity": "deal", "entity_id": "5"}},
    ],
)
def test_anything_else_is_refused(payload: Any) -> None:
    with pytest.raises(PipedriveParameterError, match=r"^The payload (has no meta object|does not say)"):
        parse_webhook(payload)


# ---- as a change


def change_from(action: str, data: Any, previous: Any, **meta: Any) -> Change:
    given = {
        "action": action,
        "entity": "deal",
        "entity_id": "17",
        "id": "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        "timestamp": "2026-11-02T08:15:31.120Z",
        "version": "2.0",
        **meta,
    }
    change = change_of(parse_webhook({"meta": given, "data": data, "previous": previous}))
    assert change is not None
    return change


def test_a_creation_has_the_time_of_its_creation_where_it_was_never_edited() -> None:
    created = {"id": 17, "title": "Roof", "add_time": "2026-11-02T08:15:30Z", "update_time": None}
    change = change_from("create", created, None)
    assert (change.kinds, change.update_time, change.previous) == (("created",), "2026-11-02T08:15:30Z", {})
    assert change.values == {"title": "Roof"}


def test_a_creation_that_was_edited_at_once_has_both_times() -> None:
    created = {"id": 17, "title": "Roof", "add_time": "2026-11-02T08:15:30Z", "update_time": "2026-11-02T08:15:31Z"}
    change = change_from("create", created, None)
    assert (change.update_time, change.earlier) == ("2026-11-02T08:15:31Z", ("2026-11-02T08:15:30Z",))


def test_an_edit_brings_new_and_old_values_of_what_has_changed() -> None:
    change = change_from(
        "change",
        {"id": 17, "stage_id": 3, "label_ids": [2], "update_time": "2026-11-02T08:15:30Z"},
        {"stage_id": 2, "label_ids": []},
    )
    assert change.kinds == ("changed", "stage_moved", "field_changed")
    assert change.values == {"stage_id": 3, "label_ids": [2]}
    assert change.previous == {"stage_id": 2, "label_ids": []}


def test_a_deletion_has_the_webhooks_time_and_the_last_values() -> None:
    change = change_from(
        "delete", None, {"id": 17, "title": "Roof", "update_time": "2026-01-01T00:00:00Z"}, merged_to_id="9"
    )
    assert (change.kinds, change.update_time) == (("deleted",), "2026-11-02T08:15:31Z")
    assert change.values == {"title": "Roof", "merged_to_id": "9"}


@pytest.mark.parametrize(
    ("shown", "value"),
    [
        ({"id": 5, "type": "enum"}, 5),
        ({"values": [{"id": 5}, {"id": 6}], "type": "set"}, [5, 6]),
        ({"value": "text", "type": "varchar"}, "text"),
        ({"value": 1.5, "currency": "EUR", "type": "monetary"}, {"value": 1.5, "currency": "EUR"}),
        (
            {"from": "2026-01-01", "until": "2026-02-01", "type": "daterange"},
            {"value": "2026-01-01", "until": "2026-02-01"},
        ),
        (None, None),
    ],
)
def test_custom_fields_look_as_the_api_shows_them(shown: Any, value: Any) -> None:
    data = {"id": 17, "update_time": "2026-11-02T08:15:30Z", "custom_fields": {FIELD: shown}}
    change = change_from("change", data, {"custom_fields": {FIELD: shown}})
    assert change.values == {FIELD: value}
    assert change.previous == {FIELD: value}


def test_a_long_value_does_not_travel() -> None:
    data = {"id": 17, "content": "x" * 100_000, "update_time": "2026-11-02T08:15:30Z"}
    change = change_from("change", data, {"content": "y" * 100_000}, entity="note")
    assert change.values == change.previous == {"content": "(long: read the record)"}


def test_a_leads_id_is_a_text() -> None:
    key = "adf21080-0e10-11eb-879b-05d71fb426ec"
    change = change_from("create", {"id": key, "add_time": "2026-11-02T08:15:30Z"}, None, entity="lead", entity_id=key)
    assert (change.entity, change.id) == ("leads", key)


def test_every_object_of_webhooks_is_an_entity_of_this_package() -> None:
    assert set(ENTITY_OF.values()) <= set(ENTITIES)


@pytest.mark.parametrize("entity_id", ["", "1" * 41, "1\n2", "../1", "1;2"])
def test_an_id_that_is_none_is_refused(entity_id: str) -> None:
    with pytest.raises(PipedriveParameterError):
        change_from("change", {"update_time": "2026-11-02T08:15:30Z"}, {}, entity_id=entity_id)


def test_a_payload_of_version_1_is_told_apart() -> None:
    old = parse_webhook({"v": 1, "event": "updated.deal", "meta": {"action": "updated", "object": "deal", "id": 17}})
    with pytest.raises(PipedriveParameterError, match="webhooks ensure"):
        change_of(old)


@pytest.mark.parametrize(
    ("meta", "origin"),
    [
        ({"user_id": "5", "change_source": "api"}, Origin(5, "api")),
        ({"user_id": "5", "change_source": "app"}, Origin(5, "app")),
        ({"user_id": "5"}, None),
        ({"user_id": None, "change_source": "api"}, None),
        ({"user_id": "9" * 5000, "change_source": "api"}, None),
    ],
)
def test_a_delivery_says_who_made_the_change_and_through_what(meta: dict[str, Any], origin: Origin | None) -> None:
    change = change_from("create", {"id": 17, "add_time": "2026-11-02T08:15:30Z"}, None, **meta)
    assert change.origin == origin
    assert Change.from_json(json.loads(json.dumps(change.to_json()))) == change

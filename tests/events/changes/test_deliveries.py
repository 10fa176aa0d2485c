"""A webhook's delivery as a change."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.deliveries import ENTITY_OF, OldPayloadError, change_of
from airflow_provider_pipedrive.events.changes.model import Change

FIELD = "a" * 40


def told(action: str, data: Any, previous: Any, **meta: Any) -> Change:
    given = {
        "action": action,
        "entity": "deal",
        "entity_id": "17",
        "id": "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        "timestamp": "2026-11-02T08:15:31.120Z",
        "version": "2.0",
        **meta,
    }
    change = change_of({"meta": given, "data": data, "previous": previous})
    assert change is not None
    return change


def test_a_creation_has_the_time_of_its_creation_where_it_was_never_edited() -> None:
    change = told("create", {"id": 17, "title": "Roof", "add_time": "2026-11-02T08:15:30Z", "update_time": None}, None)
    assert (change.kinds, change.update_time, change.previous) == (("created",), "2026-11-02T08:15:30Z", {})
    assert change.values == {"title": "Roof"}


def test_an_edit_brings_new_and_old_values_of_what_has_changed() -> None:
    change = told(
        "change",
        {"id": 17, "stage_id": 3, "label_ids": [2], "update_time": "2026-11-02T08:15:30Z"},
        {"stage_id": 2, "label_ids": []},
    )
    assert change.kinds == ("changed", "stage_moved", "field_changed")
    assert change.values == {"stage_id": 3, "label_ids": [2]}
    assert change.previous == {"stage_id": 2, "label_ids": []}


def test_a_deletion_has_the_webhooks_time_and_the_last_values() -> None:
    change = told("delete", None, {"id": 17, "title": "Roof", "update_time": "2026-01-01T00:00:00Z"}, merged_to_id="9")
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
    change = told("change", data, {"custom_fields": {FIELD: shown}})
    assert change.values == {FIELD: value}
    assert change.previous == {FIELD: value}


def test_a_long_value_does_not_travel() -> None:
    data = {"id": 17, "content": "x" * 100_000, "update_time": "2026-11-02T08:15:30Z"}
    change = told("change", data, {"content": "y" * 100_000}, entity="note")
    assert change.values == change.previous == {"content": "(long: read the record)"}


def test_a_leads_id_is_a_text() -> None:
    key = "adf21080-0e10-11eb-879b-05d71fb426ec"
    change = told("create", {"id": key, "add_time": "2026-11-02T08:15:30Z"}, None, entity="lead", entity_id=key)
    assert (change.entity, change.id) == ("leads", key)


def test_every_object_of_webhooks_is_an_entity_of_this_package() -> None:
    assert set(ENTITY_OF.values()) <= set(ENTITIES)


@pytest.mark.parametrize("entity_id", ["", "1" * 41, "1\n2", "../1", "1;2"])
def test_an_id_that_is_none_is_refused(entity_id: str) -> None:
    with pytest.raises(PipedriveParameterError):
        told("change", {"update_time": "2026-11-02T08:15:30Z"}, {}, entity_id=entity_id)


def test_a_payload_of_version_1_is_told_apart() -> None:
    with pytest.raises(OldPayloadError, match="webhooks ensure"):
        change_of({"v": 1, "event": "updated.deal", "meta": {"action": "updated", "object": "deal", "id": 17}})

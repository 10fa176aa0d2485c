"""What a webhook's delivery is about."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.webhooks import WebhookEvent, parse_webhook


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

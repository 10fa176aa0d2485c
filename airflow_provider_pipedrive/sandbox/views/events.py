"""What a webhook's delivery says.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow_provider_pipedrive.sandbox.state.store import Event, Record, State
from airflow_provider_pipedrive.sandbox.views.custom_fields import FIELD_TABLES, definitions
from airflow_provider_pipedrive.sandbox.views.v1 import V1_VIEWS, V1View
from airflow_provider_pipedrive.sandbox.views.v2 import stored_view

ENTITY_OF = {
    "activities": "activity",
    "deals": "deal",
    "leads": "lead",
    "notes": "note",
    "organizations": "organization",
    "persons": "person",
    "pipelines": "pipeline",
    "products": "product",
    "stages": "stage",
    "users": "user",
    "projects": "project",
    "tasks": "task",
    "boards": "board",
    "phases": "phase",
    "dealProducts": "deal_product",
    "installments": "deal_installment",
}
_V1_ACTIONS = {"create": "added", "change": "updated", "delete": "deleted"}


def payload(state: State, event: Event, webhook: Record, moment: datetime, host: str, event_id: str) -> Record:
    """The document of one delivery, in the version that the subscriber chose."""
    if str(webhook.get("version") or "2.0").startswith("1"):
        return _payload_v1(state, event, webhook, moment, host)
    record = event.after or event.before or {}
    meta: Record = {
        "action": event.action,
        "entity": ENTITY_OF[event.table],
        "entity_id": str(record["id"]),
        "company_id": str(state.company_id),
        "user_id": str(event.user_id),
        "id": event_id,
        "correlation_id": event.correlation_id or event_id,
        "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
        "type": webhook["type"],
        "version": "2.0",
        "webhook_id": str(webhook["id"]),
        "webhook_owner_id": str(webhook["owner_id"]),
        "change_source": event.source,
        "is_bulk_edit": False,
        "attempt": 1,
        "host": host,
    }
    if event.table != "users":
        meta["permitted_user_ids"] = [str(user["id"]) for user in state["users"]]
    if event.merged_to is not None:
        meta["merged_to_id"] = str(event.merged_to)
    if event.merged_from is not None:
        meta["merged_from_id"] = str(event.merged_from)
    after = _typed(state, event.table, event.after)
    before = _typed(state, event.table, event.before)
    if event.action == "change":
        before = _changed(before or {}, after or {})
    return {"meta": meta, "data": after, "previous": before}


def _changed(before: Record, after: Record) -> Record:
    """The old values of what changed; of custom fields only the changed keys."""
    changed = {name: value for name, value in before.items() if after.get(name) != value}
    changed.update({name: None for name in after if name not in before})
    custom = changed.get("custom_fields", changed)
    if custom is not changed:
        new = after.get("custom_fields") or {}
        old = custom or {}
        keys = [*old, *(key for key in new if key not in old)]
        changed["custom_fields"] = {key: old.get(key) for key in keys if old.get(key) != new.get(key)}
    return changed


def _typed(state: State, table: str, record: Record | None) -> Record | None:
    """A record whose custom fields have the webhooks' typed shape."""
    if record is None:
        return None
    shown = stored_view(table, record)
    if table in FIELD_TABLES and table != "leads" and record.get("custom_fields"):
        known = definitions(state, table)
        shown["custom_fields"] = {
            key: _typed_value(known.get(key, {}).get("field_type", "varchar"), value)
            for key, value in record["custom_fields"].items()
        }
    return shown


def _typed_value(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "enum":
        return {"id": value, "type": kind}
    if kind == "set":
        return {"values": [{"id": item} for item in value], "type": kind}
    if kind in ("daterange", "timerange"):
        return {"from": value.get("value"), "until": value.get("until"), "type": kind}
    if isinstance(value, dict):
        return {**value, "type": kind}
    return {"value": value, "type": kind}


def _as_v2(table: str) -> V1View:
    return lambda _, record: stored_view(table, record)


def _payload_v1(state: State, event: Event, webhook: Record, moment: datetime, host: str) -> Record:
    view = V1_VIEWS.get(event.table) or _as_v2(event.table)
    record = event.after or event.before or {}
    entity = ENTITY_OF[event.table]
    action = "merged" if event.merged_from is not None else _V1_ACTIONS[event.action]
    return {
        "v": 1,
        "matches_filters": {"current": [], "previous": []},
        "meta": {
            "v": 1,
            "action": action,
            "object": entity,
            "id": record["id"],
            "company_id": state.company_id,
            "user_id": event.user_id,
            "host": host,
            "timestamp": int(moment.timestamp()),
            "timestamp_micro": int(moment.timestamp() * 1_000_000),
            "permitted_user_ids": [user["id"] for user in state["users"]],
            "trans_pending": False,
            "is_bulk_update": False,
            "webhook_id": str(webhook["id"]),
        },
        "current": view(state, event.after) if event.after else None,
        "previous": view(state, event.before) if event.before else None,
        "event": f"{action}.{entity}",
        "retry": 0,
    }

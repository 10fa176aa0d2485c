"""The seeded company as the state's tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow_provider_pipedrive.sandbox.seed import build
from airflow_provider_pipedrive.sandbox.state.creation import BLANK
from airflow_provider_pipedrive.sandbox.state.rules import CONTACT_SYNC, product_sum
from airflow_provider_pipedrive.sandbox.state.settings import Settings
from airflow_provider_pipedrive.sandbox.state.shapes import data_of
from airflow_provider_pipedrive.sandbox.state.store import Id, Record

OWN_TABLES = (
    "changes",
    "comments",
    "conversions",
    "discounts",
    "files",
    "followerChanges",
    "images",
    "installments",
    "participantChanges",
    "pictures",
    "projectGroups",
    "projectPlan",
    "providerLinks",
    "recordings",
    "variations",
    "webhooks",
)
"""Tables that may begin empty."""


def seeded(settings: Settings, now: datetime) -> dict[str, dict[Id, Record]]:
    """All tables, each record with its ``id`` and all its fields, rows of deals' products with their sum."""
    tables: dict[str, dict[Id, Record]] = build(settings.seed, settings.deals, now, settings.custom_fields)
    for name, records in tables.items():
        blank = BLANK.get(name) or _blank_by_model(name)
        tables[name] = {key: _whole(key, record, blank) for key, record in records.items()}
    for name in _IN_V1_SHAPE:
        tables[name] = {key: _with_v2_times(record) for key, record in tables[name].items()}
    tables["projects"] = {key: _with_archive_flag(row) for key, row in tables["projects"].items()}
    tables["followers"] = {key: _follower(row) for key, row in tables["followers"].items()}
    products = tables["products"]
    tables["dealProducts"] = {key: _deal_product(row, products) for key, row in tables["dealProducts"].items()}
    if not settings.contact_sync:
        tables["persons"] = {key: _without_contact_sync(person) for key, person in tables["persons"].items()}
    for name in OWN_TABLES:
        tables.setdefault(name, {})
    tables["changes"] = {key: _change(row) for key, row in tables.pop("dealChanges", {}).items()}
    return tables


_MODELS = {
    "filters": "/v1/filters/{id}",
    "mailThreads": "/v1/mailbox/mailThreads/{id}",
    "mailMessages": "/v1/mailbox/mailMessages/{id}",
    "notes": "/v1/notes/{id}",
}


def _blank_by_model(table: str) -> Record:
    """Every field of Pipedrive's model, empty; flags are 0."""
    if table not in _MODELS:
        return {}
    _, fields = data_of("GET", _MODELS[table])
    return {name: 0 if name.endswith("_flag") and kind == "number" else None for name, kind in fields.items()}


def _deal_product(row: Record, products: dict[Id, Record]) -> Record:
    name = (products.get(row["product_id"]) or {}).get("name")
    return {"name": name, "add_time": None, "update_time": None, **row, "sum": product_sum(row)}


_IN_V1_SHAPE = ("notes", "files", "leads", "leadLabels", "callLogs", "mailThreads", "mailMessages", "filters")
_ENTITIES = {
    "deal": "deals",
    "person": "persons",
    "organization": "organizations",
    "product": "products",
    "user": "users",
}


def _with_v2_times(record: Record) -> Record:
    """Times in the one format that the state keeps: ``2026-05-04T10:20:30Z``."""
    changed = {
        name: f"{value[:10]}T{value[11:19]}Z"
        for name, value in record.items()
        if name.endswith(("_time", "_timestamp")) and isinstance(value, str) and len(value) != 20
    }
    return {**record, **changed} if changed else record


def _with_archive_flag(project: Record) -> Record:
    return {**project, "is_archived": bool(project.get("is_archived") or project.get("archive_time"))}


def _follower(row: Record) -> Record:
    """The entity of a follower is a table's name."""
    return {**row, "entity": _ENTITIES.get(row["entity"], row["entity"])}


def _without_contact_sync(person: Record) -> Record:
    if CONTACT_SYNC.isdisjoint(person):
        return person
    return {name: value for name, value in person.items() if name not in CONTACT_SYNC}


def _whole(key: Id, record: Record, blank: Record) -> Record:
    if record.get("id") == key and blank.keys() <= record.keys():
        return record
    return {"id": key, **blank, **record}


def _change(row: dict[str, Any]) -> Record:
    return {"change_source": "app", **row, "of": ("deals", row["deal_id"])}

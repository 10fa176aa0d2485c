"""What each operation does. The modules register their functions; none of them keeps state."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.resources import (
    deal_parts,
    deals_v1,
    fields,
    files,
    followers,
    histories,
    leads,
    mail,
    notes,
    old_v1,
    people,
    products,
    projects,
    records,
    search,
    settings,
    storage,
    webhooks,
)
from airflow_provider_pipedrive.sandbox.resources.registry import BY_SHAPE, HANDLERS

__all__ = [
    "BY_SHAPE",
    "HANDLERS",
    "deal_parts",
    "deals_v1",
    "fields",
    "files",
    "followers",
    "histories",
    "leads",
    "mail",
    "notes",
    "old_v1",
    "people",
    "products",
    "projects",
    "records",
    "search",
    "settings",
    "storage",
    "webhooks",
]

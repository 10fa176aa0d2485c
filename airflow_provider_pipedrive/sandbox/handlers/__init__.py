"""What each operation does. The modules register their functions; none of them keeps state."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.handlers import (
    core,
    deal_parts,
    deals_v1,
    fields,
    files,
    followers,
    histories,
    hooks,
    leads,
    mail,
    notes,
    old_v1,
    people,
    products,
    projects,
    search,
    settings,
    storage,
)
from airflow_provider_pipedrive.sandbox.handlers.registry import BY_SHAPE, HANDLERS

__all__ = [
    "BY_SHAPE",
    "HANDLERS",
    "core",
    "deal_parts",
    "deals_v1",
    "fields",
    "files",
    "followers",
    "histories",
    "hooks",
    "leads",
    "mail",
    "notes",
    "old_v1",
    "people",
    "products",
    "projects",
    "search",
    "settings",
    "storage",
]

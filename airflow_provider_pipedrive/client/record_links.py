"""The pages of records in Pipedrive's web app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_pipedrive.client.hosts import SHARED_ORIGIN

PAGES: Mapping[str, str] = {
    "deals": "deal",
    "persons": "person",
    "organizations": "organization",
    "leads": "leads/inbox",
}
"""The path of an entity's page in the web app, before the record's id."""


def record_url(entity: str, identity: Any, origin: str) -> str | None:
    """The address of a record's page; None where it has none.

    :param origin: the connection's own origin; the shared one has no pages, only the company's own host has
    """
    if origin == SHARED_ORIGIN or identity is None or entity not in PAGES:
        return None
    return f"{origin}/{PAGES[entity]}/{identity}"

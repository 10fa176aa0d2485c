"""Reads of v1 that are out of support since 2026-08-01 and "may remain functional".

Clients in production still send them. Nobody has said whether they are answered, so a setting decides; writes and the
rest of :data:`~airflow_provider_pipedrive.sandbox.server.routes.OUT_OF_SUPPORT` are always refused.

https://developers.pipedrive.com/changelog/post/deprecated-apiv1-endpoints-become-out-of-support
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_provider_pipedrive.catalog.model import OFFSET, Action, Parameter, path, query


@dataclass(frozen=True, slots=True)
class OldList:
    """A list of v1: its records' table, and the field by which it belongs to the record of its path, if it does."""

    table: str
    owner: str | None = None
    link: str | None = None


_SCOPES = {
    "activities": "activities",
    "deals": "deals",
    "dealProducts": "products",
    "organizations": "contacts",
    "persons": "contacts",
    "pipelines": "deals",
    "products": "products",
    "stages": "deals",
}
_LISTS = {
    "/v1/activities": OldList("activities"),
    "/v1/deals": OldList("deals"),
    "/v1/deals/{id}/activities": OldList("activities", "deals", "deal_id"),
    "/v1/deals/{id}/persons": OldList("persons", "deals"),
    "/v1/deals/{id}/products": OldList("dealProducts", "deals", "deal_id"),
    "/v1/organizations": OldList("organizations"),
    "/v1/organizations/{id}/activities": OldList("activities", "organizations", "org_id"),
    "/v1/organizations/{id}/deals": OldList("deals", "organizations", "org_id"),
    "/v1/organizations/{id}/persons": OldList("persons", "organizations", "org_id"),
    "/v1/persons": OldList("persons"),
    "/v1/persons/{id}/activities": OldList("activities", "persons", "person_id"),
    "/v1/persons/{id}/deals": OldList("deals", "persons", "person_id"),
    "/v1/pipelines": OldList("pipelines"),
    "/v1/products": OldList("products"),
    "/v1/stages": OldList("stages"),
}
_RECORDS = {f"/v1/{table}/{{id}}": table for table in _SCOPES if table != "dealProducts"}
_FILTERS = ("user_id", "filter_id", "stage_id", "pipeline_id", "org_id")


def _read(where: str, table: str, *parameters: Parameter, **more: Any) -> Action:
    scope = _SCOPES[table]
    return Action(
        key=f"GET {where}",
        summary="A v1 read out of support",
        method="GET",
        path=where,
        scopes=(f"{scope}:read", f"{scope}:full"),
        parameters=parameters,
        idempotent=True,
        **more,
    )


def _list(where: str, listing: OldList) -> Action:
    return _read(
        where,
        listing.table,
        *((path("id"),) if listing.owner else ()),
        query("start", "integer"),
        query("limit", "integer", maximum=OFFSET.max_limit),
        query("sort", "string"),
        *(query(name, "integer") for name in _FILTERS),
        query("status", "string", enum=("open", "won", "lost", "deleted", "all_not_deleted")),
        query("done", "flag"),
        token_cost=20,
        result="records",
        paging=OFFSET,
    )


def _record(where: str, table: str) -> Action:
    return _read(where, table, path("id"), token_cost=2, result="record")


OLD_LISTS = {f"GET {where}": listing for where, listing in _LISTS.items()}
"""What each list holds, by the key of its action."""
OLD_RECORDS = {f"GET {where}": table for where, table in _RECORDS.items()}
"""Whose record each detail gives, by the key of its action."""
OLD_READS = {
    **{where: _list(where, listing) for where, listing in _LISTS.items()},
    **{where: _record(where, table) for where, table in _RECORDS.items()},
}
"""The actions by their path."""

"""Reads of v1 that are out of support, where the settings let them be answered."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources import filtering
from airflow_provider_pipedrive.sandbox.resources.deals_v1 import list_deals, related_to
from airflow_provider_pipedrive.sandbox.resources.records import find
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.server.old_reads import OLD_LISTS, OLD_RECORDS
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import by_sort_text, offset_response
from airflow_provider_pipedrive.sandbox.views.v1 import V1_VIEWS

_SORTS = ("id", "name", "title", "subject", "due_date", "order_nr", "add_time", "update_time")
_THINGS = {"activities": "Activity", "deals": "Deal", "organizations": "Organization", "persons": "Person"}


@handles(*OLD_LISTS)
def get_list(world: World, request: Request) -> Response:
    """A page of records; of activities the caller's own, unless ``user_id`` says otherwise."""
    assert request.action is not None
    listing = OLD_LISTS[request.action.key]
    owner = find(world.state, listing.owner, request.id, _THINGS[listing.owner]) if listing.owner else None
    if listing.table == "deals" and owner is None:
        return list_deals(world, request)
    rows = [row for row in _rows(world, request, listing.table, owner, listing.link) if _wanted(request, row)]
    rows = by_sort_text(rows, request.args.get("sort"), _SORTS)
    related = (lambda page: related_to(world.state, page)) if listing.table == "deals" else None
    return offset_response(request, rows, lambda row: _shown(world, listing.table, row), related)


def _rows(world: World, request: Request, table: str, owner: Record | None, link: str | None) -> list[Record]:
    if owner is None:
        rows = [row for row in world.state[table] if filtering.living(row)]
        own = table == "activities" and "user_id" not in request.args
        return [row for row in rows if row["owner_id"] == request.user_id] if own else rows
    if link is None:  # the persons of a deal: its contact and those who take part
        keys = {
            owner["person_id"],
            *(row["person_id"] for row in world.state["participants"].where("deal_id", owner["id"])),
        }
        return [row for key in sorted(keys - {None}) if (row := world.state.get(table, key)) and filtering.living(row)]
    return [row for row in world.state[table].where(link, owner["id"]) if filtering.living(row)]


def _wanted(request: Request, row: Record) -> bool:
    args = request.args
    owner = args.get("user_id") or None  # 0 is everybody
    status = args.get("status")
    return (
        (owner is None or row.get("owner_id", owner) == owner)
        and ("done" not in args or bool(row.get("done")) == args["done"])
        and (status in (None, "all_not_deleted") or row.get("status", status) == status)
        and all(name not in args or row.get(name) == args[name] for name in ("stage_id", "pipeline_id", "org_id"))
    )


def _shown(world: World, table: str, row: Record) -> Any:
    if table != "dealProducts":
        return V1_VIEWS[table](world.state, row)
    times = {name: to_v1(row.get(name)) for name in ("add_time", "update_time")}
    return {**row, **times, "active_flag": True, "enabled_flag": row.get("is_enabled", True)}


@handles(*OLD_RECORDS)
def get_record(world: World, request: Request) -> Response:
    """One record."""
    assert request.action is not None
    table = OLD_RECORDS[request.action.key]
    return ok(_shown(world, table, find(world.state, table, request.id, _THINGS.get(table, "Item"))))

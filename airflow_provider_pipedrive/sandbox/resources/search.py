"""The search operations."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views import searching
from airflow_provider_pipedrive.sandbox.views.paging import position_response
from airflow_provider_pipedrive.sandbox.views.v2 import optional_value

_KIND_OF = {
    "searchDeals": "deal",
    "searchPersons": "person",
    "searchOrganization": "organization",
    "searchProducts": "product",
    "searchProjects": "project",
    "searchLeads": "lead",
    "searchLeadsV1": "lead",
}
_RELATED = {"deal": ("person", "organization"), "person": ("organization",), "lead": ("person", "organization")}


def _validate_term(request: Request, exact: bool) -> str:
    assert request.action is not None
    term = str(request.args["term"]).strip()
    if len(term) < (1 if exact else 2):
        reason = "'term' must have at least 2 characters, or 1 with exact_match"
        raise refusals.invalid("term", reason) if request.action.version == "v2" else refusals.bad_request(reason)
    return term


def _hits(world: World, request: Request, kinds: list[str]) -> list[Record]:
    exact = bool(request.args.get("exact_match"))
    term = _validate_term(request, exact)
    hits = [
        hit for kind in kinds for hit in searching.search(world.state, kind, term, exact, request.args.get("fields"))
    ]
    hits = [hit for hit in hits if _is_wanted(request, hit["item"])]
    for hit in hits:
        _add_fields(world, hit["item"], request.args.get("include_fields") or [])
    return sorted(hits, key=lambda hit: -hit["result_score"])


def _is_wanted(request: Request, item: Record) -> bool:
    for name, part in (("person_id", "person"), ("organization_id", "organization")):
        if name in request.args and (item.get(part) or {}).get("id") != request.args[name]:
            return False
    return "status" not in request.args or item.get("status") == request.args["status"]


def _add_fields(world: World, item: Record, include: list[str]) -> None:
    record = world.state.get(searching.TABLES[item["type"]], item["id"]) or {}
    for name in include:
        kind, _, field = name.partition(".")
        if kind != item["type"]:
            continue
        if field == "cc_email":
            item[field] = optional_value(world.state, "deals", record, "smart_bcc_email")
        elif field == "price":
            item["prices"] = record.get("prices") or []
        else:
            item[field] = record.get("picture_id" if field == "picture" else field)


@handles(*_KIND_OF)
def search_kind(world: World, request: Request) -> Response:
    """Search one kind of records."""
    assert request.action is not None
    hits = _hits(world, request, [_KIND_OF[request.action.key]])
    if request.action.version == "v2":
        return _wrapped(request, hits)
    start, limit = max(0, request.args.get("start", 0)), request.args.get("limit", 100)
    paging = {"start": start, "limit": limit, "more_items_in_collection": start + limit < len(hits)}
    if paging["more_items_in_collection"]:
        paging["next_start"] = start + limit
    return ok({"items": hits[start : start + limit]}, additional_data={"pagination": paging})


@handles("searchItem")
def search_items(world: World, request: Request) -> Response:
    """Search several kinds of records."""
    hits = _hits(world, request, request.args.get("item_types") or list(searching.TABLES))
    response = _wrapped(request, hits)
    if request.args.get("search_for_related_items"):
        response.document["data"]["related_items"] = _related(world, response.document["data"]["items"])
    return response


def _related(world: World, hits: list[Record]) -> list[Record]:
    known = {(hit["item"]["type"], hit["item"]["id"]) for hit in hits}
    found: dict[tuple[str, object], Record] = {}
    for hit in hits:
        for kind in _RELATED.get(hit["item"]["type"], ()):
            key = (hit["item"].get(kind) or {}).get("id")
            record = world.state.get(searching.TABLES[kind], key)
            if record and (kind, key) not in known:
                found[kind, key] = {"result_score": 0, "item": searching.item(world.state, kind, record, {})}
    return list(found.values())


@handles("searchItemByField")
def search_by_field(world: World, request: Request) -> Response:
    """Search one field of one kind of records. Case matters; the hits are ``data`` itself."""
    match = request.args.get("match", "exact")
    term = _validate_term(request, match == "exact")
    args = (world.state, request.args["entity_type"], request.args["field"], term, match)
    return position_response(request, searching.search_field(*args))


def _wrapped(request: Request, hits: list[Record]) -> Response:
    response = position_response(request, hits)
    response.document["data"] = {"items": response.document["data"]}
    return response

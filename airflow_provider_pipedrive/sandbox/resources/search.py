"""The search operations."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.resources.registry import answers
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call, ok
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views import searching
from airflow_provider_pipedrive.sandbox.views.paging import position_answer
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


def _prove_term(call: Call, exact: bool) -> str:
    assert call.action is not None
    term = str(call.args["term"]).strip()
    if len(term) < (1 if exact else 2):
        reason = "'term' must have at least 2 characters, or 1 with exact_match"
        raise refusals.invalid("term", reason) if call.action.version == "v2" else refusals.bad_request(reason)
    return term


def _hits(box: Box, call: Call, kinds: list[str]) -> list[Record]:
    exact = bool(call.args.get("exact_match"))
    term = _prove_term(call, exact)
    hits = [hit for kind in kinds for hit in searching.search(box.state, kind, term, exact, call.args.get("fields"))]
    hits = [hit for hit in hits if _is_wanted(call, hit["item"])]
    for hit in hits:
        _add_fields(box, hit["item"], call.args.get("include_fields") or [])
    return sorted(hits, key=lambda hit: -hit["result_score"])


def _is_wanted(call: Call, item: Record) -> bool:
    for name, part in (("person_id", "person"), ("organization_id", "organization")):
        if name in call.args and (item.get(part) or {}).get("id") != call.args[name]:
            return False
    return "status" not in call.args or item.get("status") == call.args["status"]


def _add_fields(box: Box, item: Record, include: list[str]) -> None:
    record = box.state.get(searching.TABLES[item["type"]], item["id"]) or {}
    for name in include:
        kind, _, field = name.partition(".")
        if kind != item["type"]:
            continue
        if field == "cc_email":
            item[field] = optional_value(box.state, "deals", record, "smart_bcc_email")
        elif field == "price":
            item["prices"] = record.get("prices") or []
        else:
            item[field] = record.get("picture_id" if field == "picture" else field)


@answers(*_KIND_OF)
def search_kind(box: Box, call: Call) -> Answer:
    """Search one kind of records."""
    assert call.action is not None
    hits = _hits(box, call, [_KIND_OF[call.action.key]])
    if call.action.version == "v2":
        return _wrapped(call, hits)
    start, limit = max(0, call.args.get("start", 0)), call.args.get("limit", 100)
    paging = {"start": start, "limit": limit, "more_items_in_collection": start + limit < len(hits)}
    if paging["more_items_in_collection"]:
        paging["next_start"] = start + limit
    return ok({"items": hits[start : start + limit]}, additional_data={"pagination": paging})


@answers("searchItem")
def search_items(box: Box, call: Call) -> Answer:
    """Search several kinds of records."""
    hits = _hits(box, call, call.args.get("item_types") or list(searching.TABLES))
    answer = _wrapped(call, hits)
    if call.args.get("search_for_related_items"):
        answer.document["data"]["related_items"] = _related(box, answer.document["data"]["items"])
    return answer


def _related(box: Box, hits: list[Record]) -> list[Record]:
    known = {(hit["item"]["type"], hit["item"]["id"]) for hit in hits}
    found: dict[tuple[str, object], Record] = {}
    for hit in hits:
        for kind in _RELATED.get(hit["item"]["type"], ()):
            key = (hit["item"].get(kind) or {}).get("id")
            record = box.state.get(searching.TABLES[kind], key)
            if record and (kind, key) not in known:
                found[kind, key] = {"result_score": 0, "item": searching.item(box.state, kind, record, {})}
    return list(found.values())


@answers("searchItemByField")
def search_by_field(box: Box, call: Call) -> Answer:
    """Search one field of one kind of records. Case matters; the hits are ``data`` itself."""
    match = call.args.get("match", "exact")
    term = _prove_term(call, match == "exact")
    args = (box.state, call.args["entity_type"], call.args["field"], term, match)
    return position_answer(call, searching.search_field(*args))


def _wrapped(call: Call, hits: list[Record]) -> Answer:
    answer = position_answer(call, hits)
    answer.document["data"] = {"items": answer.document["data"]}
    return answer

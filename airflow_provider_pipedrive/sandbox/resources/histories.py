"""Change logs, timelines of single records, merges, conversions, those who may see a record, recents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.files import file_view
from airflow_provider_pipedrive.sandbox.resources.leads import find_lead
from airflow_provider_pipedrive.sandbox.resources.mail import message_view
from airflow_provider_pipedrive.sandbox.resources.notes import note_view
from airflow_provider_pipedrive.sandbox.resources.records import find, find_living
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.server.validation import CUSTOM_KEY
from airflow_provider_pipedrive.sandbox.state import creation, rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1, to_v2
from airflow_provider_pipedrive.sandbox.state.store import Actor, Id, Record, State
from airflow_provider_pipedrive.sandbox.views import custom_fields
from airflow_provider_pipedrive.sandbox.views.paging import offset_response, position_response
from airflow_provider_pipedrive.sandbox.views.v1 import (
    V1_VIEWS,
    activity,
    deal,
    deal_card,
    organization,
    organization_card,
    person,
    person_card,
    product,
    user_card,
)

_KINDS = {
    "Deal": ("deals", "deal_id"),
    "Person": ("persons", "person_id"),
    "Organization": ("organizations", "org_id"),
    "Product": ("products", "product_id"),
    "Project": ("projects", "project_id"),
}


def _kind(request: Request) -> tuple[str, str, str]:
    assert request.action is not None
    thing = next(thing for thing in _KINDS if thing in request.action.key)
    return (*_KINDS[thing], thing)


def _owner(world: World, request: Request) -> Record:
    table, _, thing = _kind(request)
    return find(world.state, table, request.id, thing)


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else str(value)


def _changes(world: World, table: str, key: Id) -> list[Record]:
    """Field changes of a record, the newest first."""
    rows = world.state["changes"].where("of", (table, key))
    return sorted(rows, key=lambda row: (row["time"], row["id"]), reverse=True)


@handles("getDealChangelog", "getPersonChangelog", "getOrganizationChangelog")
def get_changelog(world: World, request: Request) -> Response:
    """Field by field, the newest first."""
    rows = _changes(world, _kind(request)[0], _owner(world, request)["id"])
    shown = [
        {
            "field_key": row["field_key"],
            "old_value": _text(row["old_value"]),
            "new_value": _text(row["new_value"]),
            "actor_user_id": row["actor_user_id"],
            "time": to_v1(row["time"]),
            "change_source": row.get("change_source"),
            "change_source_user_agent": None,
            "is_bulk_update_flag": False,
        }
        for row in rows
    ]
    return position_response(request, shown)


@handles("getProjectChangelog")
def get_project_changelog(world: World, request: Request) -> Response:
    """A project's changes in v2's shape, the newest first."""
    rows = _changes(world, "projects", _owner(world, request)["id"])
    shown = [
        {
            "change_source": row.get("change_source"),
            "change_source_user_agent": None,
            "time": row["time"],
            "new_values": {row["field_key"]: row["new_value"]},
            "old_values": {row["field_key"]: row["old_value"]},
            "actor_user_id": row["actor_user_id"],
        }
        for row in rows
    ]
    return position_response(request, shown)


@handles("getDealUpdates", "getPersonUpdates", "getOrganizationUpdates")
def get_flow(world: World, request: Request) -> Response:
    """What happened around a record, the newest first: changes, activities, notes, files, mail."""
    table, link, thing = _kind(request)
    key = _owner(world, request)["id"]
    state = world.state
    rows: list[tuple[str, str, Record]] = [
        (f"{thing[0].lower()}{thing[1:]}Change", row["time"], _flow_change(row)) for row in _changes(world, table, key)
    ]
    rows += [("activity", r["add_time"], activity(state, r)) for r in state["activities"].where(link, key)]
    rows += [("note", r["add_time"], note_view(state, r)) for r in state["notes"].where(link, key)]
    rows += [("file", r["add_time"], file_view(world, r)) for r in state["files"].where(link, key)]
    rows += [("mailMessage", r["add_time"], message_view(r, False)) for r in state["mailMessages"].where(link, key)]
    wanted = set(request.args.get("items") or ())
    rows = sorted((row for row in rows if not wanted or row[0] in wanted), key=lambda row: row[1], reverse=True)
    shown = [{"object": name, "timestamp": to_v1(when), "data": data} for name, when, data in rows]
    return offset_response(request, shown, related=lambda page: _related_to_flow(world, table, key, page))


def _related_to_flow(world: World, table: str, key: Id, page: list[Record]) -> Record:
    """The objects that a page of a timeline names, by their ids."""
    state, record = world.state, world.state[table].records[key]
    linked = [record, *(row["data"] for row in page)]
    found = {
        "user": _cards(state, linked, ("user_id", "owner_id"), lambda state, key: user_card(state, key, "")),
        "organization": _cards(state, linked, ("org_id",), organization_card),
    }
    if table == "organizations":
        found["organization"][str(key)] = organization_card(state, key)
        return found
    found["person"] = _cards(state, linked, ("person_id",), person_card)
    found["deal"] = _cards(state, linked, ("deal_id",), deal_card)
    if table == "persons":
        found["person"][str(key)] = person_card(state, key)
    else:
        found["deal"][str(key)] = deal_card(state, key)
    return found


def _cards(state: State, rows: list[Record], names: tuple[str, ...], card: Callable[[State, Any], Any]) -> Record:
    keys = {row[name] for row in rows for name in names if isinstance(row.get(name), int)}
    return {str(key): found for key in sorted(keys) if (found := card(state, key))}


def _flow_change(row: Record) -> Record:
    return {
        "id": row["id"],
        "item_id": row["of"][1],
        "user_id": row["actor_user_id"],
        "field_key": row["field_key"],
        "old_value": _text(row["old_value"]),
        "new_value": _text(row["new_value"]),
        "is_bulk_update_flag": None,
        "log_time": to_v1(row["time"]),
        "change_source": row.get("change_source"),
        "additional_data": {},
    }


@handles("getDealMailMessages", "getPersonMailMessages", "getOrganizationMailMessages")
def get_mail_messages(world: World, request: Request) -> Response:
    """The mail around a record."""
    link = _kind(request)[1]
    rows = world.state["mailMessages"].where(link, _owner(world, request)["id"])
    rows = sorted(rows, key=lambda row: row["add_time"], reverse=True)
    with_body = bool(request.args.get("include_body"))

    def view(row: Record) -> Record:
        return {"object": "mailMessage", "timestamp": to_v1(row["add_time"]), "data": message_view(row, with_body)}

    return offset_response(request, rows, view)


@handles("getDealUsers", "getPersonUsers", "getOrganizationUsers", "getProductUsers", "getProjectUsers")
def get_permitted_users(world: World, request: Request) -> Response:
    """Ids of those who see a record: its owner, and everybody where ``visible_to`` is the company."""
    owner = _owner(world, request)
    active = [user["id"] for user in world.state["users"] if user.get("active_flag", True)]
    own = owner.get("visible_to") == 1
    return ok([key for key in active if not own or key in (owner["owner_id"], world.owner_id)])


# Merges


@handles("mergeDeals", "mergePersons", "mergeOrganizations")
def merge(world: World, request: Request) -> Response:
    """One record becomes part of another. A repeat gives 404: the first is gone."""
    table, _, thing = _kind(request)
    loser = find_living(world.state, table, request.id, thing)
    actor = world.actor(request.user_id, request.correlation_id)
    winner = rules.merge(world.state, table, loser["id"], request.body["merge_with_id"], actor)
    if table == "organizations":
        return ok({"id": winner["id"]})
    if table == "persons":
        return ok({**person(world.state, winner), "merge_what_id": loser["id"]})
    return ok({**deal(world.state, winner, embedded=False), "merge_what_id": loser["id"]})


# Conversions


def _start(world: World, source: str, key: Id, fields: Record) -> Response:
    job: Record = {
        "id": world.state.new_uuid(),
        "source": source,
        "source_id": key,
        "fields": fields,
        "reads": 0,
        "status": "not_started",
        "add_time": world.clock.stamp(),
        "result_id": None,
    }
    world.state["conversions"].put(job["id"], job)
    return ok({"conversion_id": job["id"]}, additional_data=None)


def _may_convert(world: World, source: str, key: Id) -> None:
    if any(
        j["source"] == source and j["status"] != "failed" for j in world.state["conversions"].where("source_id", key)
    ):
        raise refusals.refuse(409, "A conversion of this item has been started already")


@handles("convertLeadToDeal")
def convert_lead(world: World, request: Request) -> Response:
    """Begin to turn a lead into a deal."""
    lead = find_lead(world.state, request.id)
    rules.validate_links(world.state, request.body)
    _may_convert(world, "leads", lead["id"])
    return _start(world, "leads", lead["id"], {**request.body, "user_id": request.user_id})


@handles("convertDealToLead")
def convert_deal(world: World, request: Request) -> Response:
    """Begin to turn a deal into a lead."""
    found = find_living(world.state, "deals", request.id, "Deal")
    if found["person_id"] is None and found["org_id"] is None:
        raise refusals.refuse(400, "A deal without a person and an organization cannot become a lead")
    _may_convert(world, "deals", found["id"])
    return _start(world, "deals", found["id"], {"user_id": request.user_id})


_JOB_KEPT = timedelta(days=7)


@handles("getLeadConversionStatus", "getDealConversionStatus")
def get_conversion(world: World, request: Request) -> Response:
    """How far a conversion is: each reading brings it forward, until it is completed."""
    assert request.action is not None
    source = "leads" if request.action.key == "getLeadConversionStatus" else "deals"
    job = world.state.get("conversions", request.ids["conversion_id"])
    if job is None or job["source"] != source or str(job["source_id"]) != str(request.id):
        raise refusals.not_found("Conversion")
    if job["add_time"] < to_v2(world.clock.now() - _JOB_KEPT):
        raise refusals.not_found("Conversion")
    if job["status"] not in ("completed", "failed"):
        reads = job["reads"] + 1
        status = "completed" if reads > world.settings.conversion_reads else "running"
        changes: Record = {"reads": reads, "status": status if reads > 1 else "not_started"}
        if changes["status"] == "completed":
            changes["result_id"] = _convert(world, job)
        job = world.state.replace("conversions", job["id"], changes)
    document = {"conversion_id": job["id"], "status": job["status"]}
    if job["status"] == "completed":
        document["deal_id" if source == "leads" else "lead_id"] = job["result_id"]
    return ok(document, additional_data=None)


def _convert(world: World, job: Record) -> Id:
    """Make the new record and take the old one away."""
    actor = world.actor(job["fields"]["user_id"], job["id"])
    if job["source"] == "leads":
        return _deal_of(world.state, world.state["leads"].records[job["source_id"]], job["fields"], actor)
    return _lead_of(world.state, world.state["deals"].records[job["source_id"]], actor)


def _deal_of(state: State, lead: Record, given: Record, actor: Actor) -> Id:
    """A lead's deal: its notes, files and activities move with it."""
    value = lead.get("value") or {}
    fields = {
        "title": lead["title"],
        "owner_id": lead["owner_id"],
        "person_id": lead["person_id"],
        "org_id": lead["organization_id"],
        "value": value.get("amount"),
        "currency": value.get("currency"),
        "expected_close_date": lead.get("expected_close_date"),
        "custom_fields": custom_fields.from_flat(state, "leads", _custom_of(lead)) or None,
        "source_lead_id": lead["id"],
        **{name: given[name] for name in ("stage_id", "pipeline_id") if given.get(name) is not None},
    }
    made = state.insert("deals", creation.new_record(state, "deals", fields, actor.user_id), actor)
    for table in ("notes", "files", "activities"):
        for row in state[table].where("lead_id", lead["id"]):
            state.replace(table, row["id"], {"deal_id": made["id"]})
    state.remove("leads", lead["id"], actor)
    return made["id"]  # type: ignore[no-any-return]


def _lead_of(state: State, found: Record, actor: Actor) -> Id:
    """A deal's lead; the deal is marked deleted."""
    stamp = state.clock.stamp()
    lead = {
        "title": found["title"],
        "owner_id": found["owner_id"],
        "creator_id": actor.user_id,
        "label_ids": [],
        "value": {"amount": found["value"], "currency": found["currency"]},
        "expected_close_date": found["expected_close_date"],
        "person_id": found["person_id"],
        "organization_id": found["org_id"],
        "is_archived": False,
        "archive_time": None,
        "source_name": "Deal",
        "source_deal_id": found["id"],
        "origin": "API",
        "origin_id": None,
        "channel": None,
        "channel_id": None,
        "was_seen": False,
        "next_activity_id": None,
        "add_time": stamp,
        "update_time": stamp,
        "visible_to": str(found["visible_to"]),
        "cc_email": "sandbox+lead@pipedrivemail.com",
        **custom_fields.flat(state, "deals", found.get("custom_fields")),
    }
    made = state.insert("leads", lead, actor)
    rules.delete(state, "deals", found["id"], actor)
    return made["id"]  # type: ignore[no-any-return]


def _custom_of(lead: Record) -> Record:
    return {name: value for name, value in lead.items() if CUSTOM_KEY.match(name)}


# Recents

_RECENT = {
    "activity": "activities",
    "activityType": "activityTypes",
    "deal": "deals",
    "file": "files",
    "filter": "filters",
    "note": "notes",
    "person": "persons",
    "organization": "organizations",
    "pipeline": "pipelines",
    "product": "products",
    "stage": "stages",
    "user": "users",
}
_LONGEST = timedelta(days=31)


def _touched(record: Record) -> str:
    when = record.get("update_time") or record.get("add_time") or record.get("modified") or record.get("created") or ""
    return when[:19].replace("T", " ")


@handles("getRecents")
def get_recents(world: World, request: Request) -> Response:
    """What was changed since a moment, at most a month ago, the oldest first."""
    since = to_v1(request.args["since_timestamp"]) or ""
    too_old = request.args["since_timestamp"] < to_v2(world.clock.now() - _LONGEST)
    if too_old and world.settings.old_since_timestamp == "refuse":
        raise refusals.bad_request("since_timestamp must not be more than one month ago")
    wanted = request.args.get("items") or list(_RECENT)
    found: list[tuple[str, str, Id, Record | None]] = [
        (_touched(record), item, record["id"], record)
        for item in wanted
        for record in world.state[_RECENT[item]]
        if _touched(record) >= since
    ]
    items = {_RECENT[item]: item for item in wanted}
    found += [
        (to_v1(when) or "", items[table], key, None)
        for table, key, when in world.state.removed
        if table in items and (to_v1(when) or "") >= since
    ]
    found.sort(key=lambda row: (row[0], row[1], str(row[2])))
    start = max(0, request.args.get("start", 0))
    page = found[start : start + request.args.get("limit", 100)]
    last = page[-1][0] if page else since
    return offset_response(
        request, found, lambda row: _recent(world, *row), since_timestamp=since, last_timestamp_on_page=last
    )


def _recent(world: World, _: str, item: str, key: Id, record: Record | None) -> Record:
    """One element; what is gone for good has no ``data``."""
    return {"item": item, "id": key, "data": None if record is None else _recent_data(world, item, record)}


def _recent_data(world: World, item: str, record: Record) -> Any:
    if item == "file":
        return file_view(world, record)
    if item == "note":
        return note_view(world.state, record)
    if item == "user":
        return [V1_VIEWS["users"](world.state, record)]
    if item in _WITH_PLAIN_IDS:
        return _WITH_PLAIN_IDS[item](world.state, record, embedded=False)
    return V1_VIEWS[_RECENT[item]](world.state, record)


_WITH_PLAIN_IDS: dict[str, Any] = {"deal": deal, "person": person, "organization": organization, "product": product}

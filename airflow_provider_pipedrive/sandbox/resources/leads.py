"""Leads (v1 only), their labels and sources."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources import filtering
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.server.validation import CUSTOM_KEY
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_millis
from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views import custom_fields
from airflow_provider_pipedrive.sandbox.views.paging import by_sort_text, offset_response

_SORTS = (
    "id",
    "title",
    "owner_id",
    "creator_id",
    "was_seen",
    "expected_close_date",
    "next_activity_id",
    "add_time",
    "update_time",
)
_WRITABLE = frozenset(
    [
        "title",
        "owner_id",
        "label_ids",
        "person_id",
        "organization_id",
        "is_archived",
        "value",
        "expected_close_date",
        "visible_to",
        "was_seen",
        "origin_id",
        "channel",
        "channel_id",
    ]
)


def lead_view(record: Record) -> Record:
    """A lead as v1 shows it; custom fields that are not set are absent."""
    shown = {name: to_millis(value) if name.endswith("_time") else value for name, value in record.items()}
    return {name: value for name, value in shown.items() if value is not None or not CUSTOM_KEY.match(name)}


def find_lead(state: State, key: Any) -> Record:
    """A lead.

    :raises Refusal: 404
    """
    lead = state.get("leads", key)
    if lead is None:
        raise refusals.not_found("Lead")
    return lead


@handles("getLeads", "getArchivedLeads")
def get_leads(world: World, request: Request) -> Response:
    """Leads in the order of their creation, the archived ones apart."""
    assert request.action is not None
    archived = request.action.key == "getArchivedLeads"
    matches = filtering.predicate(
        world.state, "leads", request.args, lambda lead: bool(lead.get("is_archived")) == archived
    )
    rows = sorted((lead for lead in world.state["leads"] if matches(lead)), key=lambda lead: lead["add_time"])
    return offset_response(request, by_sort_text(rows, request.args.get("sort"), _SORTS), lead_view)


@handles("getLead")
def get_lead(world: World, request: Request) -> Response:
    """One lead."""
    return ok(lead_view(find_lead(world.state, request.id)))


def _checked(state: State, body: Record) -> Record:
    if "custom_fields" in body:
        raise refusals.bad_request("custom_fields is not allowed", "Custom fields are flat, next to the other fields.")
    plain, custom = custom_fields.split_flat(state, "leads", body)
    custom_fields.validate_flat(state, "leads", custom)
    fields = {name: value for name, value in plain.items() if name in _WRITABLE}
    value = fields.get("value")
    if value is not None and (value.get("amount") is None) != (value.get("currency") is None):
        raise refusals.bad_request("value needs both amount and currency")
    if value is not None and (isinstance(value["amount"], bool) or not isinstance(value["amount"], int | float)):
        raise refusals.bad_request("Bad request", "value.amount must be a number")
    for label in fields.get("label_ids") or ():
        if state.get("leadLabels", label) is None:
            raise refusals.bad_request(f"Lead label {label} does not exist")
    if fields.get("visible_to") is not None:
        fields["visible_to"] = str(fields["visible_to"])
    rules.validate_links(state, fields)
    rules.validate_values(state, "leads", fields)
    rules.validate_currency(state, (value or {}).get("currency"), "value")
    return {**fields, **custom}


@handles("addLead")
def add_lead(world: World, request: Request) -> Response:
    """A new lead."""
    fields = _checked(world.state, request.body)
    if fields.get("person_id") is None and fields.get("organization_id") is None:
        raise refusals.bad_request("A lead must be linked to a person or an organization.")
    stamp = world.clock.stamp()
    lead: Record = {
        "title": None,
        "owner_id": request.user_id,
        "creator_id": request.user_id,
        "label_ids": [],
        "value": None,
        "expected_close_date": None,
        "person_id": None,
        "organization_id": None,
        "is_archived": False,
        "archive_time": None,
        "source_name": "API",
        "source_deal_id": None,
        "origin": "API",
        "origin_id": None,
        "channel": None,
        "channel_id": None,
        "was_seen": False,
        "next_activity_id": None,
        "add_time": stamp,
        "update_time": stamp,
        "visible_to": "3",
        "cc_email": "sandbox+lead@pipedrivemail.com",
    }
    given = {name: value for name, value in fields.items() if value is not None}
    record = world.state.insert("leads", {**lead, **given}, world.actor(request.user_id, request.correlation_id))
    return ok(lead_view(record), 201)


@handles("updateLead")
def update_lead(world: World, request: Request) -> Response:
    """A changed lead."""
    lead = find_lead(world.state, request.id)
    if lead["is_archived"] and set(request.body) != {"is_archived"}:
        raise refusals.bad_request("An archived lead cannot be edited: set is_archived to false first")
    fields = _checked(world.state, request.body)
    if "is_archived" in fields and fields["is_archived"] != lead["is_archived"]:
        fields["archive_time"] = world.clock.stamp() if fields["is_archived"] else None
    after = {**lead, **fields}
    if after.get("person_id") is None and after.get("organization_id") is None:
        raise refusals.bad_request("A lead must be linked to a person or an organization.")
    actor = world.actor(request.user_id, request.correlation_id)
    return ok(lead_view(world.state.update("leads", lead["id"], fields, actor)))


@handles("deleteLead")
def delete_lead(world: World, request: Request) -> Response:
    """A deleted lead; it is gone at once."""
    lead = find_lead(world.state, request.id)
    world.state.remove("leads", lead["id"], world.actor(request.user_id, request.correlation_id))
    return ok({"id": lead["id"]})


# Labels and sources


def _label_view(record: Record) -> Record:
    return {name: to_millis(value) if name.endswith("_time") else value for name, value in record.items()}


def _label(world: World, request: Request) -> Record:
    label = world.state.get("leadLabels", request.id)
    if label is None:
        raise refusals.not_found("Lead label")
    return label


@handles("getLeadLabels")
def get_lead_labels(world: World, request: Request) -> Response:
    """All labels of leads."""
    return ok([_label_view(label) for label in world.state["leadLabels"]])


@handles("addLeadLabel")
def add_lead_label(world: World, request: Request) -> Response:
    """A new label."""
    stamp = world.clock.stamp()
    fields = {"name": request.body["name"], "color": request.body["color"], "add_time": stamp, "update_time": stamp}
    return ok(_label_view(world.state.insert("leadLabels", fields, world.actor(request.user_id))))


@handles("updateLeadLabel")
def update_lead_label(world: World, request: Request) -> Response:
    """A changed label."""
    fields = {name: request.body[name] for name in ("name", "color") if request.body.get(name)}
    return ok(
        _label_view(
            world.state.update("leadLabels", _label(world, request)["id"], fields, world.actor(request.user_id))
        )
    )


@handles("deleteLeadLabel")
def delete_lead_label(world: World, request: Request) -> Response:
    """A deleted label; leads lose it."""
    label = _label(world, request)
    world.state.remove("leadLabels", label["id"], world.actor(request.user_id))
    for lead in list(world.state["leads"]):
        if label["id"] in (lead.get("label_ids") or ()):
            kept = [key for key in lead["label_ids"] if key != label["id"]]
            world.state.replace("leads", lead["id"], {"label_ids": kept})
    return ok({"id": label["id"]})


@handles("getLeadSources")
def get_lead_sources(world: World, request: Request) -> Response:
    """The names of where leads come from."""
    return ok([{"name": source["name"]} for source in world.state["leadSources"]])


@handles("getLeadUsers")
def get_lead_users(world: World, request: Request) -> Response:
    """Ids of those who see a lead: everybody."""
    find_lead(world.state, request.id)
    return ok([user["id"] for user in world.state["users"] if user.get("active_flag", True)])

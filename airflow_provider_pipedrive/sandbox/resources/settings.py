"""Small v1 resources: activity types, currencies, filters, goals, call logs, relationships, the company's settings."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_millis, to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import offset_response
from airflow_provider_pipedrive.sandbox.views.v1 import organization_card, with_v1_times

MOST_CONDITIONS = 16

# Activity types


def _activity_type(world: World, request: Request) -> Record:
    row = world.state.get("activityTypes", request.id)
    if row is None or not row.get("active_flag", True):
        raise refusals.not_found("ActivityType")
    return row


@handles("getActivityTypes")
def get_activity_types(world: World, request: Request) -> Response:
    """All activity types."""
    return ok([with_v1_times(world.state, row) for row in world.state["activityTypes"] if row.get("active_flag", True)])


@handles("addActivityType")
def add_activity_type(world: World, request: Request) -> Response:
    """A new activity type; its ``key_string`` comes from its name."""
    stamp = world.clock.stamp()
    fields = {
        "name": request.body["name"],
        "icon_key": request.body["icon_key"],
        "color": request.body.get("color"),
        "order_nr": len(world.state["activityTypes"]) + 1,
        "key_string": re.sub(r"\W", "_", request.body["name"].lower()),
        "active_flag": True,
        "is_custom_flag": True,
        "add_time": stamp,
        "update_time": stamp,
    }
    return ok(with_v1_times(world.state, world.state.insert("activityTypes", fields, world.actor(request.user_id))))


@handles("updateActivityType")
def update_activity_type(world: World, request: Request) -> Response:
    """A changed activity type."""
    names = ("name", "icon_key", "color", "order_nr")
    fields = {name: request.body[name] for name in names if request.body.get(name) is not None}
    key = _activity_type(world, request)["id"]
    return ok(
        with_v1_times(world.state, world.state.update("activityTypes", key, fields, world.actor(request.user_id)))
    )


@handles("deleteActivityType")
def delete_activity_type(world: World, request: Request) -> Response:
    """An activity type marked deleted."""
    row = _activity_type(world, request)
    fields = {"active_flag": False, "update_time": world.clock.stamp()}
    return ok(with_v1_times(world.state, world.state.replace("activityTypes", row["id"], fields)))


@handles("getCurrencies")
def get_currencies(world: World, request: Request) -> Response:
    """Currencies, all or those whose code or name has the term in it."""
    term = str(request.args.get("term") or "").lower()
    return ok([row for row in world.state["currencies"] if term in f"{row['code']} {row['name']}".lower()] or None)


# Filters


def _filter(world: World, request: Request) -> Record:
    row = world.state.get("filters", request.id)
    if row is None or row.get("active_flag") is False:
        raise refusals.not_found("Filter")
    return row


def _validate_conditions(conditions: Record) -> None:
    """Pipedrive's structure: an ``and`` of an ``and`` group and an ``or`` group, at most 16 conditions."""
    groups = conditions.get("conditions")
    if conditions.get("glue") != "and" or not isinstance(groups, list) or not 1 <= len(groups) <= 2:
        raise refusals.bad_request("conditions must be {glue: and, conditions: [{glue: and, ...}, {glue: or, ...}]}")
    singles = [c for group in groups for c in (group.get("conditions") or ()) if isinstance(group, dict)]
    if len(singles) > MOST_CONDITIONS:
        raise refusals.bad_request(f"A filter has at most {MOST_CONDITIONS} conditions.")
    for single in singles:
        if not isinstance(single, dict) or not {"object", "field_id", "operator"} <= set(single):
            raise refusals.bad_request("Each condition needs object, field_id, operator and value.")


@handles("getFilters")
def get_filters(world: World, request: Request) -> Response:
    """Filters without their conditions, all or those of a type."""
    rows = [
        r
        for r in world.state["filters"]
        if r.get("active_flag", True) and request.args.get("type") in (None, r["type"])
    ]
    shown = [with_v1_times(world.state, row) for row in rows]
    return ok([{name: value for name, value in row.items() if name != "conditions"} for row in shown] or None)


@handles("getFilter")
def get_filter(world: World, request: Request) -> Response:
    """One filter with its conditions."""
    return ok(with_v1_times(world.state, _filter(world, request)))


@handles("addFilter")
def add_filter(world: World, request: Request) -> Response:
    """A new filter."""
    _validate_conditions(request.body["conditions"])
    fields = {
        "name": request.body["name"],
        "filter_code": None,
        "is_editable": True,
        "active_flag": True,
        "type": request.body["type"],
        "temporary_flag": None,
        "user_id": request.user_id,
        "add_time": world.clock.stamp(),
        "update_time": None,
        "visible_to": "7",
        "last_used_time": None,
        "custom_view_id": None,
        "conditions": request.body["conditions"],
    }
    return ok(with_v1_times(world.state, world.state.insert("filters", fields, world.actor(request.user_id))))


@handles("updateFilter")
def update_filter(world: World, request: Request) -> Response:
    """A changed filter; its conditions are replaced as a whole."""
    row = _filter(world, request)
    _validate_conditions(request.body["conditions"])
    fields = {name: request.body[name] for name in ("name", "conditions") if request.body.get(name) is not None}
    return ok(
        with_v1_times(world.state, world.state.update("filters", row["id"], fields, world.actor(request.user_id)))
    )


@handles("deleteFilter")
def delete_filter(world: World, request: Request) -> Response:
    """A filter marked deleted."""
    row = _filter(world, request)
    world.state.replace("filters", row["id"], {"active_flag": False})
    return ok({"id": row["id"]})


@handles("deleteFilters")
def delete_filters(world: World, request: Request) -> Response:
    """Several filters marked deleted."""
    keys = [
        key for key in request.args["ids"] if (row := world.state.get("filters", key)) and row.get("active_flag", True)
    ]
    for key in keys:
        world.state.replace("filters", key, {"active_flag": False})
    return ok({"id": keys})


@handles("getFilterHelpers", by_shape=True)
def get_filter_helpers(world: World, request: Request) -> Response:
    """What filters can be made of."""
    operators = {
        "date": {"=": "is", "!=": "is not", ">": "later than", "<": "before", "IS NULL": "is empty"},
        "enum": {"=": "is", "!=": "is not", "IS NULL": "is empty", "IS NOT NULL": "is not empty"},
        "varchar": {"=": "is", "!=": "is not", "LIKE '%$%'": "contains", "IS NULL": "is empty"},
        "double": {"=": "=", "!=": "!=", ">": ">", "<": "<", ">=": ">=", "<=": "<="},
    }
    return ok({"operators": operators, "deprecated_operators": {}, "relative_dates": {"today": "today"}})


# Goals


def _goal(world: World, request: Request) -> Record:
    row = world.state.get("goals", request.id)
    if row is None:
        raise refusals.not_found("Goal")
    return row


@handles("getGoals")
def get_goals(world: World, request: Request) -> Response:
    """Goals that fit all that the query names."""
    return ok(
        {"goals": [row for row in world.state["goals"] if all(_fits(row, n, v) for n, v in request.args.items())]}
    )


def _fits(goal: Record, name: str, wanted: Any) -> bool:
    if name == "period.start":
        return goal["duration"].get("end") is None or bool(goal["duration"]["end"] >= wanted)
    if name == "period.end":
        return bool(goal["duration"]["start"] <= wanted)
    value: Any = goal
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(wanted, list):
        return set(wanted) <= set(value or ())
    if isinstance(value, list):
        return wanted in value
    if name == "title":
        return wanted.lower() in str(value).lower()
    return bool(value == wanted)


@handles("addGoal")
def add_goal(world: World, request: Request) -> Response:
    """A new goal."""
    body = request.body
    fields = {
        "owner_id": request.user_id,
        "title": body.get("title") or body["type"].get("name"),
        "type": body["type"],
        "assignee": body["assignee"],
        "interval": body["interval"],
        "duration": body["duration"],
        "expected_outcome": body["expected_outcome"],
        "is_active": True,
        "report_ids": [],
    }
    return ok({"goal": world.state.insert("goals", fields, world.actor(request.user_id))})


@handles("updateGoal")
def update_goal(world: World, request: Request) -> Response:
    """A changed goal."""
    names = ("title", "assignee", "type", "expected_outcome", "duration", "interval")
    fields = {name: request.body[name] for name in names if request.body.get(name) is not None}
    key = _goal(world, request)["id"]
    return ok({"goal": world.state.update("goals", key, fields, world.actor(request.user_id), touch=None)})


@handles("deleteGoal")
def delete_goal(world: World, request: Request) -> Response:
    """A goal taken away."""
    world.state.remove("goals", _goal(world, request)["id"], world.actor(request.user_id))
    return Response({"success": True})


@handles("getGoalResult")
def get_goal_result(world: World, request: Request) -> Response:
    """How far a goal is in a period: won, started or progressed deals, added or completed activities."""
    goal = _goal(world, request)
    table, moment = {
        "deals_won": ("deals", "won_time"),
        "deals_progressed": ("deals", "stage_change_time"),
        "deals_started": ("deals", "add_time"),
        "activities_added": ("activities", "add_time"),
        "activities_completed": ("activities", "marked_as_done_time"),
    }.get(goal["type"].get("name"), ("deals", "add_time"))
    start, end = request.args["period.start"], request.args["period.end"]
    rows = [row for row in world.state[table] if start <= (row.get(moment) or "")[:10] <= end]
    if goal["assignee"].get("type") == "person":
        rows = [row for row in rows if row["owner_id"] == goal["assignee"].get("id")]
    by_sum = goal["expected_outcome"].get("tracking_metric") == "sum"
    return ok({"progress": sum(row.get("value") or 0 for row in rows) if by_sum else len(rows), "goal": goal})


# Call logs


def _call_log(world: World, request: Request) -> Record:
    row = world.state.get("callLogs", request.id)
    if row is None:
        raise refusals.not_found("Call log")
    return row


def _call_log_view(world: World, row: Record) -> Record:
    times = {name: to_millis(row.get(name)) for name in ("start_time", "end_time")}
    return {**row, **times, "has_recording": bool(row.get("has_recording")), "company_id": world.state.company_id}


@handles("getUserCallLogs")
def get_call_logs(world: World, request: Request) -> Response:
    """The call logs of the caller."""
    rows = [row for row in world.state["callLogs"] if row.get("user_id") == request.user_id]
    return offset_response(request, rows, partial(_call_log_view, world))


@handles("getCallLog")
def get_call_log(world: World, request: Request) -> Response:
    """One call log."""
    return ok(_call_log_view(world, _call_log(world, request)))


_CALL_LOG_NAMES = (
    "user_id",
    "activity_id",
    "subject",
    "duration",
    "outcome",
    "from_phone_number",
    "to_phone_number",
    "start_time",
    "end_time",
    "person_id",
    "org_id",
    "deal_id",
    "lead_id",
    "note",
)


@handles("addCallLog")
def add_call_log(world: World, request: Request) -> Response:
    """A new call log."""
    if request.body.get("deal_id") and request.body.get("lead_id"):
        raise refusals.bad_request("A call log has a deal_id or a lead_id, not both.")
    fields = {name: request.body.get(name) for name in _CALL_LOG_NAMES}
    rules.validate_links(world.state, fields)
    fields["user_id"] = fields["user_id"] or request.user_id
    return ok(_call_log_view(world, world.state.insert("callLogs", fields, world.actor(request.user_id))))


@handles("deleteCallLog")
def delete_call_log(world: World, request: Request) -> Response:
    """A call log taken away. A repeat gives 410."""
    if world.state.get("callLogs", request.id) is None:
        raise refusals.gone("The call log you are trying to delete is gone.")
    world.state.remove("callLogs", request.id, world.actor(request.user_id))
    return Response({"success": True})


@handles("addCallLogAudioFile")
def add_recording(world: World, request: Request) -> Response:
    """A recording for a call log; a second one gives 409."""
    row = _call_log(world, request)
    if row.get("has_recording"):
        raise refusals.refuse(409, "The call log has a recording already")
    upload = request.body["file"]
    world.state.insert(
        "recordings", {"call_log_id": row["id"], "content": upload.content}, world.actor(request.user_id)
    )
    world.state.replace("callLogs", row["id"], {"has_recording": True})
    return Response({"success": True})


# Relationships of organizations


def _relationship_view(world: World, row: Record, org_id: Any) -> Record:
    owner, linked = row["rel_owner_org_id"], row["rel_linked_org_id"]
    other = linked if org_id == owner else owner
    kind = row["type"] if row["type"] == "related" or org_id != owner else "daughter"
    return {
        "id": row["id"],
        "type": row["type"],
        "rel_owner_org_id": organization_card(world.state, owner),
        "rel_linked_org_id": organization_card(world.state, linked),
        "add_time": to_v1(row["add_time"]),
        "update_time": to_v1(row["update_time"]),
        "active_flag": "true",
        "calculated_type": kind,
        "calculated_related_org_id": other,
        "related_organization_name": (world.state.get("organizations", other) or {}).get("name"),
    }


def _related_organizations(world: World, rows: list[Record]) -> Record:
    keys = sorted({row[name] for row in rows for name in ("rel_owner_org_id", "rel_linked_org_id")})
    return {"organization": {str(key): organization_card(world.state, key) for key in keys}}


def _one_relationship(world: World, row: Record, org_id: Any) -> Response:
    return ok(_relationship_view(world, row, org_id), related_objects=_related_organizations(world, [row]))


def _relationship(world: World, request: Request) -> Record:
    row = world.state.get("organizationRelationships", request.id)
    if row is None:
        raise refusals.not_found("Organization relationship")
    return row


@handles("getOrganizationRelationships")
def get_relationships(world: World, request: Request) -> Response:
    """The relationships of an organization."""
    key = request.args["org_id"]
    rows = [
        r for r in world.state["organizationRelationships"] if key in (r["rel_owner_org_id"], r["rel_linked_org_id"])
    ]
    return offset_response(
        request, rows, lambda row: _relationship_view(world, row, key), lambda page: _related_organizations(world, page)
    )


@handles("getOrganizationRelationship")
def get_relationship(world: World, request: Request) -> Response:
    """One relationship, seen from ``org_id`` or its owner."""
    row = _relationship(world, request)
    return _one_relationship(world, row, request.args.get("org_id", row["rel_owner_org_id"]))


def _relationship_fields(world: World, body: Record) -> Record:
    fields = {n: body[n] for n in ("type", "rel_owner_org_id", "rel_linked_org_id") if body.get(n) is not None}
    for name in ("rel_owner_org_id", "rel_linked_org_id"):
        if name in fields:
            rules.need(world.state, "organizations", fields[name], name)
    return fields


@handles("addOrganizationRelationship")
def add_relationship(world: World, request: Request) -> Response:
    """A new relationship."""
    fields = _relationship_fields(world, request.body)
    if fields["rel_owner_org_id"] == fields["rel_linked_org_id"]:
        raise refusals.bad_request("An organization cannot be related to itself.")
    stamp = world.clock.stamp()
    fields.update(add_time=stamp, update_time=stamp)
    row = world.state.insert("organizationRelationships", fields, world.actor(request.user_id))
    return _one_relationship(world, row, request.body.get("org_id") or row["rel_owner_org_id"])


@handles("updateOrganizationRelationship")
def update_relationship(world: World, request: Request) -> Response:
    """A changed relationship."""
    key = _relationship(world, request)["id"]
    fields = _relationship_fields(world, request.body)
    row = world.state.update("organizationRelationships", key, fields, world.actor(request.user_id))
    return _one_relationship(world, row, request.body.get("org_id") or row["rel_owner_org_id"])


@handles("deleteOrganizationRelationship")
def delete_relationship(world: World, request: Request) -> Response:
    """A relationship taken away."""
    key = _relationship(world, request)["id"]
    world.state.remove("organizationRelationships", key, world.actor(request.user_id))
    return ok({"id": key})


# The company


@handles("getCompanyAddons", by_shape=True)
def get_addons(world: World, request: Request) -> Response:
    """The company's add-ons: always these."""
    return ok([{"code": "leadbooster_v2"}, {"code": "projects"}])


@handles("getUserConnections", by_shape=True)
def get_connections(world: World, request: Request) -> Response:
    """The caller's connections: none."""
    return ok({"google": None})


@handles("getUserSettings", by_shape=True)
def get_settings(world: World, request: Request) -> Response:
    """The caller's settings: always these."""
    return ok(
        {
            "marketplace_team": False,
            "list_limit": 100,
            "beta_app": False,
            "prevent_salesphone_callto_override": False,
            "file_upload_destination": "s3",
            "callto_link_syntax": "callto:[number]",
            "autofill_deal_expected_close_date": False,
            "person_duplicate_condition": "name && (org_id || email || phone)",
        }
    )


@handles("saveUserProviderLink")
def add_provider_link(world: World, request: Request) -> Response:
    """A user linked with a provider of video calls."""
    key = request.body["user_provider_id"]
    world.state["providerLinks"].put(key, {"id": key, "user_id": request.body["user_id"]})
    return ok({"message": "The user was added successfully"})


@handles("deleteUserProviderLink")
def delete_provider_link(world: World, request: Request) -> Response:
    """That link taken away."""
    if world.state.get("providerLinks", str(request.id)) is None:
        raise refusals.not_found("User provider link")
    world.state["providerLinks"].remove(str(request.id))
    return ok({"message": "The user was removed successfully"})

"""Small v1 resources: activity types, currencies, filters, goals, call logs, relationships, the company's settings."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.resources.registry import answers
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_millis, to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import offset_answer
from airflow_provider_pipedrive.sandbox.views.v1 import organization_card, with_v1_times

MOST_CONDITIONS = 16

# Activity types


def _activity_type(box: Box, call: Call) -> Record:
    row = box.state.get("activityTypes", call.id)
    if row is None or not row.get("active_flag", True):
        raise refusals.not_found("ActivityType")
    return row


@answers("getActivityTypes")
def get_activity_types(box: Box, call: Call) -> Answer:
    """All activity types."""
    return ok([with_v1_times(box.state, row) for row in box.state["activityTypes"] if row.get("active_flag", True)])


@answers("addActivityType")
def add_activity_type(box: Box, call: Call) -> Answer:
    """A new activity type; its ``key_string`` comes from its name."""
    stamp = box.clock.stamp()
    fields = {
        "name": call.body["name"],
        "icon_key": call.body["icon_key"],
        "color": call.body.get("color"),
        "order_nr": len(box.state["activityTypes"]) + 1,
        "key_string": re.sub(r"\W", "_", call.body["name"].lower()),
        "active_flag": True,
        "is_custom_flag": True,
        "add_time": stamp,
        "update_time": stamp,
    }
    return ok(with_v1_times(box.state, box.state.insert("activityTypes", fields, box.actor(call.user_id))))


@answers("updateActivityType")
def update_activity_type(box: Box, call: Call) -> Answer:
    """A changed activity type."""
    names = ("name", "icon_key", "color", "order_nr")
    fields = {name: call.body[name] for name in names if call.body.get(name) is not None}
    key = _activity_type(box, call)["id"]
    return ok(with_v1_times(box.state, box.state.update("activityTypes", key, fields, box.actor(call.user_id))))


@answers("deleteActivityType")
def delete_activity_type(box: Box, call: Call) -> Answer:
    """An activity type marked deleted."""
    row = _activity_type(box, call)
    fields = {"active_flag": False, "update_time": box.clock.stamp()}
    return ok(with_v1_times(box.state, box.state.replace("activityTypes", row["id"], fields)))


@answers("getCurrencies")
def get_currencies(box: Box, call: Call) -> Answer:
    """Currencies, all or those whose code or name has the term in it."""
    term = str(call.args.get("term") or "").lower()
    return ok([row for row in box.state["currencies"] if term in f"{row['code']} {row['name']}".lower()] or None)


# Filters


def _filter(box: Box, call: Call) -> Record:
    row = box.state.get("filters", call.id)
    if row is None or row.get("active_flag") is False:
        raise refusals.not_found("Filter")
    return row


def _prove_conditions(conditions: Record) -> None:
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


@answers("getFilters")
def get_filters(box: Box, call: Call) -> Answer:
    """Filters without their conditions, all or those of a type."""
    rows = [
        r for r in box.state["filters"] if r.get("active_flag", True) and call.args.get("type") in (None, r["type"])
    ]
    shown = [with_v1_times(box.state, row) for row in rows]
    return ok([{name: value for name, value in row.items() if name != "conditions"} for row in shown] or None)


@answers("getFilter")
def get_filter(box: Box, call: Call) -> Answer:
    """One filter with its conditions."""
    return ok(with_v1_times(box.state, _filter(box, call)))


@answers("addFilter")
def add_filter(box: Box, call: Call) -> Answer:
    """A new filter."""
    _prove_conditions(call.body["conditions"])
    fields = {
        "name": call.body["name"],
        "filter_code": None,
        "is_editable": True,
        "active_flag": True,
        "type": call.body["type"],
        "temporary_flag": None,
        "user_id": call.user_id,
        "add_time": box.clock.stamp(),
        "update_time": None,
        "visible_to": "7",
        "last_used_time": None,
        "custom_view_id": None,
        "conditions": call.body["conditions"],
    }
    return ok(with_v1_times(box.state, box.state.insert("filters", fields, box.actor(call.user_id))))


@answers("updateFilter")
def update_filter(box: Box, call: Call) -> Answer:
    """A changed filter; its conditions are replaced as a whole."""
    row = _filter(box, call)
    _prove_conditions(call.body["conditions"])
    fields = {name: call.body[name] for name in ("name", "conditions") if call.body.get(name) is not None}
    return ok(with_v1_times(box.state, box.state.update("filters", row["id"], fields, box.actor(call.user_id))))


@answers("deleteFilter")
def delete_filter(box: Box, call: Call) -> Answer:
    """A filter marked deleted."""
    row = _filter(box, call)
    box.state.replace("filters", row["id"], {"active_flag": False})
    return ok({"id": row["id"]})


@answers("deleteFilters")
def delete_filters(box: Box, call: Call) -> Answer:
    """Several filters marked deleted."""
    keys = [key for key in call.args["ids"] if (row := box.state.get("filters", key)) and row.get("active_flag", True)]
    for key in keys:
        box.state.replace("filters", key, {"active_flag": False})
    return ok({"id": keys})


@answers("getFilterHelpers", by_shape=True)
def get_filter_helpers(box: Box, call: Call) -> Answer:
    """What filters can be made of."""
    operators = {
        "date": {"=": "is", "!=": "is not", ">": "later than", "<": "before", "IS NULL": "is empty"},
        "enum": {"=": "is", "!=": "is not", "IS NULL": "is empty", "IS NOT NULL": "is not empty"},
        "varchar": {"=": "is", "!=": "is not", "LIKE '%$%'": "contains", "IS NULL": "is empty"},
        "double": {"=": "=", "!=": "!=", ">": ">", "<": "<", ">=": ">=", "<=": "<="},
    }
    return ok({"operators": operators, "deprecated_operators": {}, "relative_dates": {"today": "today"}})


# Goals


def _goal(box: Box, call: Call) -> Record:
    row = box.state.get("goals", call.id)
    if row is None:
        raise refusals.not_found("Goal")
    return row


@answers("getGoals")
def get_goals(box: Box, call: Call) -> Answer:
    """Goals that fit all that the query names."""
    return ok({"goals": [row for row in box.state["goals"] if all(_fits(row, n, v) for n, v in call.args.items())]})


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


@answers("addGoal")
def add_goal(box: Box, call: Call) -> Answer:
    """A new goal."""
    body = call.body
    fields = {
        "owner_id": call.user_id,
        "title": body.get("title") or body["type"].get("name"),
        "type": body["type"],
        "assignee": body["assignee"],
        "interval": body["interval"],
        "duration": body["duration"],
        "expected_outcome": body["expected_outcome"],
        "is_active": True,
        "report_ids": [],
    }
    return ok({"goal": box.state.insert("goals", fields, box.actor(call.user_id))})


@answers("updateGoal")
def update_goal(box: Box, call: Call) -> Answer:
    """A changed goal."""
    names = ("title", "assignee", "type", "expected_outcome", "duration", "interval")
    fields = {name: call.body[name] for name in names if call.body.get(name) is not None}
    key = _goal(box, call)["id"]
    return ok({"goal": box.state.update("goals", key, fields, box.actor(call.user_id), touch=None)})


@answers("deleteGoal")
def delete_goal(box: Box, call: Call) -> Answer:
    """A goal taken away."""
    box.state.remove("goals", _goal(box, call)["id"], box.actor(call.user_id))
    return Answer({"success": True})


@answers("getGoalResult")
def get_goal_result(box: Box, call: Call) -> Answer:
    """How far a goal is in a period: won, started or progressed deals, added or completed activities."""
    goal = _goal(box, call)
    table, moment = {
        "deals_won": ("deals", "won_time"),
        "deals_progressed": ("deals", "stage_change_time"),
        "deals_started": ("deals", "add_time"),
        "activities_added": ("activities", "add_time"),
        "activities_completed": ("activities", "marked_as_done_time"),
    }.get(goal["type"].get("name"), ("deals", "add_time"))
    start, end = call.args["period.start"], call.args["period.end"]
    rows = [row for row in box.state[table] if start <= (row.get(moment) or "")[:10] <= end]
    if goal["assignee"].get("type") == "person":
        rows = [row for row in rows if row["owner_id"] == goal["assignee"].get("id")]
    by_sum = goal["expected_outcome"].get("tracking_metric") == "sum"
    return ok({"progress": sum(row.get("value") or 0 for row in rows) if by_sum else len(rows), "goal": goal})


# Call logs


def _call_log(box: Box, call: Call) -> Record:
    row = box.state.get("callLogs", call.id)
    if row is None:
        raise refusals.not_found("Call log")
    return row


def _call_log_view(box: Box, row: Record) -> Record:
    times = {name: to_millis(row.get(name)) for name in ("start_time", "end_time")}
    return {**row, **times, "has_recording": bool(row.get("has_recording")), "company_id": box.state.company_id}


@answers("getUserCallLogs")
def get_call_logs(box: Box, call: Call) -> Answer:
    """The call logs of the caller."""
    rows = [row for row in box.state["callLogs"] if row.get("user_id") == call.user_id]
    return offset_answer(call, rows, partial(_call_log_view, box))


@answers("getCallLog")
def get_call_log(box: Box, call: Call) -> Answer:
    """One call log."""
    return ok(_call_log_view(box, _call_log(box, call)))


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


@answers("addCallLog")
def add_call_log(box: Box, call: Call) -> Answer:
    """A new call log."""
    if call.body.get("deal_id") and call.body.get("lead_id"):
        raise refusals.bad_request("A call log has a deal_id or a lead_id, not both.")
    fields = {name: call.body.get(name) for name in _CALL_LOG_NAMES}
    rules.prove_links(box.state, fields)
    fields["user_id"] = fields["user_id"] or call.user_id
    return ok(_call_log_view(box, box.state.insert("callLogs", fields, box.actor(call.user_id))))


@answers("deleteCallLog")
def delete_call_log(box: Box, call: Call) -> Answer:
    """A call log taken away. A repeat gives 410."""
    if box.state.get("callLogs", call.id) is None:
        raise refusals.gone("The call log you are trying to delete is gone.")
    box.state.remove("callLogs", call.id, box.actor(call.user_id))
    return Answer({"success": True})


@answers("addCallLogAudioFile")
def add_recording(box: Box, call: Call) -> Answer:
    """A recording for a call log; a second one gives 409."""
    row = _call_log(box, call)
    if row.get("has_recording"):
        raise refusals.refuse(409, "The call log has a recording already")
    upload = call.body["file"]
    box.state.insert("recordings", {"call_log_id": row["id"], "content": upload.content}, box.actor(call.user_id))
    box.state.replace("callLogs", row["id"], {"has_recording": True})
    return Answer({"success": True})


# Relationships of organizations


def _relationship_view(box: Box, row: Record, org_id: Any) -> Record:
    owner, linked = row["rel_owner_org_id"], row["rel_linked_org_id"]
    other = linked if org_id == owner else owner
    kind = row["type"] if row["type"] == "related" or org_id != owner else "daughter"
    return {
        "id": row["id"],
        "type": row["type"],
        "rel_owner_org_id": organization_card(box.state, owner),
        "rel_linked_org_id": organization_card(box.state, linked),
        "add_time": to_v1(row["add_time"]),
        "update_time": to_v1(row["update_time"]),
        "active_flag": "true",
        "calculated_type": kind,
        "calculated_related_org_id": other,
        "related_organization_name": (box.state.get("organizations", other) or {}).get("name"),
    }


def _related_organizations(box: Box, rows: list[Record]) -> Record:
    keys = sorted({row[name] for row in rows for name in ("rel_owner_org_id", "rel_linked_org_id")})
    return {"organization": {str(key): organization_card(box.state, key) for key in keys}}


def _one_relationship(box: Box, row: Record, org_id: Any) -> Answer:
    return ok(_relationship_view(box, row, org_id), related_objects=_related_organizations(box, [row]))


def _relationship(box: Box, call: Call) -> Record:
    row = box.state.get("organizationRelationships", call.id)
    if row is None:
        raise refusals.not_found("Organization relationship")
    return row


@answers("getOrganizationRelationships")
def get_relationships(box: Box, call: Call) -> Answer:
    """The relationships of an organization."""
    key = call.args["org_id"]
    rows = [r for r in box.state["organizationRelationships"] if key in (r["rel_owner_org_id"], r["rel_linked_org_id"])]
    return offset_answer(
        call, rows, lambda row: _relationship_view(box, row, key), lambda page: _related_organizations(box, page)
    )


@answers("getOrganizationRelationship")
def get_relationship(box: Box, call: Call) -> Answer:
    """One relationship, seen from ``org_id`` or its owner."""
    row = _relationship(box, call)
    return _one_relationship(box, row, call.args.get("org_id", row["rel_owner_org_id"]))


def _relationship_fields(box: Box, body: Record) -> Record:
    fields = {n: body[n] for n in ("type", "rel_owner_org_id", "rel_linked_org_id") if body.get(n) is not None}
    for name in ("rel_owner_org_id", "rel_linked_org_id"):
        if name in fields:
            rules.need(box.state, "organizations", fields[name], name)
    return fields


@answers("addOrganizationRelationship")
def add_relationship(box: Box, call: Call) -> Answer:
    """A new relationship."""
    fields = _relationship_fields(box, call.body)
    if fields["rel_owner_org_id"] == fields["rel_linked_org_id"]:
        raise refusals.bad_request("An organization cannot be related to itself.")
    stamp = box.clock.stamp()
    fields.update(add_time=stamp, update_time=stamp)
    row = box.state.insert("organizationRelationships", fields, box.actor(call.user_id))
    return _one_relationship(box, row, call.body.get("org_id") or row["rel_owner_org_id"])


@answers("updateOrganizationRelationship")
def update_relationship(box: Box, call: Call) -> Answer:
    """A changed relationship."""
    key = _relationship(box, call)["id"]
    fields = _relationship_fields(box, call.body)
    row = box.state.update("organizationRelationships", key, fields, box.actor(call.user_id))
    return _one_relationship(box, row, call.body.get("org_id") or row["rel_owner_org_id"])


@answers("deleteOrganizationRelationship")
def delete_relationship(box: Box, call: Call) -> Answer:
    """A relationship taken away."""
    key = _relationship(box, call)["id"]
    box.state.remove("organizationRelationships", key, box.actor(call.user_id))
    return ok({"id": key})


# The company


@answers("getCompanyAddons", by_shape=True)
def get_addons(box: Box, call: Call) -> Answer:
    """The company's add-ons: always these."""
    return ok([{"code": "leadbooster_v2"}, {"code": "projects"}])


@answers("getUserConnections", by_shape=True)
def get_connections(box: Box, call: Call) -> Answer:
    """The caller's connections: none."""
    return ok({"google": None})


@answers("getUserSettings", by_shape=True)
def get_settings(box: Box, call: Call) -> Answer:
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


@answers("saveUserProviderLink")
def add_provider_link(box: Box, call: Call) -> Answer:
    """A user linked with a provider of video calls."""
    key = call.body["user_provider_id"]
    box.state["providerLinks"].put(key, {"id": key, "user_id": call.body["user_id"]})
    return ok({"message": "The user was added successfully"})


@answers("deleteUserProviderLink")
def delete_provider_link(box: Box, call: Call) -> Answer:
    """That link taken away."""
    if box.state.get("providerLinks", str(call.id)) is None:
        raise refusals.not_found("User provider link")
    box.state["providerLinks"].remove(str(call.id))
    return ok({"message": "The user was removed successfully"})

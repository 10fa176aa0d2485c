"""New records: what Pipedrive fills in where nothing was given. Knows no HTTP."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.catalog.shapes import ADDRESS
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.store import Id, Record, State

BLANK: dict[str, Record] = {
    "persons": {
        "name": None,
        "first_name": None,
        "last_name": None,
        "org_id": None,
        "emails": [],
        "phones": [],
        "is_deleted": False,
        "visible_to": 3,
        "label_ids": [],
        "picture_id": None,
        "custom_fields": None,
    },
    "organizations": {
        "name": None,
        "is_deleted": False,
        "visible_to": 3,
        "address": None,
        "label_ids": [],
        "website": None,
        "linkedin": None,
        "industry": None,
        "annual_revenue": None,
        "employee_count": None,
        "custom_fields": None,
    },
    "activities": {
        "subject": None,
        "type": "call",
        "is_deleted": False,
        "deal_id": None,
        "lead_id": None,
        "person_id": None,
        "org_id": None,
        "project_id": None,
        "due_date": None,
        "due_time": None,
        "duration": None,
        "busy": False,
        "done": False,
        "marked_as_done_time": None,
        "location": None,
        "participants": [],
        "attendees": [],
        "conference_meeting_client": None,
        "conference_meeting_url": None,
        "conference_meeting_id": None,
        "public_description": None,
        "priority": None,
        "outcome": None,
        "note": None,
    },
    "products": {
        "name": None,
        "code": None,
        "unit": None,
        "tax": 0,
        "is_deleted": False,
        "is_linkable": True,
        "visible_to": 3,
        "description": None,
        "category": None,
        "billing_frequency": "one-time",
        "billing_frequency_cycles": None,
        "prices": [],
        "custom_fields": None,
    },
    "pipelines": {"name": None, "is_deleted": False, "is_deal_probability_enabled": False},
    "stages": {
        "name": None,
        "pipeline_id": None,
        "deal_probability": 100,
        "is_deal_rot_enabled": False,
        "days_to_rotten": None,
        "is_deleted": False,
    },
    "boards": {"name": None},
    "phases": {"name": None, "board_id": None},
    "projects": {
        "title": None,
        "description": None,
        "status": "open",
        "board_id": None,
        "phase_id": None,
        "start_date": None,
        "end_date": None,
        "deal_ids": [],
        "person_ids": [],
        "org_ids": [],
        "label_ids": [],
        "health_status": None,
        "status_change_time": None,
        "archive_time": None,
        "is_archived": False,
        "is_deleted": False,
        "custom_fields": None,
    },
    "tasks": {
        "title": None,
        "description": None,
        "project_id": None,
        "is_done": False,
        "is_milestone": False,
        "due_date": None,
        "start_date": None,
        "parent_task_id": None,
        "assignee_ids": [],
        "priority": None,
        "marked_as_done_time": None,
        "is_deleted": False,
    },
}
_OWNED = ("persons", "organizations", "activities", "products", "projects")
_ORDERED = {"pipelines": None, "boards": None, "stages": "pipeline_id", "phases": "board_id"}


def new_record(state: State, table: str, fields: Record, user_id: int) -> Record:
    """A record with everything that Pipedrive fills in by itself; it has no id yet.

    :raises RuleError: a field points to nothing or contradicts another
    """
    if table == "deals":
        return rules.new_deal(state, fields, user_id)
    rules.validate_links(state, fields)
    rules.validate_values(state, table, fields)
    stamp = state.clock.stamp()
    record: Record = {**BLANK[table], "add_time": stamp, "update_time": stamp}
    if table in _OWNED:
        record["owner_id"] = user_id
    if table == "tasks":
        record["creator_id"] = user_id
    if table in _ORDERED:
        record["order_nr"] = _next_order(state, table, _ORDERED[table], fields)
    record.update({name: value for name, value in _places(fields).items() if value is not None})
    return {**record, **derived(state, table, record, {})}


def _places(fields: Record) -> Record:
    """An address or a location has all its parts: those that were not given are null."""
    return {
        name: {**dict.fromkeys(part.name for part in ADDRESS[1:]), **value}
        if name in ("address", "location") and isinstance(value, dict)
        else value
        for name, value in fields.items()
    }


def _next_order(state: State, table: str, within: str | None, fields: Record) -> int:
    rows = state[table].where(within, fields.get(within)) if within else list(state[table])
    return max((row.get("order_nr") or 0 for row in rows), default=0) + 1


def derived(state: State, table: str, after: Record, before: Record) -> Record:
    """Fields that follow from others, e.g. the first name from the name."""
    stamp = state.clock.stamp()
    if table == "persons":
        return _person(after)
    if table == "activities":
        return _activity(state, after, before, stamp)
    if table == "tasks":
        done = after.get("is_done")
        return {"marked_as_done_time": (before.get("marked_as_done_time") or stamp) if done else None}
    if table == "projects" and after.get("status") != before.get("status", after.get("status")):
        return {"status_change_time": stamp}
    if table == "products":
        rules.validate_billing(after)
    return {}


def _person(after: Record) -> Record:
    first, _, last = (after.get("name") or "").partition(" ")
    return {
        "first_name": first or None,
        "last_name": last or None,
        "emails": _with_primary(after.get("emails")),
        "phones": _with_primary(after.get("phones")),
    }


def _with_primary(items: list[Record] | None) -> list[Record]:
    """Contact details, each with ``value``, ``primary`` and ``label``; the first is primary where none is."""
    found = [{"value": i.get("value"), "primary": bool(i.get("primary")), "label": i.get("label")} for i in items or []]
    if found and not any(item["primary"] for item in found):
        found[0]["primary"] = True
    return found


def _activity(state: State, after: Record, before: Record, stamp: str) -> Record:
    done = after.get("done")
    changes: Record = {"marked_as_done_time": (before.get("marked_as_done_time") or stamp) if done else None}
    primary = [p["person_id"] for p in after.get("participants") or [] if p.get("primary")]
    if after.get("participants") != before.get("participants"):
        changes["person_id"] = primary[0] if primary else None
    elif after.get("person_id") != before.get("person_id") and after.get("person_id") is not None:
        changes["participants"] = [{"person_id": after["person_id"], "primary": True}]
    if not before:
        changes["creator_user_id"] = after.get("creator_user_id") or after["owner_id"]
    types = {kind["key_string"]: kind["name"] for kind in state["activityTypes"]}
    if after["type"] not in types:
        raise rules.RuleError("type", f"'{after['type']}' is not the key_string of an activity type")
    if not after.get("subject"):
        changes["subject"] = types[after["type"]]
    return changes


def change_record(state: State, table: str, key: Id, fields: Record, actor: Any) -> Record:
    """Change a record and all that follows from it.

    :raises RuleError: a field points to nothing or contradicts another
    """
    if table == "deals":
        return rules.change_deal(state, key, fields, actor)
    rules.validate_links(state, fields)
    rules.validate_values(state, table, fields)
    before = state[table].records[key]
    fields = _places(fields)
    after = {**before, **fields}
    return state.update(table, key, {**fields, **derived(state, table, after, before)}, actor)


NEW_FILE = {
    "active_flag": True,
    "inline_flag": False,
    "remote_location": "s3",
    "cid": None,
    "s3_bucket": None,
    "mail_message_id": None,
    "mail_template_id": None,
    "description": None,
}
"""What every file has that was uploaded."""

"""Records as v1 shows them: other names, embedded objects, times without a zone, custom fields flat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views import custom_fields
from airflow_provider_pipedrive.sandbox.views.v2 import OPTIONAL, optional_value

V1View = Callable[[State, Record], Record]


def user_card(state: State, user_id: Any, name: str = "value") -> Record | None:
    """A user as other objects embed one; ``name`` is the key of its id next to the object's own."""
    user = state.get("users", user_id)
    if user is None:
        return None
    card = {
        "id": user["id"],
        "name": user.get("name"),
        "email": user.get("email"),
        "has_pic": 0,
        "pic_hash": None,
        "active_flag": user.get("active_flag", True),
    }
    return {**card, name: user["id"]} if name else card


def person_card(state: State, person_id: Any) -> Record | None:
    """A person as other objects embed one."""
    person = state.get("persons", person_id)
    if person is None:
        return None
    return {
        "active_flag": not person.get("is_deleted"),
        "name": person.get("name"),
        "email": person.get("emails") or [{"value": "", "primary": True}],
        "phone": person.get("phones") or [{"value": "", "primary": True}],
        "owner_id": person.get("owner_id"),
        "company_id": state.company_id,
        "value": person["id"],
    }


def organization_card(state: State, org_id: Any) -> Record | None:
    """An organization as other objects embed one."""
    organization = state.get("organizations", org_id)
    if organization is None:
        return None
    owner = state.get("users", organization.get("owner_id")) or {}
    return {
        "name": organization.get("name"),
        "people_count": optional_value(state, "organizations", organization, "people_count"),
        "owner_id": organization.get("owner_id"),
        "address": (organization.get("address") or {}).get("value"),
        "active_flag": not organization.get("is_deleted"),
        "cc_email": "sandbox@pipedrivemail.com",
        "label_ids": organization.get("label_ids") or [],
        "owner_name": owner.get("name"),
        "value": organization["id"],
    }


def deal_card(state: State, deal_id: Any) -> Record | None:
    """A deal as ``related_objects`` have one."""
    found = state.get("deals", deal_id)
    if found is None:
        return None
    names = ("id", "title", "status", "value", "currency", "stage_id", "pipeline_id")
    return {name: found[name] for name in names}


def deal(state: State, record: Record, embedded: bool = True) -> Record:
    """A deal; without ``embedded`` its user, person and organization are plain ids, as in merges and duplicates."""
    person, organization = state.get("persons", record["person_id"]), state.get("organizations", record["org_id"])
    owner = state.get("users", record["owner_id"]) or {}
    stage = state.get("stages", record["stage_id"]) or {}
    shown = {
        "id": record["id"],
        "title": record["title"],
        "status": record["status"],
        "creator_user_id": record["creator_user_id"],
        "user_id": record["owner_id"],
        "person_id": record["person_id"],
        "org_id": record["org_id"],
        "stage_id": record["stage_id"],
        "pipeline_id": record["pipeline_id"],
        "active": record["status"] == "open" and not record.get("is_deleted"),
        "deleted": bool(record.get("is_deleted")),
        "is_archived": bool(record.get("is_archived")),
        "stage_order_nr": stage.get("order_nr"),
        "person_name": person.get("name") if person else None,
        "org_name": organization.get("name") if organization else None,
        "owner_name": owner.get("name"),
        **_money(record, stage),
        **_activities(state, "deals", record),
        "rotten_time": None,
        "label": ",".join(map(str, record.get("label_ids") or ())) or None,
        "visible_to": str(record.get("visible_to")),
        "cc_email": f"sandbox+deal{record['id']}@pipedrivemail.com",
        "org_hidden": False,
        "person_hidden": False,
        "first_won_time": to_v1(record.get("won_time")),
        **{name: record.get(name) for name in _AS_IN_V2},
        **_times(record, "add_time", "update_time", "stage_change_time", "close_time", "won_time", "lost_time"),
        "archive_time": to_v1(record.get("archive_time")),
        **{name: optional_value(state, "deals", record, name) for name in _DEAL_COUNTS},
        **_custom(state, "deals", record),
    }
    return {**shown, **_embedded(state, record)} if embedded else shown


_AS_IN_V2 = (
    "probability",
    "lost_reason",
    "expected_close_date",
    "origin",
    "origin_id",
    "channel",
    "channel_id",
    "source_lead_id",
    "arr",
    "mrr",
    "acv",
)
"""Fields of a deal that v1 shows as v2 does."""


def _embedded(state: State, deal: Record) -> Record:
    return {
        "creator_user_id": user_card(state, deal["creator_user_id"]),
        "user_id": user_card(state, deal["owner_id"]),
        "person_id": person_card(state, deal["person_id"]),
        "org_id": organization_card(state, deal["org_id"]),
    }


def _money(deal: Record, stage: Record) -> Record:
    """A deal's value, and what it is worth at its probability, or its stage's."""
    value, currency = deal.get("value") or 0, deal.get("currency")
    weighted = value * (deal.get("probability") or stage.get("deal_probability") or 100) / 100
    return {
        "value": value,
        "currency": currency,
        "formatted_value": f"{value:g} {currency}",
        "weighted_value": round(weighted, 2),
        "weighted_value_currency": currency,
        "formatted_weighted_value": f"{weighted:g} {currency}",
        **dict.fromkeys(("arr_currency", "mrr_currency", "acv_currency"), currency),
    }


def _custom(state: State, table: str, record: Record) -> Record:
    return custom_fields.flat(state, table, custom_fields.whole(state, table, record.get("custom_fields")))


_DEAL_COUNTS = tuple(sorted(name for name in OPTIONAL["deals"] if name.endswith("_count")))
_NO_MAIL = {"last_incoming_mail_time": None, "last_outgoing_mail_time": None}


def _activities(state: State, table: str, record: Record) -> Record:
    """v1's fields on the next and the last activity of a record."""
    keys = {name: optional_value(state, table, record, f"{name}_activity_id") for name in ("next", "last")}
    following, last = (state.get("activities", keys[name]) or {} for name in ("next", "last"))
    return {
        "next_activity_id": keys["next"],
        "last_activity_id": keys["last"],
        "next_activity_date": following.get("due_date"),
        "next_activity_time": following.get("due_time"),
        "next_activity_subject": following.get("subject"),
        "next_activity_type": following.get("type"),
        "next_activity_duration": following.get("duration"),
        "next_activity_note": following.get("note"),
        "last_activity_date": last.get("due_date"),
        **_NO_MAIL,
    }


_PERSON_COUNTS = tuple(sorted(name for name in OPTIONAL["persons"] if name.endswith("_count")))
_ORGANIZATION_COUNTS = tuple(sorted(name for name in OPTIONAL["organizations"] if name.endswith("_count")))


def person(state: State, record: Record, embedded: bool = True) -> Record:
    """A person; without ``embedded`` what it belongs to are plain ids, as in recents."""
    organization = state.get("organizations", record.get("org_id"))
    owner = state.get("users", record["owner_id"]) or {}
    emails = record.get("emails") or [{"value": "", "primary": True}]
    return {
        "id": record["id"],
        "company_id": state.company_id,
        "owner_id": user_card(state, record["owner_id"]) if embedded else record["owner_id"],
        "org_id": organization_card(state, record.get("org_id")) if embedded else record.get("org_id"),
        "name": record["name"],
        "first_name": record.get("first_name"),
        "last_name": record.get("last_name"),
        "email": emails,
        "primary_email": emails[0]["value"] or None,
        "phone": record.get("phones") or [{"value": "", "primary": True}],
        "active_flag": not record.get("is_deleted"),
        "first_char": (record["name"] or " ")[0].lower(),
        "visible_to": str(record.get("visible_to")),
        "picture_id": record.get("picture_id"),
        "label": (record.get("label_ids") or [None])[0],
        "label_ids": record.get("label_ids") or [],
        "org_name": organization.get("name") if organization else None,
        "owner_name": owner.get("name"),
        "cc_email": "sandbox@pipedrivemail.com",
        "merge_what_id": None,
        **_activities(state, "persons", record),
        **_times(record, "add_time", "update_time", "delete_time"),
        **{name: optional_value(state, "persons", record, name) for name in _PERSON_COUNTS},
        **_custom(state, "persons", record),
    }


def organization(state: State, record: Record, embedded: bool = True) -> Record:
    """An organization; without ``embedded`` what it belongs to are plain ids, as in recents."""
    owner = state.get("users", record["owner_id"]) or {}
    address = record.get("address") or {}
    return {
        "id": record["id"],
        "company_id": state.company_id,
        "owner_id": user_card(state, record["owner_id"]) if embedded else record["owner_id"],
        "name": record["name"],
        "active_flag": not record.get("is_deleted"),
        "picture_id": None,
        "country_code": None,
        "first_char": (record["name"] or " ")[0].lower(),
        "visible_to": str(record.get("visible_to")),
        "label": (record.get("label_ids") or [None])[0],
        "label_ids": record.get("label_ids") or [],
        "owner_name": owner.get("name"),
        "cc_email": "sandbox@pipedrivemail.com",
        "merge_what_id": None,
        "address": address.get("value"),
        **{f"address_{part}": value for part, value in address.items() if part != "value"},
        **_activities(state, "organizations", record),
        **_times(record, "add_time", "update_time", "delete_time"),
        **{name: optional_value(state, "organizations", record, name) for name in _ORGANIZATION_COUNTS},
        **_custom(state, "organizations", record),
    }


def activity(state: State, record: Record) -> Record:
    """An activity."""
    location = record.get("location")
    return {
        "id": record["id"],
        "company_id": state.company_id,
        "user_id": record["owner_id"],
        "assigned_to_user_id": record["owner_id"],
        "created_by_user_id": record.get("creator_user_id"),
        "subject": record["subject"],
        "type": record["type"],
        "done": bool(record.get("done")),
        "due_date": record.get("due_date"),
        "due_time": (record.get("due_time") or "")[:5],
        "duration": (record.get("duration") or "")[:5],
        "busy_flag": bool(record.get("busy")),
        "location": location.get("value") if isinstance(location, dict) else location,
        "public_description": record.get("public_description"),
        "note": record.get("note"),
        "deal_id": record.get("deal_id"),
        "lead_id": record.get("lead_id"),
        "person_id": record.get("person_id"),
        "org_id": record.get("org_id"),
        "project_id": record.get("project_id"),
        "participants": [
            {"person_id": item["person_id"], "primary_flag": bool(item.get("primary"))}
            for item in record.get("participants") or ()
        ],
        "attendees": record.get("attendees") or None,
        "active_flag": not record.get("is_deleted"),
        "marked_as_done_time": to_v1(record.get("marked_as_done_time")) or "",
        "reference_type": None,
        "reference_id": None,
        **_times(record, "add_time", "update_time"),
    }


def product(state: State, record: Record, embedded: bool = True) -> Record:
    """A product; without ``embedded`` what it belongs to are plain ids, as in recents."""
    prices = [
        {"id": number, "product_id": record["id"], "overhead_cost": price.get("direct_cost", 0), **price}
        for number, price in enumerate(record.get("prices") or (), record["id"] * 10)
    ]
    return {
        "id": record["id"],
        "name": record["name"],
        "code": record.get("code"),
        "description": record.get("description"),
        "unit": record.get("unit"),
        "tax": record.get("tax") or 0,
        "category": record.get("category"),
        "active_flag": not record.get("is_deleted"),
        "selectable": bool(record.get("is_linkable", True)),
        "first_char": (record["name"] or " ")[0].lower(),
        "visible_to": str(record.get("visible_to")),
        "owner_id": user_card(state, record["owner_id"]) if embedded else record["owner_id"],
        "files_count": None,
        "prices": prices,
        "product_variations": [],
        **_times(record, "add_time", "update_time"),
        **_custom(state, "products", record),
    }


def pipeline(state: State, record: Record) -> Record:
    """A pipeline."""
    return {
        "id": record["id"],
        "name": record["name"],
        "url_title": str(record["name"]).replace(" ", "-"),
        "order_nr": record.get("order_nr"),
        "active": not record.get("is_deleted"),
        "deal_probability": bool(record.get("is_deal_probability_enabled")),
        **_times(record, "add_time", "update_time"),
    }


def stage(state: State, record: Record) -> Record:
    """A stage."""
    return {
        "id": record["id"],
        "order_nr": record.get("order_nr"),
        "name": record["name"],
        "active_flag": not record.get("is_deleted"),
        "deal_probability": record.get("deal_probability"),
        "pipeline_id": record["pipeline_id"],
        "pipeline_name": (state.get("pipelines", record["pipeline_id"]) or {}).get("name"),
        "rotten_flag": bool(record.get("is_deal_rot_enabled")),
        "rotten_days": record.get("days_to_rotten"),
        **_times(record, "add_time", "update_time"),
    }


def project(state: State, record: Record) -> Record:
    """A project."""
    return {
        "id": record["id"],
        "title": record["title"],
        "board_id": record.get("board_id"),
        "phase_id": record.get("phase_id"),
        "description": record.get("description"),
        "status": record.get("status"),
        "owner_id": record.get("owner_id"),
        "start_date": record.get("start_date"),
        "end_date": record.get("end_date"),
        "deal_ids": record.get("deal_ids") or [],
        "org_id": (record.get("org_ids") or [None])[0],
        "person_id": (record.get("person_ids") or [None])[0],
        "labels": record.get("label_ids") or [],
        "health_status": record.get("health_status"),
        **_times(record, "add_time", "update_time", "status_change_time", "archive_time"),
        **_custom(state, "projects", record),
    }


def task(state: State, record: Record) -> Record:
    """A task."""
    assignees = record.get("assignee_ids") or []
    return {
        "id": record["id"],
        "title": record["title"],
        "project_id": record.get("project_id"),
        "description": record.get("description"),
        "parent_task_id": record.get("parent_task_id"),
        "assignee_id": assignees[0] if assignees else None,
        "assignee_ids": assignees,
        "done": int(bool(record.get("is_done"))),
        "due_date": record.get("due_date"),
        "creator_id": record.get("creator_id"),
        **_times(record, "add_time", "update_time", "marked_as_done_time"),
    }


def with_v1_times(state: State, record: Record) -> Record:
    """A record that is stored in v1's shape: its times without zone, its inner fields left out."""
    return {
        name: to_v1(value) if name.endswith("_time") and isinstance(value, str) else value
        for name, value in record.items()
        if name != "delete_time" and not isinstance(value, bytes)
    }


def _times(record: Record, *names: str) -> Record:
    return {name: to_v1(record.get(name)) for name in names}


V1_VIEWS: dict[str, V1View] = {
    "deals": deal,
    "persons": person,
    "organizations": organization,
    "activities": activity,
    "products": product,
    "pipelines": pipeline,
    "stages": stage,
    "projects": project,
    "tasks": task,
    "notes": with_v1_times,
    "files": with_v1_times,
    "users": with_v1_times,
    "filters": with_v1_times,
    "activityTypes": with_v1_times,
}

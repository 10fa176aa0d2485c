"""The company itself: its users, pipelines, currencies, types, labels, rights and goals."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox.company.source import Source, day, iso_time, v1_time, v2_time

FIRST_USER = 1
USERS = 12
PIPELINES = {
    "New business": ("Qualified", "Contact made", "Demo scheduled", "Proposal made", "Negotiation", "Contract sent"),
    "Renewals": ("Due", "Offered", "In review", "Signed"),
    "Partners": ("Identified", "In talks", "Trial", "Agreed"),
}
_TYPES = ("Call", "Meeting", "Task", "Deadline", "E-mail", "Lunch")
_ICONS = ("call", "meeting", "task", "deadline", "email", "lunch")
_CURRENCIES = (
    ("EUR", "Euro", 2, "€"),
    ("USD", "US Dollar", 2, "$"),
    ("GBP", "British Pound", 2, "£"),
    ("JPY", "Japanese Yen", 0, "¥"),
)
_LEAD_SOURCES = ("API", "Deal", "Import", "LeadBooster", "Live chat", "Manually created", "Marketplace", "Web forms")
Table = dict[int | str, dict[str, Any]]


def office(source: Source) -> dict[str, Table]:
    """All tables that do not grow with the number of deals."""
    founded = source.now - 3 * 365 * 86_400
    return {
        "users": _users(source, founded),
        **_pipelines(founded),
        "currencies": {
            number: {
                "id": number,
                "code": code,
                "name": name,
                "decimal_points": points,
                "symbol": symbol,
                "active_flag": True,
                "is_custom_flag": False,
            }
            for number, (code, name, points, symbol) in enumerate(_CURRENCIES, 1)
        },
        "activityTypes": {
            number: {
                "id": number,
                "name": name,
                "key_string": icon,
                "icon_key": icon,
                "color": None,
                "order_nr": number,
                "active_flag": True,
                "is_custom_flag": False,
                "add_time": v1_time(founded),
                "update_time": None,
            }
            for number, (name, icon) in enumerate(zip(_TYPES, _ICONS, strict=True), 1)
        },
        "leadLabels": _lead_labels(source, founded),
        "leadSources": {number: {"name": name} for number, name in enumerate(_LEAD_SOURCES, 1)},
        "filters": _filters(founded),
        "roles": {
            1: {"id": 1, "name": "(Unassigned users)", "parent_role_id": None, "level": 1, "active_flag": True},
            2: {"id": 2, "name": "Sales", "parent_role_id": 1, "level": 2, "active_flag": True},
        },
        "permissionSets": _permission_sets(source),
        "goals": _goals(source, founded),
        "teams": _teams(founded),
    }


def _users(source: Source, founded: int) -> Table:
    users: Table = {}
    for number in range(USERS):
        user_id = FIRST_USER + number
        name = f"{source.pick(source.first_names)} {source.pick(source.last_names)}"
        users[user_id] = {
            "id": user_id,
            "name": name,
            "email": f"user{user_id}@example.com",
            "lang": 1,
            "locale": "en_US",
            "timezone_name": "Europe/Tallinn",
            "timezone_offset": "+02:00",
            "default_currency": "EUR",
            "icon_url": None,
            "active_flag": number != USERS - 1,  # one has left
            "is_deleted": False,
            "is_admin": 1 if number == 0 else 0,
            "is_you": number == 0,
            "role_id": 1 if number == 0 else 2,
            "created": v1_time(founded + number * 86_400),
            "has_created_company": number == 0,
            "phone": None,
            "activated": True,
            "last_login": v1_time(source.now - number * 3_600),
            "modified": None,
            "access": [{"app": "sales", "admin": number == 0, "permission_set_id": None}],
        }
    return users


def _pipelines(founded: int) -> dict[str, Table]:
    time = v2_time(founded)
    pipelines: Table = {}
    stages: Table = {}
    for number, (name, names) in enumerate(PIPELINES.items(), 1):
        pipelines[number] = {
            "id": number,
            "name": name,
            "order_nr": number,
            "is_deleted": False,
            "is_deal_probability_enabled": number == 1,
            "add_time": time,
            "update_time": time,
        }
        for position, stage in enumerate(names, 1):
            stage_id = len(stages) + 1
            stages[stage_id] = {
                "id": stage_id,
                "order_nr": position,
                "name": stage,
                "is_deleted": False,
                "deal_probability": position * 100 // (len(names) + 1),
                "pipeline_id": number,
                "is_deal_rot_enabled": position < 3,
                "days_to_rotten": 30 if position < 3 else None,
                "add_time": time,
                "update_time": time,
            }
    return {"pipelines": pipelines, "stages": stages}


def _lead_labels(source: Source, founded: int) -> Table:
    labels: Table = {}
    for name, color in (("Hot", "red"), ("Warm", "yellow"), ("Cold", "blue")):
        label_id = source.uuid()
        time = iso_time(founded)
        labels[label_id] = {"id": label_id, "name": name, "color": color, "add_time": time, "update_time": time}
    return labels


def _filters(founded: int) -> Table:
    names = {"deals": "All open deals", "people": "People with an e-mail address", "org": "Organizations by name"}
    return {
        number: {
            "id": number,
            "name": name,
            "active_flag": True,
            "type": kind,
            "temporary_flag": None,
            "user_id": FIRST_USER,
            "add_time": v1_time(founded),
            "update_time": None,
            "visible_to": "7",
            "custom_view_id": None,
            "filter_code": None,
            "is_editable": True,
            "last_used_time": None,
            "conditions": {
                "glue": "and",
                "conditions": [{"glue": "and", "conditions": _conditions(kind)}, {"glue": "or", "conditions": []}],
            },
        }
        for number, (kind, name) in enumerate(names.items(), 1)
    }


def _conditions(kind: str) -> list[dict[str, Any]]:
    if kind != "deals":
        return []
    return [{"object": "deal", "field_id": "status", "operator": "=", "value": "open", "extra_value": None}]


def _permission_sets(source: Source) -> Table:
    sets: Table = {}
    for name, kind, rights in (
        ("Deals admin", "admin", ["can_add_deals", "can_delete_deals", "can_use_api"]),
        ("Deals regular user", "regular", ["can_add_deals", "can_use_api"]),
    ):
        set_id = source.uuid()
        sets[set_id] = {
            "id": set_id,
            "name": name,
            "description": f"{name}, as delivered",
            "app": "sales",
            "type": kind,
            "assignment_count": 1 if kind == "admin" else USERS - 1,
            "contents": rights,
        }
    return sets


def _goals(source: Source, founded: int) -> Table:
    goal_id = source.hash("goal")[:24]
    return {
        goal_id: {
            "id": goal_id,
            "owner_id": FIRST_USER,
            "title": "Deals won a month",
            "type": {"name": "deals_won", "params": {"pipeline_id": [1]}},
            "assignee": {"id": FIRST_USER, "type": "person"},
            "interval": "monthly",
            "duration": {"start": day(founded), "end": None},
            "expected_outcome": {"target": 10, "tracking_metric": "quantity"},
            "is_active": True,
            "report_ids": [],
        }
    }


def _teams(founded: int) -> Table:
    return {
        1: {
            "id": 1,
            "name": "Sales",
            "description": "Everybody who sells",
            "manager_id": FIRST_USER,
            "users": [FIRST_USER, FIRST_USER + 1, FIRST_USER + 2],
            "active_flag": 1,
            "deleted_flag": 0,
            "add_time": v1_time(founded),
            "created_by_user_id": FIRST_USER,
        }
    }

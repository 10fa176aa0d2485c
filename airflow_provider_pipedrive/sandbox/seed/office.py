"""The company itself: its users, pipelines, currencies, types, labels, rights and goals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from faker.providers.currency import Provider as Currencies

from airflow_provider_pipedrive.sandbox.seed.source import (
    DAY,
    Source,
    Table,
    ascii_letters,
    day,
    iso_time,
    v1_time,
    v2_time,
)

FIRST_USER = 1
USERS = 12
FIRST_OWNER = FIRST_USER + 4
"""Whose the first deal, person, organization and product are, and the only one who follows them."""
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
_WITHOUT_CENTS = frozenset({"CLP", "ISK", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"})
_ROLES: tuple[tuple[str, int | None], ...] = (("Director", None), ("Sales", 1), ("Partner sales", 2))
_FILTERS = (
    # Name, type, object, table of fields, code, operator, value.
    ("All open deals", "deals", "deal", "dealFields", "status", "=", "open"),
    ("People with an e-mail address", "people", "person", "personFields", "emails", "IS NOT NULL", None),
    ("Large organizations", "org", "organization", "organizationFields", "employee_count", ">", "250"),
    ("Licences", "products", "product", "productFields", "category", "=", "1"),
    ("Open activities", "activity", "activity", "activityFields", "done", "=", "0"),
    ("Open projects", "projects", "project", "projectFields", "status", "=", "open"),
)
_LEAD_SOURCES = ("API", "Deal", "Import", "LeadBooster", "Live chat", "Manually created", "Marketplace", "Web forms")


def office(source: Source, tables: dict[str, Table]) -> dict[str, Table]:
    """All tables that do not grow with the number of deals."""
    founded = source.founded
    permission_sets = _permission_sets(source)
    return {
        "users": _users(source, founded, list(permission_sets)),
        **_pipelines(founded),
        "currencies": {number: _currency(number, *row) for number, row in enumerate(_currencies(), 1)},
        "activityTypes": _activity_types(founded),
        "leadLabels": _lead_labels(source, founded),
        "leadSources": {number: {"name": name} for number, name in enumerate(_LEAD_SOURCES, 1)},
        "filters": _filters(founded, tables),
        "roles": {number: _role(number, name, parent) for number, (name, parent) in enumerate(_ROLES, 1)},
        "permissionSets": permission_sets,
        "goals": _goals(source, founded),
        "teams": _teams(founded),
    }


def _currencies() -> Iterator[tuple[str, str, int, str]]:
    """The company's own currencies first, then all others that there are."""
    own = [code for code, *_ in _CURRENCIES]
    yield from _CURRENCIES
    for code, name in Currencies.currencies:
        if code not in own:
            yield code, name, 0 if code in _WITHOUT_CENTS else 2, code


def _currency(number: int, code: str, name: str, points: int, symbol: str) -> dict[str, Any]:
    return {
        "id": number,
        "code": code,
        "name": name,
        "decimal_points": points,
        "symbol": symbol,
        "active_flag": True,
        "is_custom_flag": False,
    }


def _activity_types(founded: int) -> Table:
    return {
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
    }


def _role(number: int, name: str, parent: int | None) -> dict[str, Any]:
    subordinates = sum(1 for _, above in _ROLES if above == number)
    return {
        "id": number,
        "parent_role_id": parent,
        "name": name,
        "active_flag": True,
        "level": 1 if parent is None else parent + 1,
        "sub_role_count": subordinates,
        "assignment_count": str(sum(1 for user in range(USERS) if _role_of(user) == number)),
    }


def _role_of(user: int) -> int:
    """The role of the user at this position: one director, every fourth in partner sales."""
    if user == 0:
        return 1
    return 3 if user % 4 == 0 else 2


def _users(source: Source, founded: int, permission_sets: list[int | str]) -> Table:
    users: Table = {}
    for number in range(USERS):
        user_id = FIRST_USER + number
        first, last = source.person_name()
        mailbox = ascii_letters(first) or "user"
        users[user_id] = {
            "id": user_id,
            "name": f"{first} {last}",
            "email": f"{mailbox}{user_id}@example.com",
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
            "role_id": _role_of(number),
            "created": v1_time(founded + number * DAY),
            "has_created_company": number == 0,
            "phone": None,
            "activated": True,
            "last_login": v1_time(source.now - number * 3_600),
            "modified": v1_time(source.now - number * DAY),
            "access": [
                {"app": "sales", "admin": number == 0, "permission_set_id": permission_sets[number > 0]},
                {"app": "global", "admin": number == 0},
                {"app": "account_settings", "admin": number == 0},
            ],
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


def _filters(founded: int, tables: dict[str, Table]) -> Table:
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
                "conditions": [
                    {
                        "glue": "and",
                        "conditions": [
                            {
                                "object": thing,
                                "field_id": _field_id(tables[fields], code),
                                "operator": operator,
                                "value": value,
                                "extra_value": None,
                            }
                        ],
                    },
                    {"glue": "or", "conditions": []},
                ],
            },
        }
        for number, (name, kind, thing, fields, code, operator, value) in enumerate(_FILTERS, 1)
    }


def _field_id(fields: Table, code: str) -> str:
    """The number of a field, which is text in conditions."""
    return next(str(number) for number, field in fields.items() if field["field_code"] == code)


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
    goals: Table = {}
    for title, kind, target, metric in (
        ("Deals won a month", "deals_won", 10, "quantity"),
        ("New deals a month", "deals_started", 30, "quantity"),
    ):
        goal_id = source.hash("goal", kind)[:24]
        goals[goal_id] = {
            "id": goal_id,
            "owner_id": FIRST_USER,
            "title": title,
            "type": {"name": kind, "params": {"pipeline_id": [1]}},
            "assignee": {"id": FIRST_USER, "type": "person"},
            "interval": "monthly",
            "duration": {"start": day(founded), "end": None},
            "expected_outcome": {"target": target, "tracking_metric": metric},
            "is_active": True,
            "report_ids": [],
        }
    return goals


def _teams(founded: int) -> Table:
    members = {
        "New business": [FIRST_USER, FIRST_USER + 1, FIRST_USER + 2],
        "Partners": [FIRST_USER + 4, FIRST_USER + 8],
    }
    return {
        number: {
            "id": number,
            "name": name,
            "description": f"Everybody who works on {name}",
            "manager_id": users[0],
            "users": users,
            "active_flag": 1,
            "deleted_flag": 0,
            "add_time": v1_time(founded),
            "created_by_user_id": FIRST_USER,
        }
        for number, (name, users) in enumerate(members.items(), 1)
    }

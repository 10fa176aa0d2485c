"""Field definitions: the built-in ones, and custom fields of every type that Pipedrive has.

https://pipedrive.readme.io/docs/core-api-concepts-custom-fields
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from airflow_provider_pipedrive.sandbox.company.office import FIRST_USER, USERS
from airflow_provider_pipedrive.sandbox.company.source import Source, day, v1_time

Table = dict[int | str, dict[str, Any]]
LABELS = ("Hot", "Warm", "Cold", "Key account")
GONE = 99
"""An option id that stands in data, but was deleted from its definition."""
_CITY_PARTS = (
    "subpremise",
    "street_number",
    "route",
    "sublocality",
    "locality",
    "admin_area_level_1",
    "admin_area_level_2",
    "country",
    "postal_code",
    "formatted_address",
)
# Name and type of the custom fields of deals: one of each type.
DEAL_FIELDS = (
    ("Contract number", "varchar"),
    ("Reference", "varchar_auto"),
    ("Summary", "text"),
    ("Seats", "double"),
    ("Yearly value", "monetary"),
    ("Segment", "enum"),
    ("Interests", "set"),
    ("Solution engineer", "user"),
    ("Reseller", "org"),
    ("Champion", "people"),
    ("Hotline", "phone"),
    ("Renewal date", "date"),
    ("Pilot period", "daterange"),
    ("Best time to call", "time"),
    ("Opening hours", "timerange"),
    ("Site", "address"),
)
_FEW = {
    # Names are not unique in Pipedrive: two fields called Source.
    "personFields": (("Source", "enum"), ("Source", "varchar"), ("Interests", "set"), ("Last visit", "date")),
    "organizationFields": (("Industry code", "varchar"), ("Rating", "enum"), ("Fleet", "double")),
    "productFields": (("Warehouse", "enum"), ("Weight", "double")),
    "projectFields": (("Risk", "enum"), ("Go-live", "date")),
}
_BUILT_IN = {
    "dealFields": (
        ("title", "Title", "varchar"),
        ("value", "Value", "monetary"),
        ("owner_id", "Owner", "user"),
        ("person_id", "Contact person", "people"),
        ("org_id", "Organization", "org"),
        ("pipeline_id", "Pipeline", "double"),
        ("stage_id", "Stage", "stage"),
        ("status", "Status", "status"),
        ("label_ids", "Label", "set"),
        ("probability", "Probability", "int"),
        ("add_time", "Deal created", "date"),
        ("update_time", "Update time", "date"),
        ("stage_change_time", "Last stage change", "date"),
        ("won_time", "Won time", "date"),
        ("lost_time", "Lost time", "date"),
        ("close_time", "Deal closed on", "date"),
        ("lost_reason", "Lost reason", "varchar_options"),
        ("expected_close_date", "Expected close date", "date"),
        ("visible_to", "Visible to", "visible_to"),
    ),
    "personFields": (
        ("name", "Name", "varchar"),
        ("owner_id", "Owner", "user"),
        ("org_id", "Organization", "org"),
        ("emails", "Email", "varchar"),
        ("phones", "Phone", "phone"),
        ("label_ids", "Label", "set"),
        ("add_time", "Person created", "date"),
        ("update_time", "Update time", "date"),
        ("visible_to", "Visible to", "visible_to"),
    ),
    "organizationFields": (
        ("name", "Name", "varchar"),
        ("owner_id", "Owner", "user"),
        ("address", "Address", "address"),
        ("label_ids", "Label", "set"),
        ("website", "Website", "varchar"),
        ("industry", "Industry", "enum"),
        ("annual_revenue", "Annual revenue", "double"),
        ("employee_count", "Employees", "double"),
        ("add_time", "Organization created", "date"),
        ("update_time", "Update time", "date"),
        ("visible_to", "Visible to", "visible_to"),
    ),
    "productFields": (
        ("name", "Name", "varchar"),
        ("code", "Product code", "varchar"),
        ("unit", "Unit", "varchar"),
        ("tax", "Tax", "double"),
        ("category", "Category", "enum"),
        ("owner_id", "Owner", "user"),
        ("prices", "Unit prices", "price_list"),
        ("visible_to", "Visible to", "visible_to"),
    ),
    "activityFields": (
        ("subject", "Subject", "varchar"),
        ("type", "Type", "enum"),
        ("owner_id", "Assigned to user", "user"),
        ("deal_id", "Deal", "deal"),
        ("due_date", "Due date", "date"),
        ("done", "Done", "boolean"),
        ("priority", "Priority", "enum"),
        ("note", "Note", "text"),
    ),
    "projectFields": (
        ("title", "Title", "varchar"),
        ("status", "Status", "enum"),
        ("board_id", "Board", "projects_board"),
        ("phase_id", "Phase", "projects_phase"),
        ("label_ids", "Label", "set"),
    ),
    "leadFields": (("title", "Title", "varchar"), ("value", "Value", "monetary"), ("owner_id", "Owner", "user")),
    "noteFields": (("content", "Content", "text"), ("add_time", "Note created", "date")),
}
_OPTIONS = {
    "Segment": ("Small", "Medium", "Large"),
    "Interests": ("Analytics", "Automation", "Support", "Training"),
    "Source": ("Fair", "Web", "Web"),  # labels are not unique either
    "Rating": ("A", "B", "C"),
    "Warehouse": ("North", "South"),
    "Risk": ("Low", "High"),
}
_SYSTEM_OPTIONS = {
    "status": (("open", "Open"), ("won", "Won"), ("lost", "Lost"), ("deleted", "Deleted")),
    "category": ((1, "Licences"), (2, "Services")),
    "industry": ((1, "Software"), (2, "Manufacturing"), (3, "Retail")),
    "visible_to": ((1, "Owner only"), (3, "Entire company")),
}


def field_code(seed: int, table: str, name: str, number: int = 1) -> str:
    """The 40-character code of a custom field: the ``number``-th of this name in ``table``."""
    return hashlib.sha1(f"{seed}:{table}:{name}:{number}".encode(), usedforsecurity=False).hexdigest()


def fields(source: Source) -> dict[str, Table]:
    """The definitions of every entity, by their numeric v1 id."""
    time = v1_time(source.now - 3 * 365 * 86_400)
    tables: dict[str, Table] = {}
    for offset, (table, built_in) in enumerate(_BUILT_IN.items()):
        rows: Table = {}
        first = 12_000 + offset * 200
        for code, name, kind in built_in:
            _add(rows, first, code, name, kind, time, options=_system_options(code))
        seen: dict[str, int] = {}
        for name, kind in DEAL_FIELDS if table == "dealFields" else _FEW.get(table, ()):
            seen[name] = seen.get(name, 0) + 1
            code = field_code(source.seed, table, name, seen[name])
            _add(rows, first, code, name, kind, time, options=_custom_options(name, kind), custom=True)
        tables[table] = rows
    return tables


def _add(
    rows: Table,
    first: int,
    code: str,
    name: str,
    kind: str,
    time: str,
    *,
    options: list[dict[str, Any]] | None,
    custom: bool = False,
) -> None:
    field_id = first + len(rows)
    rows[field_id] = {
        "id": field_id,
        "field_name": name,
        "field_code": code,
        "description": None,
        "field_type": kind,
        "options": options,
        "subfields": _subfields(code, kind) if custom else None,
        "is_custom_field": custom,
        "is_optional_response_field": False,
        "ui_visibility": {
            "add_visible_flag": custom,
            "details_visible_flag": True,
            "projects_detail_visible_flag": False,
        },
        "important_fields": {"enabled": False, "stage_ids": []},
        "required_fields": {"enabled": False, "stage_ids": [], "statuses": {}},
        "order_nr": len(rows) + 1,
        "add_time": time,
        "update_time": time,
        "edit_flag": custom,
        "mandatory_flag": code in ("title", "name"),
        "active_flag": True,
    }


def _system_options(code: str) -> list[dict[str, Any]] | None:
    if code == "label_ids":
        return _options(list(enumerate(LABELS, 1)))
    return _options(list(_SYSTEM_OPTIONS[code])) if code in _SYSTEM_OPTIONS else None


def _custom_options(name: str, kind: str) -> list[dict[str, Any]] | None:
    return _options(list(enumerate(_OPTIONS[name], 1))) if kind in ("enum", "set") else None


def _options(pairs: list[tuple[Any, str]]) -> list[dict[str, Any]]:
    return [{"id": key, "label": label, "color": None, "add_time": None, "update_time": None} for key, label in pairs]


def _subfields(code: str, kind: str) -> list[dict[str, Any]] | None:
    parts = {
        "monetary": (("currency", "varchar"),),
        "daterange": (("until", "date"),),
        "time": (("timezone_id", "int"),),
        "timerange": (("until", "time"), ("timezone_id", "int")),
        "address": tuple((part, "varchar") for part in _CITY_PARTS),
    }.get(kind)
    if parts is None:
        return None
    return [
        {"field_code": f"{code}_{part}", "field_name": part.replace("_", " ").capitalize(), "field_type": sort}
        for part, sort in parts
    ]


def custom_values(source: Source, table: Table, contacts: tuple[int, int], *, fill: float = 0.6) -> dict[str, Any]:
    """Values for an entity's custom fields in the shape of v2's ``custom_fields``: some set, some null, some absent.

    :param contacts: how many organizations and persons there are to point to
    """
    values: dict[str, Any] = {}
    for field in table.values():
        if field["is_custom_field"]:
            drawn = source.random.random()
            if drawn < fill:
                values[field["field_code"]] = _VALUES[field["field_type"]](source, field, contacts)
            elif drawn < fill + 0.1:
                values[field["field_code"]] = None
    return values


def _option(source: Source, field: dict[str, Any]) -> int:
    if source.chance(0.001):
        return GONE
    return int(source.pick(field["options"])["id"])


def address(source: Source) -> dict[str, Any]:
    """An address with its parts, as v2 shapes it."""
    city, code, country = source.pick(source.cities)
    street, number = source.pick(source.streets), str(source.random.randint(1, 99))
    value = f"{street} {number}, {code} {city}, {country}"
    known = {"street_number": number, "route": street, "locality": city, "country": country, "postal_code": code}
    return {"value": value, **dict.fromkeys(_CITY_PARTS), **known, "formatted_address": value}


_Value = Callable[[Source, dict[str, Any], tuple[int, int]], Any]
_VALUES: dict[str, _Value] = {
    "varchar": lambda source, field, contacts: f"{field['field_name'][:3].upper()}-{source.random.randint(1000, 9999)}",
    "varchar_auto": lambda source, field, contacts: f"R{source.random.randint(1, 500)}",
    "text": lambda source, field, contacts: (
        f"Talked to {source.pick(source.last_names)}, wants an offer for {source.random.randint(2, 40)} seats."
    ),
    "phone": lambda source, field, contacts: f"+1 555 {source.random.randint(1_000_000, 9_999_999)}",
    "double": lambda source, field, contacts: round(source.random.uniform(1, 500), 2),
    "monetary": lambda source, field, contacts: {"value": source.random.randint(100, 90_000), "currency": "EUR"},
    "enum": lambda source, field, contacts: _option(source, field),
    "set": lambda source, field, contacts: sorted({_option(source, field), _option(source, field)}),
    "user": lambda source, field, contacts: FIRST_USER + source.random.randrange(USERS - 1),
    "org": lambda source, field, contacts: source.random.randint(1, contacts[0]),
    "people": lambda source, field, contacts: source.random.randint(1, contacts[1]),
    "date": lambda source, field, contacts: day(source.now, source.random.randint(-300, 300)),
    "daterange": lambda source, field, contacts: _span(source),
    "time": lambda source, field, contacts: {
        "value": "09:30:00",
        "timezone_id": 254,
        "timezone_name": "Europe/Tallinn",
    },
    "timerange": lambda source, field, contacts: {
        "value": "08:00:00",
        "until": "16:30:00",
        "timezone_id": 254,
        "timezone_name": "Europe/Tallinn",
    },
    "address": lambda source, field, contacts: address(source),
}


def _span(source: Source) -> dict[str, str]:
    start = source.random.randint(-200, 200)
    return {"value": day(source.now, start), "until": day(source.now, start + source.random.randint(1, 60))}

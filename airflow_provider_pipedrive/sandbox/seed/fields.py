"""Field definitions: the built-in ones, and custom fields of every type that Pipedrive has.

https://pipedrive.readme.io/docs/core-api-concepts-custom-fields
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, cycle, product
from typing import Any

from airflow_provider_pipedrive.catalog.shapes import ADDRESS, CUSTOM_ADDRESS
from airflow_provider_pipedrive.sandbox.seed.source import Source, Table, digits, v2_time

LABELS = (("Hot", "red"), ("Warm", "yellow"), ("Cold", "blue"), ("Key account", "green"))
PLACE_PARTS = tuple(part.name for part in ADDRESS[1:])
ADDRESS_PARTS = tuple(part.name for part in CUSTOM_ADDRESS[1:])
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
_AREAS = (
    "Budget",
    "Contract",
    "Delivery",
    "Handover",
    "Invoice",
    "Legal",
    "Marketing",
    "Migration",
    "Onboarding",
    "Partner",
    "Pricing",
    "Procurement",
    "Security",
    "Support",
    "Training",
)
_ASPECTS = (
    ("status", "enum"),
    ("date", "date"),
    ("hours", "double"),
    ("note", "text"),
    ("reference", "varchar"),
    ("cost", "monetary"),
    ("parties", "set"),
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
        ("origin", "Source origin", "varchar"),
        ("is_archived", "Archive status", "boolean"),
        ("next_activity_id", "Next activity", "activity"),
        ("products_count", "Products", "int"),
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
        ("open_deals_count", "Open deals", "int"),
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
        ("people_count", "People", "int"),
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
        ("attendees", "Attendees", "participants"),
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
    "status": ("Open", "Done"),
    "parties": ("Buyer", "Finance", "Legal"),
}
_DELETED_OPTIONS = {"Segment": ("Tiny",)}
"""Options that still stand in data, but were deleted from their definition."""
_SYSTEM_OPTIONS: dict[str, tuple[tuple[Any, str], ...]] = {
    "label_ids": tuple((number, name) for number, (name, _color) in enumerate(LABELS, 1)),
    "status": (("open", "Open"), ("won", "Won"), ("lost", "Lost"), ("deleted", "Deleted")),
    "category": ((1, "Licences"), (2, "Services")),
    "industry": ((1, "Software"), (2, "Manufacturing"), (3, "Retail")),
    "priority": ((1, "Low"), (2, "Medium"), (3, "High")),
    "visible_to": ((1, "Owner only"), (3, "Entire company")),
}
_COLORS = dict(LABELS)
_ON_REQUEST = frozenset({"next_activity_id", "products_count", "open_deals_count", "people_count", "attendees"})
"""Fields that records have only where ``include_fields`` names them."""
_PIPELINES = {"show_in_pipelines": {"show_in_all": True, "pipeline_ids": []}}
_IN_DEAL_DIALOG = {"show_in_add_deal_dialog": {"show": False, "order": None}}
_VISIBILITY: dict[str, dict[str, Any]] = {
    "dealFields": {"projects_detail_visible_flag": False, **_PIPELINES},
    "personFields": _IN_DEAL_DIALOG,
    "organizationFields": {
        "org_detail_visible_flag": True,
        "person_detail_visible_flag": False,
        "deal_detail_visible_flag": False,
        **_IN_DEAL_DIALOG,
        "show_in_add_person_dialog": {"show": False, "order": None},
    },
}
"""What ``ui_visibility`` says besides the two flags that every entity's fields have."""
_MANDATORY = ("title", "name")
_FIRST_OPTION = 11
_FIRST_SELDOM_OPTION = 1001


def field_code(seed: int, table: str, name: str, number: int = 1) -> str:
    """The 40-character code of a custom field: the ``number``-th of this name in ``table``."""
    return digits(seed, table, name, number)


def fields(source: Source, custom_fields: int = len(DEAL_FIELDS)) -> dict[str, Table]:
    """The definitions of every entity, by their numeric v1 id; deals have so many custom fields."""
    time = v2_time(source.founded)
    option_ids = count(_FIRST_OPTION)  # unique in the whole company
    tables: dict[str, Table] = {}
    for offset, (table, built_in) in enumerate(_BUILT_IN.items()):
        first = 12_000 + offset * 200
        rows = [_field(table, code, name, kind, _system_options(code)) for code, name, kind in built_in]
        rows += _custom_fields(source, table, option_ids, time)
        if table == "dealFields":
            rows += _seldom_fields(source, custom_fields - len(DEAL_FIELDS), time)
        tables[table] = {
            first + number: {"id": first + number, **row, "order_nr": number + 1, "add_time": time, "update_time": time}
            for number, row in enumerate(rows)
        }
    return tables


def _custom_fields(source: Source, table: str, option_ids: Iterator[int], time: str) -> Iterator[dict[str, Any]]:
    seen: dict[str, int] = {}
    for name, kind in DEAL_FIELDS if table == "dealFields" else _FEW.get(table, ()):
        seen[name] = seen.get(name, 0) + 1
        code = field_code(source.seed, table, name, seen[name])
        if kind not in ("enum", "set"):
            yield _field(table, code, name, kind, None, custom=True)
            continue
        options = _options(((next(option_ids), label) for label in _OPTIONS[name]), time)
        field = _field(table, code, name, kind, options, custom=True)
        deleted = [{"id": next(option_ids), "label": label} for label in _DELETED_OPTIONS.get(name, ())]
        yield {**field, "options_deleted": deleted} if deleted else field


def _seldom_fields(source: Source, how_many: int, time: str) -> Iterator[dict[str, Any]]:
    """What an old account has gathered: fields that few deals have a value in."""
    option_ids = count(_FIRST_SELDOM_OPTION)
    for number, (area, (aspect, kind)) in zip(range(how_many), cycle(product(_AREAS, _ASPECTS)), strict=False):
        round_ = number // (len(_AREAS) * len(_ASPECTS))
        name = f"{area} {aspect}" + (f" {round_ + 1}" if round_ else "")
        labels = _OPTIONS.get(aspect)
        options = _options(((next(option_ids), label) for label in labels), time) if labels else None
        yield _field("dealFields", field_code(source.seed, "dealFields", name), name, kind, options, custom=True)


def _field(
    table: str, code: str, name: str, kind: str, options: list[dict[str, Any]] | None, custom: bool = False
) -> dict[str, Any]:
    return {
        "field_name": name,
        "field_code": code,
        "description": None,
        "field_type": kind,
        "options": options,
        "subfields": subfields(code, kind) if custom else None,
        "is_custom_field": custom,
        "is_optional_response_field": code in _ON_REQUEST,
        "ui_visibility": {
            "add_visible_flag": custom,
            "details_visible_flag": True,
            **_VISIBILITY.get(table, {}),
        },
        "important_fields": {"enabled": False, "stage_ids": []},
        "required_fields": {"enabled": False, "stage_ids": [], "statuses": {}},
        "edit_flag": custom,
        "mandatory_flag": {"org_id": "<=0"} if (table, code) == ("dealFields", "person_id") else code in _MANDATORY,
        "active_flag": True,
    }


def _system_options(code: str) -> list[dict[str, Any]] | None:
    return _options(_SYSTEM_OPTIONS[code], None) if code in _SYSTEM_OPTIONS else None


def _options(pairs: Iterable[tuple[Any, str]], time: str | None) -> list[dict[str, Any]]:
    return [
        {"id": key, "label": label, "color": _COLORS.get(label), "add_time": time, "update_time": time}
        for key, label in pairs
    ]


_SUBFIELDS: dict[str, tuple[tuple[str, str], ...]] = {
    "monetary": (("currency", "varchar"),),
    "daterange": (("until", "date"),),
    "time": (("timezone_id", "int"),),
    "timerange": (("until", "time"), ("timezone_id", "int")),
    "address": tuple((part, "varchar") for part in ADDRESS_PARTS),
}


def subfields(code: str, kind: str) -> list[dict[str, Any]] | None:
    """The parts of a composite custom field; None for a plain one."""
    if kind not in _SUBFIELDS:
        return None
    return [
        {"field_code": f"{code}_{part}", "field_name": part.replace("_", " ").capitalize(), "field_type": sort}
        for part, sort in _SUBFIELDS[kind]
    ]

"""Which records a list's query lets through."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.state.rules import is_purged
from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views.custom_fields import FIELD_TABLES

Condition = Callable[[Record], bool]

_EQUAL = frozenset(
    [
        "owner_id",
        "person_id",
        "org_id",
        "pipeline_id",
        "stage_id",
        "deal_id",
        "lead_id",
        "done",
        "project_id",
        "board_id",
        "phase_id",
        "parent_task_id",
        "is_done",
        "is_milestone",
        "organization_id",
    ]
)
_NARROWED_BY_FILTER = frozenset(
    [
        "ids",
        "owner_id",
        "person_id",
        "org_id",
        "organization_id",
        "pipeline_id",
        "stage_id",
        "status",
        "deal_id",
        "lead_id",
        "done",
        "phase_id",
    ]
)
"""What ``filter_id`` silently overrides."""
LOOKED_AT = {"persons": ("deals", "participants")}
"""Other tables on which a list's filters depend."""
_FILTER_TYPES = {
    "deals": "deals",
    "leads": "leads",
    "persons": "people",
    "organizations": "org",
    "products": "products",
    "activities": "activity",
    "projects": "projects",
}


def living(record: Record) -> bool:
    """Neither deleted nor archived."""
    return not record.get("is_deleted") and not record.get("is_archived")


def base_of(state: State, table: str, args: dict[str, Any]) -> Condition:
    """What a list shows without any filter. Deleted deals show only where the status asks for them, for 30 days."""
    if table == "deals" and "deleted" in args.get("status", ()) and "filter_id" not in args:
        return lambda record: not record.get("is_archived") and not is_purged(state, record)
    return living


def archived_base(state: State, args: dict[str, Any]) -> Condition:
    """Archived records, deleted ones only where the status asks for them."""
    if "deleted" in args.get("status", ()):
        return lambda record: bool(record.get("is_archived")) and not is_purged(state, record)
    return lambda record: bool(record.get("is_archived")) and not record.get("is_deleted")


def predicate(state: State, table: str, args: dict[str, Any], base: Condition) -> Condition:
    """The condition that a list's query stands for.

    :raises Refusal: the filter does not exist or is for other records
    """
    conditions = [base]
    overridden = "filter_id" in args
    if overridden:
        conditions.append(stored_filter(state, table, args["filter_id"]))
    for name, value in args.items():
        if overridden and name in _NARROWED_BY_FILTER:
            continue
        condition = _condition(state, table, name, value)
        if condition:
            conditions.append(condition)
    if len(conditions) == 1:
        return base
    return lambda record: all(condition(record) for condition in conditions)


def _condition(state: State, table: str, name: str, value: Any) -> Condition | None:
    if name == "ids":
        ids = set(value)
        return lambda record: record["id"] in ids
    if name == "status":
        wanted = set(value if isinstance(value, list) else str(value).split(","))
        return lambda record: record.get("status") in wanted
    if name == "updated_since":
        return lambda record: (record.get("update_time") or "") >= value
    if name == "updated_until":
        return lambda record: "" < (record.get("update_time") or "") < value
    if table == "persons" and name == "deal_id":
        linked = _persons_of(state, value)
        return lambda record: record["id"] in linked
    if table == "tasks" and name == "assignee_id":
        return lambda record: value in record.get("assignee_ids", ())
    if table == "tasks" and name == "parent_task_id":
        parent = None if value == "null" else int(value)
        return lambda record: record.get("parent_task_id") == parent
    if table == "projects" and name in ("deal_id", "person_id", "org_id"):
        return lambda record: value in (record.get(f"{name}s") or ())
    if name in _EQUAL:
        return lambda record: record.get(name) == value
    return None


def _persons_of(state: State, deal_id: int) -> set[Any]:
    deal = state.get("deals", deal_id) or {}
    return {deal.get("person_id")} | {row["person_id"] for row in state["participants"].where("deal_id", deal_id)}


# Stored filters


def stored_filter(state: State, table: str, filter_id: int) -> Condition:
    """The condition of a filter that somebody has saved.

    :raises Refusal: there is none, or it is for other records
    """
    found = state.get("filters", filter_id)
    if found is None or found.get("active_flag") is False:
        raise refusals.not_found("Filter")
    if found["type"] != _FILTER_TYPES[table]:
        raise refusals.invalid("filter_id", f"the filter is for {found['type']}")
    return _group(state, table, found.get("conditions") or {})


def _group(state: State, table: str, group: Record) -> Condition:
    parts = [
        _group(state, table, item) if "conditions" in item else _single(state, table, item)
        for item in group.get("conditions") or ()
        if item and ("conditions" not in item or item["conditions"])
    ]
    if not parts:
        return lambda record: True
    join = any if group.get("glue") == "or" else all
    return lambda record: join(part(record) for part in parts)


def _single(state: State, table: str, condition: Record) -> Condition:
    code = _field_code(state, table, condition.get("field_id"))
    operator, wanted = str(condition.get("operator")), condition.get("value")

    def holds(record: Record) -> bool:
        value = record.get(code) if code in record else (record.get("custom_fields") or {}).get(code)
        if isinstance(value, dict):
            value = value.get("value")
        return _compare(value, operator, wanted)

    return holds


def _field_code(state: State, table: str, field_id: Any) -> str:
    fields = state[FIELD_TABLES[table]]
    by_id = state.get(FIELD_TABLES[table], field_id)
    if by_id is not None:
        return str(by_id["field_code"])
    return next((f["field_code"] for f in fields if f["field_code"] == field_id), str(field_id))


def _compare(value: Any, operator: str, wanted: Any) -> bool:
    if operator == "IS NULL":
        return value in (None, "", [])
    if operator == "IS NOT NULL":
        return value not in (None, "", [])
    if value is None:
        return operator == "!=" and wanted is not None
    if operator.startswith(("LIKE", "NOT LIKE")):
        pattern = operator.split("LIKE", 1)[1].strip().strip("'").replace("$", str(wanted)) or f"%{wanted}%"
        regex = ".*".join(re.escape(part) for part in pattern.split("%"))
        return bool(re.fullmatch(regex, str(value), re.IGNORECASE)) != operator.startswith("NOT")
    left, right = _comparable(value), _comparable(wanted)
    if type(left) is not type(right):
        left, right = str(value).lower(), str(wanted).lower()
    results = {"=": left == right, "!=": left != right, ">": left > right, "<": left < right}
    results.update({">=": left >= right, "<=": left <= right})
    return bool(results.get(operator, False))


def _comparable(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value).lower()

"""Records as v2 shows them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.sandbox.server.messages import Request
from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views.custom_fields import FIELD_TABLES, definitions, option_label, whole

View = Callable[[Record], Record]

_LISTS = {
    "deals": "getDeals",
    "persons": "getPersons",
    "organizations": "getOrganizations",
    "activities": "getActivities",
}
OPTIONAL: dict[str, frozenset[str]] = {
    table: frozenset(ACTIONS[key].by_name["include_fields"].enum) for table, key in _LISTS.items()
}
"""Fields that come only when ``include_fields`` names them."""

_HIDDEN: dict[str, frozenset[str]] = {
    "projects": frozenset({"is_deleted", "is_archived"}),
    "tasks": frozenset({"is_deleted"}),
    "boards": frozenset({"is_deleted"}),
    "phases": frozenset({"is_deleted"}),
}
_NEVER = frozenset({"delete_time", "template_id"})


@cache
def _hidden(table: str) -> frozenset[str]:
    return OPTIONAL.get(table, frozenset()) | _HIDDEN.get(table, frozenset()) | _NEVER


def stored_view(table: str, record: Record) -> Record:
    """All fields of a record but the optional and the inner ones; of its custom fields those that are stored."""
    hidden = _hidden(table)
    return {name: value for name, value in record.items() if name not in hidden}


def view_of(state: State, table: str) -> View:
    """The usual view of a table's records: with every custom field that is defined."""
    if table not in FIELD_TABLES:
        return lambda record: stored_view(table, record)

    def view(record: Record) -> Record:
        shown = stored_view(table, record)
        if "custom_fields" in shown:
            shown["custom_fields"] = whole(state, table, shown["custom_fields"])
        return shown

    return view


def definitions_version(state: State, table: str) -> int:
    """What changes when the definitions of a table's custom fields do."""
    return state[FIELD_TABLES[table]].version if table in FIELD_TABLES else 0


def is_usual(request: Request) -> bool:
    """Whether the request asks for nothing besides the usual view."""
    args = request.args
    return not (
        args.get("include_fields")
        or args.get("custom_fields")
        or args.get("include_option_labels")
        or args.get("include_labels")
    )


def asked_view(state: State, request: Request, table: str) -> View:
    """The view that the request's ``include_fields``, ``custom_fields`` and labels ask for."""
    usual = view_of(state, table)
    if is_usual(request):
        return usual
    args = request.args
    known = definitions(state, table)

    def view(record: Record) -> Record:
        shown = usual(record)
        custom = shown.get("custom_fields")
        if args.get("custom_fields"):
            custom = {key: (custom or {}).get(key) for key in args["custom_fields"] if key in known}
        if args.get("include_option_labels"):
            custom = {key: _labelled(known.get(key), value) for key, value in (custom or {}).items()}
        if "custom_fields" in shown:
            shown["custom_fields"] = custom
        if args.get("include_labels"):
            shown["labels"] = _labels(state, table, record)
        for name in args.get("include_fields") or ():
            shown[name] = optional_value(state, table, record, name)
        return shown

    return view


def _labelled(field: Record | None, value: Any) -> Any:
    if field is None or value is None:
        return value
    if field["field_type"] == "enum":
        return {"id": value, "label": option_label(field, value)}
    if field["field_type"] == "set":
        return [{"id": item, "label": option_label(field, item)} for item in value]
    return value


def _labels(state: State, table: str, record: Record) -> list[Record]:
    fields = {"deals": "dealFields", "persons": "personFields", "organizations": "organizationFields"}[table]
    label_field = next((f for f in state[fields] if f["field_code"] in ("label_ids", "label")), {})
    return [{"id": item, "label": option_label(label_field, item)} for item in record.get("label_ids") or ()]


_ANCHOR = {"deals": "deal_id", "persons": "person_id", "organizations": "org_id", "products": "product_id"}


def optional_value(state: State, table: str, record: Record, name: str) -> Any:
    """One field of ``include_fields``: counted from the state, or as it is stored."""
    key, anchor = record["id"], _ANCHOR.get(table, "")
    if name.endswith("activities_count") or name in ("next_activity_id", "last_activity_id"):
        return _of_activities(state, anchor, key, name)
    if name.endswith("deals_count"):
        return _count_deals(state, table, record, name)
    if name in ("files_count", "notes_count"):
        rows = state[name.removesuffix("_count")].where(anchor, key)
        return sum(1 for row in rows if row.get("active_flag", True))
    if name == "products_count":
        return len(state["dealProducts"].where("deal_id", key))
    if name == "participants_count":
        return len(state["participants"].where("deal_id", key))
    if name == "followers_count":
        return sum(1 for row in state["followers"].where("record_id", key) if row["entity"] == table)
    if name == "people_count":
        return sum(1 for person in state["persons"].where("org_id", key) if not person.get("is_deleted"))
    if name == "email_messages_count":
        return sum(1 for mail in state["mailMessages"].where(anchor, key))
    if name == "smart_bcc_email":
        return record.get(name) or f"sandbox+{table[:-1]}{key}@pipedrivemail.com"
    if name == "first_won_time":
        return record.get(name) or record.get("won_time")
    return record.get(name, [] if name == "attendees" else None)


def _of_activities(state: State, anchor: str, key: Any, name: str) -> Any:
    rows = [row for row in state["activities"].where(anchor, key) if not row.get("is_deleted")]
    if name == "activities_count":
        return len(rows)
    done = [row for row in rows if row.get("done")]
    undone = [row for row in rows if not row.get("done")]
    if name == "done_activities_count":
        return len(done)
    if name == "undone_activities_count":
        return len(undone)
    if name == "next_activity_id":
        return min(undone, key=lambda row: (row.get("due_date") or "", row["id"]), default={"id": None})["id"]
    return max(done, key=lambda row: (row.get("due_date") or "", row["id"]), default={"id": None})["id"]


def _count_deals(state: State, table: str, record: Record, name: str) -> int:
    key = record["id"]
    if name.startswith("related_"):
        people = state["persons"].where("org_id", key) if table == "organizations" else []
        deals = [d for p in people for d in state["deals"].where("person_id", p["id"]) if d.get("org_id") != key]
    elif name.startswith("participant_"):
        rows = state["participants"].where("person_id", key)
        deals = [deal for row in rows if (deal := state.get("deals", row["deal_id"]))]
    else:
        deals = state["deals"].where(_ANCHOR[table], key)
    wanted = name.removesuffix("_deals_count").split("_")[-1]
    statuses = ("won", "lost") if wanted == "closed" else (wanted,)
    return sum(1 for deal in deals if deal["status"] in statuses)

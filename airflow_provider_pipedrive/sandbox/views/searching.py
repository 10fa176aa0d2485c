"""Finding records by text, and the reduced objects that a search shows. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views.custom_fields import definitions

TABLES = {
    "deal": "deals",
    "person": "persons",
    "organization": "organizations",
    "product": "products",
    "lead": "leads",
    "file": "files",
    "mail_attachment": "files",
    "project": "projects",
}
SEARCHABLE = frozenset({"address", "varchar", "text", "varchar_auto", "double", "monetary", "phone"})
"""Types of custom fields that a search looks into."""
_NOTE_LINKS = {
    "deal": "deal_id",
    "person": "person_id",
    "organization": "org_id",
    "lead": "lead_id",
    "project": "project_id",
}
_OWN_FIELDS = {
    "deal": ("title",),
    "person": ("name", "email", "phone"),
    "organization": ("name", "address"),
    "product": ("name", "code"),
    "lead": ("title",),
    "file": ("name",),
    "mail_attachment": ("name",),
    "project": ("title", "description"),
}


def _living(kind: str, record: Record) -> bool:
    if record.get("is_deleted") or record.get("active_flag") is False:
        return False
    if kind == "project":
        return not record.get("is_archived")
    return kind not in ("file", "mail_attachment") or (record.get("mail_message_id") is None) == (kind == "file")


def texts(state: State, kind: str, record: Record, keys: list[str], fields: list[str] | None) -> dict[str, list[str]]:
    """What can be searched in a record, by the name of the search's field. ``keys`` are those of custom fields."""
    found: dict[str, list[str]] = {}
    for name in _OWN_FIELDS[kind]:
        if not fields or name in fields:
            found[name] = [text for text in _own(record, name) if text]
    if kind in _NOTE_LINKS and (not fields or "notes" in fields):
        notes = state["notes"].where(_NOTE_LINKS[kind], record["id"])
        found["notes"] = [note["content"] for note in notes if note.get("active_flag", True)]
    if keys and (not fields or "custom_fields" in fields):
        found["custom_fields"] = list(_custom(kind, record, keys))
    return found


def searchable_keys(state: State, kind: str) -> list[str]:
    """The custom fields of a kind that a search looks into."""
    if kind in ("file", "mail_attachment"):
        return []
    return [key for key, field in definitions(state, TABLES[kind]).items() if field["field_type"] in SEARCHABLE]


def _own(record: Record, name: str) -> Iterator[str]:
    if name in ("email", "phone"):
        for item in record.get(f"{name}s") or ():
            yield str(item["value"])
    elif name == "address":
        yield str((record.get("address") or {}).get("value") or "")
    else:
        yield str(record.get(name) or "")


def _custom(kind: str, record: Record, keys: list[str]) -> Iterator[str]:
    values = record if kind == "lead" else record.get("custom_fields") or {}
    for key in keys:
        value = values.get(key)
        if isinstance(value, dict):
            value = value.get("value")
        if value is not None:
            yield str(value)


def search(state: State, kind: str, term: str, exact: bool, fields: list[str] | None) -> list[Record]:
    """The search items ``{result_score, item}`` of one kind, best first. Case does not matter."""
    wanted = term.casefold()
    keys = searchable_keys(state, kind)
    hits = []
    for record in state[TABLES[kind]]:
        if not _living(kind, record):
            continue
        matched = {
            name: [text for text in found if (text.casefold() == wanted if exact else wanted in text.casefold())]
            for name, found in texts(state, kind, record, keys, fields).items()
        }
        if any(matched.values()):
            whole = any(text.casefold() == wanted for found in matched.values() for text in found)
            hits.append({"result_score": 1.0 if whole else 0.5, "item": item(state, kind, record, matched)})
    return sorted(hits, key=lambda hit: -hit["result_score"])


def search_field(state: State, kind: str, field: str, term: str, match: str) -> list[Record]:
    """The search items of one kind by one field. Here case matters."""
    hits = []
    for record in state[TABLES[kind]]:
        if not _living(kind, record):
            continue
        value = record.get(field, (record.get("custom_fields") or {}).get(field))
        value = value.get("value") if isinstance(value, dict) else value
        text = "" if value is None else str(value)
        if {"exact": text == term, "beginning": text.startswith(term), "middle": term in text}[match]:
            hits.append({"result_score": 1.0, "item": {"id": record["id"], field: value}})
    return hits


def item(state: State, kind: str, record: Record, matched: dict[str, list[str]]) -> Record:
    """The reduced object of a hit."""
    found = {"custom_fields": matched.get("custom_fields", []), "notes": matched.get("notes", [])}
    owner = {"owner": {"id": record.get("owner_id")}}
    return {"id": record["id"], "type": kind, **_ITEMS[kind](state, record, owner, found)}


def _deal(state: State, record: Record, owner: Record, found: Record) -> Record:
    stage = state.get("stages", record["stage_id"]) or {}
    return {
        "title": record["title"],
        "value": record["value"],
        "currency": record["currency"],
        "status": record["status"],
        "visible_to": record.get("visible_to"),
        **owner,
        "stage": {"id": stage.get("id"), "name": stage.get("name")},
        "person": _brief(state, "persons", record.get("person_id")),
        "organization": _brief_organization(state, record.get("org_id")),
        **found,
        "is_archived": bool(record.get("is_archived")),
    }


def _person(state: State, record: Record, owner: Record, found: Record) -> Record:
    emails = [entry["value"] for entry in record.get("emails") or ()]
    return {
        "name": record["name"],
        "phones": [entry["value"] for entry in record.get("phones") or ()],
        "emails": emails,
        "primary_email": emails[0] if emails else None,
        "visible_to": record.get("visible_to"),
        **owner,
        "organization": _brief_organization(state, record.get("org_id")),
        **found,
    }


def _organization(state: State, record: Record, owner: Record, found: Record) -> Record:
    address = (record.get("address") or {}).get("value")
    return {"name": record["name"], "address": address, "visible_to": record.get("visible_to"), **owner, **found}


def _product(state: State, record: Record, owner: Record, found: Record) -> Record:
    shown = {"name": record["name"], "code": record.get("code"), "visible_to": record.get("visible_to")}
    return {**shown, **owner, "custom_fields": found["custom_fields"]}


def _lead(state: State, record: Record, owner: Record, found: Record) -> Record:
    value = record.get("value") or {}
    person = state.get("persons", record.get("person_id")) or {}
    return {
        "title": record["title"],
        **owner,
        "person": _brief(state, "persons", record.get("person_id")),
        "organization": _brief_organization(state, record.get("organization_id")),
        "phones": [entry["value"] for entry in person.get("phones") or ()],
        "emails": [entry["value"] for entry in person.get("emails") or ()],
        **found,
        "value": value.get("amount"),
        "currency": value.get("currency"),
        "visible_to": int(record.get("visible_to") or 3),
        "is_archived": bool(record.get("is_archived")),
    }


def _project(state: State, record: Record, owner: Record, found: Record) -> Record:
    deals = record.get("deal_ids") or []
    deal = state.get("deals", deals[0]) if deals else None
    return {
        "title": record["title"],
        "status": record.get("status"),
        **owner,
        "board_id": record.get("board_id"),
        "phase": _brief(state, "phases", record.get("phase_id")),
        "person": _brief(state, "persons", (record.get("person_ids") or [None])[0]),
        "organization": _brief_organization(state, (record.get("org_ids") or [None])[0]),
        "deal": {"id": deal["id"], "title": deal["title"]} if deal else None,
        "deal_count": len(deals),
        "description": record.get("description"),
        "end_date": record.get("end_date"),
        **found,
    }


def _file(state: State, record: Record, owner: Record, found: Record) -> Record:
    return {"name": record["name"], "url": f"/v1/files/{record['id']}/download"}


_ITEMS: dict[str, Callable[[State, Record, Record, Record], Record]] = {
    "deal": _deal,
    "person": _person,
    "organization": _organization,
    "product": _product,
    "lead": _lead,
    "project": _project,
    "file": _file,
    "mail_attachment": _file,
}
"""The reduced object of each kind, from the record, its owner, and the custom fields and notes that matched."""


def _brief(state: State, table: str, key: Any) -> Record | None:
    record = state.get(table, key)
    return {"id": record["id"], "name": record["name"]} if record else None


def _brief_organization(state: State, key: Any) -> Record | None:
    record = state.get("organizations", key)
    if record is None:
        return None
    return {"id": record["id"], "name": record["name"], "address": (record.get("address") or {}).get("value")}

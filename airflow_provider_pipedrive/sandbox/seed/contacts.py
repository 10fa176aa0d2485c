"""Organizations and persons."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox.seed.office import FIRST_OWNER, FIRST_USER, USERS
from airflow_provider_pipedrive.sandbox.seed.source import DAY, Source, Table, ascii_letters, day, v1_time, v2_time
from airflow_provider_pipedrive.sandbox.seed.values import CustomValues, place

_TRADES = ("Consulting", "Foods", "Labs", "Logistics", "Media", "Partners", "Software", "Textiles", "Tools", "Travel")
_LABEL_SETS = ((), (), (1,), (2,), (3,), (4,), (1, 4), (2, 3))
_MAIL_HOSTS = ("example.com", "example.net", "example.org")  # reserved by RFC 2606


def owner(source: Source, number: int = 0) -> int:
    """Somebody who is still there; whatever the seed, the same one for the first record of each table."""
    return FIRST_OWNER if number == 1 else FIRST_USER + source.below(USERS - 1)


def labels(source: Source) -> list[int]:
    """None, one or two label ids."""
    return list(source.pick(_LABEL_SETS))


def visibility(source: Source) -> int:
    """The entire company (3), seldom the owner alone (1)."""
    return 1 if source.chance(0.03) else 3


def deleted_time(source: Source, number: int, count: int, since: int) -> int | None:
    """When a record was deleted, in the last weeks, since Pipedrive forgets deleted ones after 30 days.

    One in a hundred is, and the last but one of every table, so that no company is without.
    """
    if number != count - 1 and not source.chance(0.01):
        return None
    return source.between(max(since, source.now - 20 * DAY), source.now - 60)


def organizations(source: Source, count: int, tables: dict[str, Table]) -> Table:
    """``count`` organizations, their ids in the order of their creation."""
    custom = CustomValues(source, tables["organizationFields"])
    added = source.times_of("organizations", count, first=source.founded + DAY)
    return {number: _organization(source, number, added, custom) for number in range(1, count + 1)}


def _organization(source: Source, number: int, added: list[int], custom: CustomValues) -> dict[str, Any]:
    time = added[number - 1]
    updated = source.edited(time)
    deleted = deleted_time(source, number, len(added), time)
    name = _company_name(source, number)
    return {
        "id": number,
        "name": name,
        "owner_id": owner(source, number),
        "add_time": v2_time(time),
        "update_time": v2_time(deleted or updated),
        "is_deleted": deleted is not None,
        "visible_to": visibility(source),
        "address": place(source) if source.chance(0.7) else None,
        "label_ids": labels(source),
        "website": f"https://www.example.com/{number}" if source.chance(0.5) else None,
        "linkedin": f"https://www.linkedin.com/company/example-{number}" if source.chance(0.2) else None,
        "industry": source.pick((1, 2, 3, None)),
        "annual_revenue": source.between(1, 900) * 10_000 if source.chance(0.5) else None,
        "employee_count": source.between(2, 5_000) if source.chance(0.5) else None,
        "custom_fields": custom.draw(),
    }


def _company_name(source: Source, number: int) -> str:
    if number <= len(source.companies) and source.chance(0.5):
        return source.pick(source.companies)
    return f"{source.pick(source.last_names)} {source.pick(_TRADES)}"


def persons(source: Source, count: int, tables: dict[str, Table]) -> Table:
    """``count`` persons, most of them of an organization."""
    custom = CustomValues(source, tables["personFields"], (len(tables["organizations"]), count))
    added = source.times_of("persons", count, first=source.founded + 2 * DAY)
    return {number: _person(source, number, added, custom) for number in range(1, count + 1)}


def _person(source: Source, number: int, added: list[int], custom: CustomValues) -> dict[str, Any]:
    time = added[number - 1]
    updated = source.edited(time)
    deleted = deleted_time(source, number, len(added), time)
    first, last = source.person_name()
    synced = source.chance(0.3)  # Contact Sync's fields: accounts without it do not have them at all
    return {
        "id": number,
        "name": f"{first} {last}",
        "first_name": first,
        "last_name": last,
        "owner_id": owner(source, number),
        "org_id": source.existing("organizations", time) if source.chance(0.85) else None,
        "add_time": v2_time(time),
        "update_time": v2_time(deleted or updated),
        "emails": _emails(source, ascii_letters(first), ascii_letters(last), number),
        "phones": _phones(source, number),
        "is_deleted": deleted is not None,
        "visible_to": visibility(source),
        "label_ids": labels(source),
        "picture_id": None,
        "postal_address": place(source) if synced else None,
        "notes": "Prefers to be called in the morning." if synced else None,
        "im": [{"value": f"person{number}", "primary": True, "label": "skype"}] if synced else [],
        "birthday": day(source.now, -source.between(20 * 365, 65 * 365)) if synced else None,
        "job_title": source.pick(("Buyer", "Head of Sales", "IT manager", "Managing director")) if synced else None,
        "custom_fields": custom.draw(),
    }


def _emails(source: Source, first: str, last: str, number: int) -> list[dict[str, Any]]:
    if source.chance(0.05):
        return []
    name = ".".join(part for part in (first, last) if part) or "person"
    host = source.pick(_MAIL_HOSTS)
    found = [{"value": f"{name}{number}@{host}", "primary": True, "label": "work"}]
    if source.chance(0.12):
        found.append({"value": f"{name}{number}@home.example", "primary": False, "label": "home"})
    return found


def _phones(source: Source, number: int) -> list[dict[str, Any]]:
    if source.chance(0.4):
        return []
    return [{"value": f"+1 555 {number:07d}", "primary": True, "label": source.pick(("mobile", "work"))}]


def relationships(source: Source, tables: dict[str, Table]) -> Table:
    """Who is whose parent, and who is related to whom: one relationship per fifty organizations."""
    rows: Table = {}
    count = len(tables["organizations"])
    for number in range(1, 2 + count // 50):
        owner_org = number
        linked = owner_org % count + 1
        time = source.times["organizations"][linked - 1]
        rows[number] = {
            "id": number,
            "type": "parent" if number % 2 else "related",
            "rel_owner_org_id": owner_org,
            "rel_linked_org_id": linked,
            "add_time": v1_time(time),
            "update_time": v1_time(time),
            "active_flag": True,
        }
    return rows

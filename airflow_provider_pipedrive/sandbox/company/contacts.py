"""Organizations and persons."""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_pipedrive.sandbox.company.fields import LABELS, Table, address, custom_values
from airflow_provider_pipedrive.sandbox.company.office import FIRST_USER, USERS
from airflow_provider_pipedrive.sandbox.company.source import Source, v2_time


def owner(source: Source) -> int:
    """Somebody who is still there."""
    return FIRST_USER + source.random.randrange(USERS - 1)


def labels(source: Source) -> list[int]:
    """None, one or two label ids."""
    return sorted({source.random.randint(1, len(LABELS)) for _ in range(source.pick((0, 0, 1, 2)))})


def edited(source: Source, added: int) -> int:
    """When a record added then was last edited: often never."""
    return added if source.chance(0.3) else source.between(added, source.now - 60)


def organizations(source: Source, count: int, tables: dict[str, Table]) -> Table:
    """``count`` organizations, their ids in the order of their creation."""
    added = sorted(source.past() for _ in range(count))
    return {number: _organization(source, number, moment, count, tables) for number, moment in enumerate(added, 1)}


def _organization(source: Source, number: int, added: int, count: int, tables: dict[str, Table]) -> dict[str, Any]:
    name = source.pick(source.companies)
    return {
        "id": number,
        "name": name if number <= len(source.companies) // 2 else f"{name} {number}",
        "owner_id": owner(source),
        "add_time": v2_time(added),
        "update_time": v2_time(edited(source, added)),
        "is_deleted": number > 4 and source.chance(0.01),
        "visible_to": 3,
        "address": address(source) if source.chance(0.7) else None,
        "label_ids": labels(source),
        "website": f"https://www.example.com/{number}" if source.chance(0.5) else None,
        "linkedin": None,
        "industry": source.pick((1, 2, 3, None)),
        "annual_revenue": source.random.randint(1, 900) * 10_000 if source.chance(0.5) else None,
        "employee_count": source.random.randint(2, 5_000) if source.chance(0.5) else None,
        "custom_fields": custom_values(source, tables["organizationFields"], (count, 1)),
    }


def persons(source: Source, count: int, tables: dict[str, Table]) -> Table:
    """``count`` persons, most of them of an organization."""
    added = sorted(source.past() for _ in range(count))
    return {number: _person(source, number, moment, count, tables) for number, moment in enumerate(added, 1)}


def _person(source: Source, number: int, added: int, count: int, tables: dict[str, Table]) -> dict[str, Any]:
    first, last = source.pick(source.first_names), source.pick(source.last_names)
    address_name = re.sub(r"[^a-z]", "", last.lower()) or "person"
    organization_count = len(tables["organizations"])
    return {
        "id": number,
        "name": f"{first} {last}",
        "first_name": first,
        "last_name": last,
        "owner_id": owner(source),
        "org_id": source.random.randint(1, organization_count) if source.chance(0.85) else None,
        "add_time": v2_time(added),
        "update_time": v2_time(edited(source, added)),
        "emails": [{"value": f"{address_name}{number}@example.com", "primary": True, "label": "work"}],
        "phones": [{"value": f"+1 555 {number:07d}", "primary": True, "label": "mobile"}] if source.chance(0.6) else [],
        "is_deleted": number > 6 and source.chance(0.01),
        "visible_to": 3,
        "label_ids": labels(source),
        "picture_id": None,
        "postal_address": None,
        "notes": None,
        "im": [],
        "birthday": None,
        "job_title": None,
        "custom_fields": custom_values(source, tables["personFields"], (organization_count, count)),
    }

"""What the company sells."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.company.contacts import edited, owner
from airflow_provider_pipedrive.sandbox.company.fields import Table, custom_values
from airflow_provider_pipedrive.sandbox.company.source import Source, v2_time

_NAMES = (
    "Starter licence",
    "Team licence",
    "Enterprise licence",
    "Onboarding",
    "Training day",
    "Support plan",
    "Data migration",
    "Extra storage",
    "Audit",
    "Custom report",
    "Hardware token",
    "Sandbox",
)


def products(source: Source, tables: dict[str, Table]) -> Table:
    """A dozen products with prices in two currencies."""
    rows: Table = {}
    added = sorted(source.past() for _ in _NAMES)
    for number, (name, moment) in enumerate(zip(_NAMES, added, strict=True), 1):
        price = source.random.randint(2, 400) * 5
        rows[number] = {
            "id": number,
            "name": name,
            "code": f"P-{number:03d}",
            "description": f"{name}, per piece",
            "unit": "piece",
            "tax": 0,
            "category": "1" if "licence" in name else "2",
            "is_deleted": False,
            "is_linkable": True,
            "visible_to": 3,
            "owner_id": owner(source),
            "add_time": v2_time(moment),
            "update_time": v2_time(edited(source, moment)),
            "billing_frequency": "one-time",
            "billing_frequency_cycles": None,
            "prices": [
                {"product_id": number, "currency": code, "price": price, "cost": 0, "direct_cost": 0, "notes": ""}
                for code in ("EUR", "USD")
            ],
            "custom_fields": custom_values(source, tables["productFields"], (1, 1)),
        }
    return rows

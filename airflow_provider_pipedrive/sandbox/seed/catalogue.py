"""What the company sells."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox.seed.contacts import owner
from airflow_provider_pipedrive.sandbox.seed.source import DAY, Source, Table, v2_time
from airflow_provider_pipedrive.sandbox.seed.values import CustomValues

# Name, price in euros, how it is billed.
_GOODS = (
    ("Starter licence", 90, "one-time"),
    ("Team licence", 450, "one-time"),
    ("Enterprise licence", 1_900, "one-time"),
    ("Onboarding", 800, "one-time"),
    ("Training day", 1_200, "one-time"),
    ("Support plan", 600, "annually"),
    ("Data migration", 2_500, "one-time"),
    ("Extra storage", 20, "monthly"),
    ("Audit", 3_000, "one-time"),
    ("Custom report", 350, "one-time"),
    ("Hardware token", 45, "one-time"),
    ("Sandbox", 150, "one-time"),
)
RATES = {"EUR": 1, "USD": 1.1, "GBP": 0.9, "JPY": 160}
"""Prices of a euro, fixed so that a company is always the same."""


def products(source: Source, tables: dict[str, Table]) -> Table:
    """A dozen products with prices in several currencies."""
    custom = CustomValues(source, tables["productFields"])
    added = source.times_of("products", len(_GOODS), first=source.founded + 3 * DAY)
    return {number: _product(source, number, added[number - 1], custom) for number in range(1, len(_GOODS) + 1)}


def _product(source: Source, number: int, added: int, custom: CustomValues) -> dict[str, Any]:
    name, price, billing = _GOODS[number - 1]
    return {
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
        "owner_id": owner(source, number),
        "add_time": v2_time(added),
        "update_time": v2_time(source.edited(added)),
        "billing_frequency": billing,
        "billing_frequency_cycles": 12 if billing == "monthly" else None,
        "prices": [
            {
                "product_id": number,
                "currency": currency,
                "price": round(price * rate),
                "cost": round(price * rate * 0.6),
                "direct_cost": 0,
                "notes": "",
            }
            for currency, rate in RATES.items()
        ],
        "custom_fields": custom.draw(),
    }

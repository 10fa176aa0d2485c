"""Deals with the way they took through their pipeline, and what hangs on them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from airflow_provider_pipedrive.sandbox.company.contacts import labels, owner
from airflow_provider_pipedrive.sandbox.company.fields import Table, custom_values
from airflow_provider_pipedrive.sandbox.company.source import Source, day, v2_time

_CURRENCIES = ("EUR", "EUR", "EUR", "USD", "USD", "GBP")
_LOST_REASONS = ("Price", "Competitor", "No budget", "No answer", "Timing")
_WON, _LOST, _DELETED, _ARCHIVED = 0.25, 0.30, 0.01, 0.03


def deals_and_history(source: Source, count: int, tables: dict[str, Table]) -> tuple[Table, Table]:
    """``count`` deals, and every change of their stage and status."""
    stages = _stages_of(tables)
    added = sorted(source.past() for _ in range(count))
    deals: Table = {}
    changes: Table = {}
    for number, moment in enumerate(added, 1):
        pipeline = source.pick((1, 1, 1, 2, 3))
        deals[number] = _deal(source, number, moment, pipeline, stages[pipeline], tables, changes)
    return deals, changes


def _stages_of(tables: dict[str, Table]) -> dict[int, list[int]]:
    stages: dict[int, list[int]] = {}
    for stage in tables["stages"].values():
        stages.setdefault(stage["pipeline_id"], []).append(stage["id"])
    return stages


def _deal(
    source: Source,
    number: int,
    added: int,
    pipeline: int,
    stages: list[int],
    tables: dict[str, Table],
    changes: Table,
) -> dict[str, Any]:
    user = owner(source)
    stage, moved = _way(source, number, added, stages, user, changes)
    last = moved or added
    status, closed = _end(source, last)
    if closed:
        _change(changes, number, "status", "open", status, closed, user)
    updated = max(last, closed or 0)
    if source.chance(0.5):
        updated = source.between(updated, source.now - 60)
    is_deleted = number > 5 and source.chance(_DELETED)
    is_archived = number > 5 and not is_deleted and status != "open" and source.chance(_ARCHIVED * 2)
    person, organization = _contact(source, tables)
    return {
        "id": number,
        "title": f"{source.pick(source.companies)}: {source.pick(('new', 'more', 'yearly', 'trial'))} deal",
        "owner_id": user,
        "creator_user_id": user,
        "person_id": person,
        "org_id": organization,
        "pipeline_id": pipeline,
        "stage_id": stage,
        "value": source.random.randint(1, 900) * 100 + (0.5 if source.chance(0.05) else 0),
        "currency": source.pick(_CURRENCIES),
        "add_time": v2_time(added),
        "update_time": v2_time(updated),
        "stage_change_time": v2_time(moved) if moved else None,
        "is_deleted": is_deleted,
        "is_archived": is_archived,
        "archive_time": v2_time(updated) if is_archived else None,
        "status": "deleted" if is_deleted else status,
        "probability": None,
        "lost_reason": source.pick(_LOST_REASONS) if status == "lost" else None,
        "visible_to": 3,
        "close_time": v2_time(closed) if closed else None,
        "won_time": v2_time(closed) if closed and status == "won" else None,
        "lost_time": v2_time(closed) if closed and status == "lost" else None,
        "expected_close_date": day(added, source.random.randint(20, 120)) if source.chance(0.7) else None,
        "label_ids": labels(source),
        "origin": "ManuallyCreated",
        "origin_id": None,
        "channel": None,
        "channel_id": None,
        "source_lead_id": None,
        "arr": None,
        "mrr": None,
        "acv": None,
        "custom_fields": custom_values(
            source, tables["dealFields"], (len(tables["organizations"]), len(tables["persons"])), fill=0.35
        ),
    }


def _way(source: Source, deal: int, added: int, stages: list[int], user: int, changes: Table) -> tuple[int, int | None]:
    """Walk some stages on from the first; the stage reached, and when (``None``: never moved)."""
    moment, moved = added, None
    reached = source.random.randrange(len(stages))
    for before, after in pairwise(stages[: reached + 1]):
        moment = moved = source.between(moment, min(moment + 20 * 86_400, source.now - 120))
        _change(changes, deal, "stage_id", before, after, moment, user)
    return stages[reached], moved


def _end(source: Source, last: int) -> tuple[str, int | None]:
    drawn = source.random.random()
    if drawn >= _WON + _LOST:
        return "open", None
    return ("won" if drawn < _WON else "lost"), source.between(last, min(last + 30 * 86_400, source.now - 90))


def _change(changes: Table, deal: int, field: str, old: Any, new: Any, moment: int, user: int) -> None:
    number = len(changes) + 1
    changes[number] = {
        "id": number,
        "deal_id": deal,
        "field_key": field,
        "old_value": old,
        "new_value": new,
        "time": v2_time(moment),
        "actor_user_id": user,
    }


def _contact(source: Source, tables: dict[str, Table]) -> tuple[int | None, int | None]:
    """A person with its organization, or one of the two alone."""
    person = source.random.randint(1, len(tables["persons"]))
    organization = tables["persons"][person]["org_id"]
    if source.chance(0.05):
        return None, organization or 1
    return person, organization


def deal_parts(source: Source, tables: dict[str, Table]) -> dict[str, Table]:
    """Products on deals, participants and followers."""
    rows: Table = {}
    participants: Table = {}
    followers: Table = {}
    for deal in tables["deals"].values():
        if deal["id"] == 1 or source.chance(0.2):
            _add_product(source, rows, deal, tables["products"])
        if deal["person_id"] is not None:
            number = len(participants) + 1
            participants[number] = {
                "id": number,
                "deal_id": deal["id"],
                "person_id": deal["person_id"],
                "add_time": deal["add_time"],
            }
        if deal["id"] == 1 or source.chance(0.1):
            _follow(followers, "deals", deal)
    for table in ("persons", "organizations", "products"):
        _follow(followers, table, tables[table][1])
    return {"dealProducts": rows, "participants": participants, "followers": followers}


def _add_product(source: Source, rows: Table, deal: dict[str, Any], products: Table) -> None:
    number, product = len(rows) + 1, source.pick(list(products.values()))
    rows[number] = {
        "id": number,
        "deal_id": deal["id"],
        "product_id": product["id"],
        "product_variation_id": None,
        "name": product["name"],
        "order_nr": 1,
        "item_price": deal["value"],
        "quantity": 1,
        "currency": deal["currency"],
        "tax": 0,
        "tax_method": "exclusive",
        "discount": 0,
        "discount_type": "percentage",
        "comments": "",
        "is_enabled": True,
        "billing_frequency": "one-time",
        "billing_frequency_cycles": None,
        "billing_start_date": None,
        "add_time": deal["add_time"],
        "update_time": deal["update_time"],
    }


def _follow(followers: Table, table: str, record: dict[str, Any]) -> None:
    number = len(followers) + 1
    followers[number] = {
        "id": number,
        "entity": table,
        "record_id": record["id"],
        "user_id": record["owner_id"],
        "add_time": record["add_time"],
    }

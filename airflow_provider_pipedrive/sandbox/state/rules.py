"""What Pipedrive does to records when one of them changes. Knows no HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow_provider_pipedrive.sandbox.state.store import Actor, Id, Record, State

KEPT = timedelta(days=30)
"""How long a deleted record can still be read.

https://developers.pipedrive.com/changelog/post/permanent-deletion-logic-for-6-core-entities
"""
CONTACT_SYNC = frozenset({"postal_address", "notes", "im", "birthday", "job_title"})
"""Fields of persons that only accounts with Contact Sync have."""
DEAL_ANCHORS = ("activities", "notes", "files", "callLogs", "participants", "dealProducts")


class RuleError(ValueError):
    """A change that contradicts the company's rules. ``field`` names the culprit."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def is_purged(state: State, record: Record) -> bool:
    """Whether a record was deleted so long ago that it is gone for good."""
    if not record.get("is_deleted"):
        return False
    when = record.get("delete_time") or record.get("update_time") or record.get("add_time")
    return when is not None and datetime.fromisoformat(when) + KEPT < state.clock.now()


def need(state: State, table: str, key: Any, field: str) -> Record:
    """The record that a field points to.

    :raises RuleError: there is none
    """
    record = state.get(table, key)
    if record is None or record.get("is_deleted"):
        raise RuleError(field, f"{key} does not exist")
    return record


LINKS = {
    "owner_id": "users",
    "user_id": "users",
    "person_id": "persons",
    "org_id": "organizations",
    "organization_id": "organizations",
    "deal_id": "deals",
    "lead_id": "leads",
    "project_id": "projects",
    "product_id": "products",
    "pipeline_id": "pipelines",
    "stage_id": "stages",
    "activity_id": "activities",
    "board_id": "boards",
    "phase_id": "phases",
}


def validate_links(state: State, fields: Record) -> None:
    """Every id among the fields points to a record.

    :raises RuleError: one does not
    """
    for name, table in LINKS.items():
        if fields.get(name) is not None and table in state.tables:
            need(state, table, fields[name], name)


VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "deals": {"status": ("open", "won", "lost", "deleted")},
    "projects": {"status": ("open", "completed", "canceled", "deleted")},
}
"""What some fields take, where Pipedrive's specification says it in words alone."""
VISIBILITIES = (1, 3, 5, 7)


def validate_values(state: State, table: str, fields: Record) -> None:
    """Every status, visibility and currency among the fields is one that Pipedrive knows.

    :raises RuleError: one is not
    """
    known = {**VALUES.get(table, {}), "visible_to": VISIBILITIES}
    for name, values in known.items():
        value = fields.get(name)
        if value is not None and str(value) not in map(str, values):
            raise RuleError(name, f"must be one of {', '.join(map(str, values))}")
    validate_currency(state, fields.get("currency"), "currency")
    for price in fields.get("prices") or ():
        validate_currency(state, price.get("currency"), "prices")


def validate_currency(state: State, code: Any, field: str) -> None:
    """A currency is one of the company's.

    :raises RuleError: it is not
    """
    if code is not None and not any(currency["code"] == code for currency in state["currencies"]):
        raise RuleError(field, f"'{code}' is not the code of a currency")


# Deals


def first_stage(state: State, pipeline_id: Id | None = None) -> Record:
    """The first stage of a pipeline, or of the first pipeline."""
    stages = [s for s in state["stages"] if not s.get("is_deleted")]
    if pipeline_id is not None:
        stages = [s for s in stages if s["pipeline_id"] == pipeline_id]
        if not stages:
            raise RuleError("pipeline_id", f"pipeline {pipeline_id} has no stage")
    return min(stages, key=lambda s: (s["pipeline_id"], s.get("order_nr") or 0, s["id"]))


_NEW_DEAL: Record = {
    "title": None,
    "owner_id": None,
    "creator_user_id": None,
    "person_id": None,
    "org_id": None,
    "value": 0,
    "currency": "EUR",
    "status": "open",
    "probability": None,
    "lost_reason": None,
    "visible_to": 3,
    "close_time": None,
    "won_time": None,
    "lost_time": None,
    "expected_close_date": None,
    "stage_change_time": None,
    "label_ids": [],
    "is_deleted": False,
    "is_archived": False,
    "archive_time": None,
    "origin": "API",
    "origin_id": None,
    "channel": None,
    "channel_id": None,
    "source_lead_id": None,
    "arr": None,
    "mrr": None,
    "acv": None,
    "custom_fields": None,
}
"""A deal about which nothing is known."""


def new_deal(state: State, fields: Record, user_id: int) -> Record:
    """A deal with everything that Pipedrive fills in by itself.

    :raises RuleError: a field contradicts another
    """
    validate_links(state, fields)
    validate_values(state, "deals", fields)
    stamp = state.clock.stamp()
    stage = (
        need(state, "stages", fields["stage_id"], "stage_id")
        if fields.get("stage_id") is not None
        else first_stage(state, fields.get("pipeline_id"))
    )
    base: Record = {
        **_NEW_DEAL,
        "owner_id": user_id,
        "creator_user_id": user_id,
        "label_ids": [],
        "add_time": stamp,
        "update_time": stamp,
    }
    deal = {**base, **{name: value for name, value in fields.items() if value is not None}}
    deal["stage_id"], deal["pipeline_id"] = stage["id"], stage["pipeline_id"]
    return {**deal, **_status_times(state, base, deal, fields)}


def change_deal(state: State, key: Id, fields: Record, actor: Actor) -> Record:
    """Change a deal and all that follows from it.

    :raises RuleError: a field contradicts another
    """
    deal = state["deals"].records[key]
    validate_links(state, fields)
    validate_values(state, "deals", fields)
    changes = dict(fields)
    if fields.get("stage_id") is not None:
        changes["pipeline_id"] = need(state, "stages", fields["stage_id"], "stage_id")["pipeline_id"]
    elif fields.get("pipeline_id") not in (None, deal["pipeline_id"]):
        changes["stage_id"] = first_stage(state, fields["pipeline_id"])["id"]
    if changes.get("stage_id", deal["stage_id"]) != deal["stage_id"]:
        changes["stage_change_time"] = state.clock.stamp()
    changes.update(_status_times(state, deal, {**deal, **changes}, fields))
    if "value" in fields and any(True for _ in state["dealProducts"].where("deal_id", key)):
        changes["value"] = deal["value"]  # with products the value is computed
    return state.update("deals", key, changes, actor)


def _status_times(state: State, before: Record, after: Record, given: Record) -> Record:
    """The times that go with a status, an archiving or a deletion."""
    stamp = state.clock.stamp()
    times: Record = {}
    status = after["status"]
    if given.get("lost_reason") and status != "lost":
        raise RuleError("lost_reason", "can only be set for a lost deal")
    for name, of in (("won_time", "won"), ("lost_time", "lost")):
        if given.get(name) and status != of:
            raise RuleError(name, f"can only be set for a deal that is {of}")
    if status != before["status"]:
        times["won_time"] = (given.get("won_time") or stamp) if status == "won" else None
        times["lost_time"] = (given.get("lost_time") or stamp) if status == "lost" else None
        closed = given.get("close_time") or times["won_time"] or times["lost_time"]
        times["close_time"] = closed if status in ("won", "lost") else None
        if status != "lost":
            times["lost_reason"] = None
    if given.get("is_deleted") is False and before.get("is_deleted"):
        times.update(is_deleted=False, status=given.get("status") or "open", delete_time=None)
    elif status == "deleted" or given.get("is_deleted"):
        times.update(is_deleted=True, status="deleted", delete_time=stamp)
    if after["is_archived"] != before["is_archived"]:
        times["archive_time"] = (given.get("archive_time") or stamp) if after["is_archived"] else None
    return times


def delete(state: State, table: str, key: Id, actor: Actor) -> Record:
    """Mark a record deleted; listeners hear of a deletion."""
    before = state[table].records[key]
    stamp = state.clock.stamp()
    marks: Record = {"is_deleted": True, "delete_time": stamp, "update_time": stamp}
    if table == "deals":
        marks["status"] = "deleted"
    after = state.replace(table, key, marks)
    state.deleted(table, before, actor)
    return after


# Products of deals


def product_sum(row: Record) -> float:
    """What one product of a deal adds to the deal's value."""
    gross = row["item_price"] * row["quantity"]
    discount = row.get("discount") or 0
    net = gross - discount if row.get("discount_type") == "amount" else gross * (1 - discount / 100)
    if row.get("tax_method") == "exclusive":
        net *= 1 + (row.get("tax") or 0) / 100
    return float(round(net, 2))


def revalue(state: State, deal_id: Id, actor: Actor) -> None:
    """Let a deal's value follow its products and discounts."""
    rows = state["dealProducts"].where("deal_id", deal_id)
    if not rows:
        return
    value = sum(row["sum"] for row in rows if row.get("is_enabled", True))
    for discount in state["discounts"].where("deal_id", deal_id):
        amount = discount["amount"]
        value -= amount if discount["type"] == "amount" else value * amount / 100
    state.update("deals", deal_id, {"value": round(value, 2)}, actor)


# Merges


def merge(state: State, table: str, loser_id: Id, winner_id: Id, actor: Actor) -> Record:
    """Give everything of one record to another and remove the first. On conflicts the winner's values stay.

    https://pipedrive.readme.io/docs/merging-two-deals

    :raises RuleError: the winner is not there, or is the same record
    """
    if loser_id == winner_id:
        raise RuleError("merge_with_id", "is the same record")
    winner = need(state, table, winner_id, "merge_with_id")
    loser = state[table].records[loser_id]
    link = {"deals": "deal_id", "persons": "person_id", "organizations": "org_id"}[table]
    for name in ("deals", "persons", *DEAL_ANCHORS, "leads"):
        for record in state[name].where(link, loser_id):
            state.replace(name, record["id"], {link: winner_id})
    if table == "organizations":
        for lead in state["leads"].where("organization_id", loser_id):
            state.replace("leads", lead["id"], {"organization_id": winner_id})
    filled = {k: v for k, v in loser.items() if winner.get(k) in (None, "", []) and v not in (None, "", [])}
    for name in ("emails", "phones"):
        if winner.get(name) and loser.get(name):
            known = {item["value"] for item in winner[name]}
            extra = [{**item, "primary": False} for item in loser[name] if item["value"] not in known]
            filled[name] = [*winner[name], *extra]
    filled["custom_fields"] = {**(loser.get("custom_fields") or {}), **(winner.get("custom_fields") or {})} or None
    merged = state.merged(table, loser_id, winner_id, filled, actor)
    if table == "deals":
        revalue(state, winner_id, actor)
    return merged


FILE_LINKS = ("deal_id", "person_id", "org_id", "product_id", "activity_id", "lead_id", "project_id")
"""What a file may be attached to."""


def validate_billing(row: Record) -> None:
    """Billing cycles fit the frequency.

    :raises RuleError: they do not
    """
    frequency, cycles = row.get("billing_frequency"), row.get("billing_frequency_cycles")
    if frequency == "one-time" and cycles is not None:
        raise RuleError("billing_frequency_cycles", "must be null for a one-time product")
    if frequency == "weekly" and cycles is None:
        raise RuleError("billing_frequency_cycles", "is required for a weekly product")
    if cycles is not None and not 0 < cycles <= 208:
        raise RuleError("billing_frequency_cycles", "must be between 1 and 208")

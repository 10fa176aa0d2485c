"""What hangs on a deal: products, discounts, installments, participants."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.resources.records import find, find_living
from airflow_provider_pipedrive.sandbox.resources.registry import answers
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call, ok
from airflow_provider_pipedrive.sandbox.server.checks import Unfit, strict_fields
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import cursor_answer, offset_answer, position_answer
from airflow_provider_pipedrive.sandbox.views.v1 import person, person_card, user_card

MOST_RECURRING = 20
MOST_AT_ONCE = 100


def _deal(box: Box, call: Call) -> Record:
    return find_living(box.state, "deals", call.id, "Deal")


# Products


def product_view(record: Record) -> Record:
    """A product of a deal."""
    blank: Record = {
        "order_nr": None,
        "comments": None,
        "currency": None,
        "tax": 0,
        "tax_method": "none",
        "discount": 0,
        "discount_type": "percentage",
        "is_enabled": True,
        "product_variation_id": None,
        "billing_frequency": "one-time",
        "billing_frequency_cycles": None,
        "billing_start_date": None,
    }
    return {**blank, **record, "sum": rules.product_sum(record)}


@answers("getDealProducts")
def get_deal_products(box: Box, call: Call) -> Answer:
    """The products of a deal."""
    deal = find(box.state, "deals", call.id, "Deal")
    return cursor_answer(call, box.state["dealProducts"].where("deal_id", deal["id"]), product_view)


@answers("getDealsProducts")
def get_deals_products(box: Box, call: Call) -> Answer:
    """The products of several deals."""
    rows = [row for key in call.args["deal_ids"] for row in box.state["dealProducts"].where("deal_id", key)]
    return cursor_answer(call, rows, product_view)


def _new_product(box: Box, call: Call, deal: Record, body: Record) -> Record:
    product = rules.need(box.state, "products", body["product_id"], "product_id")
    stamp = box.clock.stamp()
    row = {
        "deal_id": deal["id"],
        "name": product["name"],
        "currency": deal.get("currency"),
        "order_nr": len(box.state["dealProducts"].where("deal_id", deal["id"])) + 1,
        "add_time": stamp,
        "update_time": stamp,
        "billing_frequency": product.get("billing_frequency") or "one-time",
        "billing_frequency_cycles": product.get("billing_frequency_cycles"),
        **{name: value for name, value in body.items() if value is not None},
    }
    _prove_recurring(box, deal, row)
    row["sum"] = rules.product_sum(row)
    return box.state.insert("dealProducts", row, box.actor(call.user_id, call.correlation_id))


def _prove_recurring(box: Box, deal: Record, row: Record) -> None:
    rules.prove_billing(row)
    if row.get("billing_frequency", "one-time") == "one-time":
        return
    others = [r for r in box.state["dealProducts"].where("deal_id", deal["id"]) if r["id"] != row.get("id")]
    if sum(1 for r in others if r.get("billing_frequency", "one-time") != "one-time") >= MOST_RECURRING:
        raise refusals.refuse(400, f"A deal can have at most {MOST_RECURRING} recurring products")
    if box.state["installments"].where("deal_id", deal["id"]):
        raise refusals.refuse(400, "A deal with installments cannot have recurring products")


def _one_tax_method(box: Box, row: Record) -> None:
    """One product's tax method applies to all of the deal."""
    for other in box.state["dealProducts"].where("deal_id", row["deal_id"]):
        if other.get("tax_method") != row.get("tax_method"):
            changed = {**other, "tax_method": row.get("tax_method")}
            changes = {"tax_method": row.get("tax_method"), "sum": rules.product_sum(changed)}
            box.state.replace("dealProducts", other["id"], changes)


def _revalue(box: Box, call: Call, deal: Record) -> None:
    rules.revalue(box.state, deal["id"], box.actor(call.user_id, call.correlation_id))


@answers("addDealProduct")
def add_deal_product(box: Box, call: Call) -> Answer:
    """A product put on a deal."""
    deal = _deal(box, call)
    row = _new_product(box, call, deal, call.body)
    if call.body.get("tax_method"):
        _one_tax_method(box, row)
    _revalue(box, call, deal)
    return ok(product_view(row), 201)


@answers("addManyDealProducts")
def add_many_deal_products(box: Box, call: Call) -> Answer:
    """Several products put on a deal: all or none."""
    deal = _deal(box, call)
    given: list[Any] = [dict(item) if isinstance(item, dict) else item for item in call.body["data"]]
    if not 1 <= len(given) <= MOST_AT_ONCE:
        raise refusals.invalid("data", f"'data' must contain 1 to {MOST_AT_ONCE} items")
    for number, item in enumerate(given):
        try:
            strict_fields(ACTIONS["addDealProduct"], item)
        except Unfit as unfit:
            raise refusals.invalid(f"data.{number}", str(unfit)) from None
        rules.need(box.state, "products", item["product_id"], f"data.{number}.product_id")
    rows = [_new_product(box, call, deal, item) for item in given]
    _revalue(box, call, deal)
    return ok([product_view(row) for row in rows], 201)


def _attached(box: Box, call: Call) -> Record:
    row = box.state.get("dealProducts", call.ids["product_attachment_id"])
    if row is None or row["deal_id"] != _deal(box, call)["id"]:
        raise refusals.not_found("Deal product")
    return row


@answers("updateDealProduct")
def update_deal_product(box: Box, call: Call) -> Answer:
    """A changed product of a deal."""
    deal, row = _deal(box, call), _attached(box, call)
    after = {**row, **call.body}
    _prove_recurring(box, deal, after)
    changes = {**call.body, "sum": rules.product_sum(after)}
    row = box.state.update("dealProducts", row["id"], changes, box.actor(call.user_id, call.correlation_id))
    if "tax_method" in call.body:
        _one_tax_method(box, row)
    _revalue(box, call, deal)
    return ok(product_view(row))


@answers("deleteDealProduct")
def delete_deal_product(box: Box, call: Call) -> Answer:
    """A product taken off a deal."""
    deal, row = _deal(box, call), _attached(box, call)
    box.state.remove("dealProducts", row["id"], box.actor(call.user_id, call.correlation_id))
    _revalue(box, call, deal)
    return ok({"id": row["id"]})


@answers("deleteManyDealProducts")
def delete_many_deal_products(box: Box, call: Call) -> Answer:
    """Several products taken off a deal; without ``ids`` up to a hundred of them."""
    deal = _deal(box, call)
    rows = box.state["dealProducts"].where("deal_id", deal["id"])
    if "ids" in call.args:
        wanted = set(call.args["ids"])
        rows = [row for row in rows if row["id"] in wanted]
    more = len(rows) > MOST_AT_ONCE
    rows = rows[:MOST_AT_ONCE]
    for row in rows:
        box.state.remove("dealProducts", row["id"], box.actor(call.user_id, call.correlation_id))
    _revalue(box, call, deal)
    return ok({"ids": [row["id"] for row in rows]}, additional_data={"more_items_in_collection": more})


# Discounts


@answers("getAdditionalDiscounts")
def get_discounts(box: Box, call: Call) -> Answer:
    """The discounts of a deal."""
    return ok(box.state["discounts"].where("deal_id", find(box.state, "deals", call.id, "Deal")["id"]))


@answers("postAdditionalDiscount")
def add_discount(box: Box, call: Call) -> Answer:
    """A discount on a deal."""
    deal = _deal(box, call)
    stamp = box.clock.stamp()
    _prove_discount(call.body)
    row = {
        "type": call.body["type"],
        "amount": call.body["amount"],
        "description": call.body["description"],
        "deal_id": deal["id"],
        "created_at": stamp,
        "created_by": call.user_id,
        "updated_at": stamp,
        "updated_by": call.user_id,
    }
    row = box.state.insert("discounts", row, box.actor(call.user_id))
    _revalue(box, call, deal)
    return ok(row, 201)


def _prove_discount(row: Record) -> None:
    if row["amount"] <= 0 or (row["type"] == "percentage" and row["amount"] > 100):
        raise refusals.invalid("amount", "'amount' must be positive, and at most 100 for a percentage")


def _discount(box: Box, call: Call) -> Record:
    row = box.state.get("discounts", call.ids["discount_id"])
    if row is None or row["deal_id"] != _deal(box, call)["id"]:
        raise refusals.not_found("Discount")
    return row


@answers("updateAdditionalDiscount")
def update_discount(box: Box, call: Call) -> Answer:
    """A changed discount."""
    row = _discount(box, call)
    _prove_discount({**row, **call.body})
    changes = {**call.body, "updated_at": box.clock.stamp(), "updated_by": call.user_id}
    row = box.state.update("discounts", row["id"], changes, box.actor(call.user_id), touch=None)
    _revalue(box, call, _deal(box, call))
    return ok(row)


@answers("deleteAdditionalDiscount")
def delete_discount(box: Box, call: Call) -> Answer:
    """A discount taken away."""
    row = _discount(box, call)
    box.state.remove("discounts", row["id"], box.actor(call.user_id))
    _revalue(box, call, _deal(box, call))
    return ok({"id": row["id"]})


# Installments


@answers("getInstallments")
def get_installments(box: Box, call: Call) -> Answer:
    """The installments of several deals."""
    rows = [row for key in call.args["deal_ids"] for row in box.state["installments"].where("deal_id", key)]
    return cursor_answer(call, rows, lambda row: row)


def _prove_installment(body: Record) -> None:
    if body.get("amount") is not None and body["amount"] <= 0:
        raise refusals.invalid("amount", "'amount' must be greater than 0")


@answers("postInstallment")
def add_installment(box: Box, call: Call) -> Answer:
    """An installment of a deal that has one-time products only."""
    deal = _deal(box, call)
    _prove_installment(call.body)
    rows = box.state["dealProducts"].where("deal_id", deal["id"])
    if not rows or any(row.get("billing_frequency", "one-time") != "one-time" for row in rows):
        raise refusals.refuse(400, "Installments need a deal with one-time products and no recurring ones")
    row = {name: call.body[name] for name in ("amount", "billing_date", "description")}
    actor = box.actor(call.user_id, call.correlation_id)
    return ok(box.state.insert("installments", {**row, "deal_id": deal["id"]}, actor))


def _installment(box: Box, call: Call) -> Record:
    row = box.state.get("installments", call.ids["installment_id"])
    if row is None or row["deal_id"] != _deal(box, call)["id"]:
        raise refusals.not_found("Installment")
    return row


@answers("updateInstallment")
def update_installment(box: Box, call: Call) -> Answer:
    """A changed installment."""
    row = _installment(box, call)
    _prove_installment(call.body)
    actor = box.actor(call.user_id, call.correlation_id)
    return ok(box.state.update("installments", row["id"], call.body, actor, touch=None))


@answers("deleteInstallment")
def delete_installment(box: Box, call: Call) -> Answer:
    """An installment taken away."""
    row = _installment(box, call)
    box.state.remove("installments", row["id"], box.actor(call.user_id, call.correlation_id))
    return ok({"id": row["id"]})


# Participants (v1)


def _participant_view(box: Box, row: Record) -> Record:
    state = box.state
    return {
        "id": row["id"],
        "person_id": person_card(state, row["person_id"]),
        "add_time": to_v1(row["add_time"]),
        "active_flag": True,
        "related_item_data": {
            "deal_id": row["deal_id"],
            "title": (state.get("deals", row["deal_id"]) or {}).get("title"),
        },
        "person": person(state, state["persons"].records[row["person_id"]]),
        "added_by_user_id": user_card(state, row.get("added_by_user_id") or box.owner_id),
        "related_item_id": row["deal_id"],
        "related_item_type": "deal",
    }


@answers("getDealParticipants")
def get_participants(box: Box, call: Call) -> Answer:
    """The persons who take part in a deal."""
    deal = find(box.state, "deals", call.id, "Deal")
    rows = [
        row
        for row in box.state["participants"].where("deal_id", deal["id"])
        if box.state.get("persons", row["person_id"])
    ]
    return offset_answer(call, rows, lambda row: _participant_view(box, row), lambda page: _related(box, page))


def _related(box: Box, rows: list[Record]) -> Record:
    users = {user["id"]: user for row in rows if (user := user_card(box.state, row.get("added_by_user_id"), ""))}
    persons = {row["person_id"]: person_card(box.state, row["person_id"]) for row in rows}
    return {
        "user": {str(key): value for key, value in users.items()},
        "person": {str(k): v for k, v in persons.items()},
    }


@answers("addDealParticipant")
def add_participant(box: Box, call: Call) -> Answer:
    """A person who takes part in a deal."""
    deal = _deal(box, call)
    key = rules.need(box.state, "persons", call.body["person_id"], "person_id")["id"]
    if any(row["person_id"] == key for row in box.state["participants"].where("deal_id", deal["id"])):
        raise refusals.bad_request("Person is already a participant of this deal.")
    stamp = box.clock.stamp()
    row = {"deal_id": deal["id"], "person_id": key, "add_time": stamp, "added_by_user_id": call.user_id}
    row = box.state.insert("participants", row, box.actor(call.user_id))
    _participant_change(box, call, row, "added")
    return ok(_participant_view(box, row), related_objects=_related(box, [row]))


@answers("deleteDealParticipant")
def delete_participant(box: Box, call: Call) -> Answer:
    """A participant taken off a deal."""
    row = box.state.get("participants", call.ids["deal_participant_id"])
    if row is None or row["deal_id"] != _deal(box, call)["id"]:
        raise refusals.not_found("Participant")
    box.state.remove("participants", row["id"], box.actor(call.user_id))
    _participant_change(box, call, row, "removed")
    return ok({"id": row["id"]})


def _participant_change(box: Box, call: Call, row: Record, action: str) -> None:
    change = {
        "deal_id": row["deal_id"],
        "actor_user_id": call.user_id,
        "person_id": row["person_id"],
        "action": action,
        "time": box.clock.stamp(),
    }
    box.state.insert("participantChanges", change, box.actor(call.user_id))


@answers("getDealParticipantsChangelog")
def get_participants_changelog(box: Box, call: Call) -> Answer:
    """Who was added to a deal and taken off it, the newest first."""
    deal = find(box.state, "deals", call.id, "Deal")
    rows = box.state["participantChanges"].where("deal_id", deal["id"])[::-1]
    names = ("actor_user_id", "person_id", "action")
    return position_answer(call, [{**{n: row[n] for n in names}, "time": to_v1(row["time"])} for row in rows])

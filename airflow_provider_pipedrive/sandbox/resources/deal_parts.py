"""What hangs on a deal: products, discounts, installments, participants."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.records import find, find_living
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.server.validation import InvalidValue, strict_fields
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import cursor_response, offset_response, position_response
from airflow_provider_pipedrive.sandbox.views.v1 import person, person_card, user_card

MOST_RECURRING = 20
MOST_AT_ONCE = 100


def _deal(world: World, request: Request) -> Record:
    return find_living(world.state, "deals", request.id, "Deal")


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


@handles("getDealProducts")
def get_deal_products(world: World, request: Request) -> Response:
    """The products of a deal."""
    deal = find(world.state, "deals", request.id, "Deal")
    return cursor_response(request, world.state["dealProducts"].where("deal_id", deal["id"]), product_view)


@handles("getDealsProducts")
def get_deals_products(world: World, request: Request) -> Response:
    """The products of several deals."""
    rows = [row for key in request.args["deal_ids"] for row in world.state["dealProducts"].where("deal_id", key)]
    return cursor_response(request, rows, product_view)


def _new_product(world: World, request: Request, deal: Record, body: Record) -> Record:
    product = rules.need(world.state, "products", body["product_id"], "product_id")
    stamp = world.clock.stamp()
    row = {
        "deal_id": deal["id"],
        "name": product["name"],
        "currency": deal.get("currency"),
        "order_nr": len(world.state["dealProducts"].where("deal_id", deal["id"])) + 1,
        "add_time": stamp,
        "update_time": stamp,
        "billing_frequency": product.get("billing_frequency") or "one-time",
        "billing_frequency_cycles": product.get("billing_frequency_cycles"),
        **{name: value for name, value in body.items() if value is not None},
    }
    _validate_recurring(world, deal, row)
    row["sum"] = rules.product_sum(row)
    return world.state.insert("dealProducts", row, world.actor(request.user_id, request.correlation_id))


def _validate_recurring(world: World, deal: Record, row: Record) -> None:
    rules.validate_billing(row)
    if row.get("billing_frequency", "one-time") == "one-time":
        return
    others = [r for r in world.state["dealProducts"].where("deal_id", deal["id"]) if r["id"] != row.get("id")]
    if sum(1 for r in others if r.get("billing_frequency", "one-time") != "one-time") >= MOST_RECURRING:
        raise refusals.refuse(400, f"A deal can have at most {MOST_RECURRING} recurring products")
    if world.state["installments"].where("deal_id", deal["id"]):
        raise refusals.refuse(400, "A deal with installments cannot have recurring products")


def _one_tax_method(world: World, row: Record) -> None:
    """One product's tax method applies to all of the deal."""
    for other in world.state["dealProducts"].where("deal_id", row["deal_id"]):
        if other.get("tax_method") != row.get("tax_method"):
            changed = {**other, "tax_method": row.get("tax_method")}
            changes = {"tax_method": row.get("tax_method"), "sum": rules.product_sum(changed)}
            world.state.replace("dealProducts", other["id"], changes)


def _revalue(world: World, request: Request, deal: Record) -> None:
    rules.revalue(world.state, deal["id"], world.actor(request.user_id, request.correlation_id))


@handles("addDealProduct")
def add_deal_product(world: World, request: Request) -> Response:
    """A product put on a deal."""
    deal = _deal(world, request)
    row = _new_product(world, request, deal, request.body)
    if request.body.get("tax_method"):
        _one_tax_method(world, row)
    _revalue(world, request, deal)
    return ok(product_view(row), 201)


@handles("addManyDealProducts")
def add_many_deal_products(world: World, request: Request) -> Response:
    """Several products put on a deal: all or none."""
    deal = _deal(world, request)
    given: list[Any] = [dict(item) if isinstance(item, dict) else item for item in request.body["data"]]
    if not 1 <= len(given) <= MOST_AT_ONCE:
        raise refusals.invalid("data", f"'data' must contain 1 to {MOST_AT_ONCE} items")
    for number, item in enumerate(given):
        try:
            strict_fields(ACTIONS["addDealProduct"], item)
        except InvalidValue as error:
            raise refusals.invalid(f"data.{number}", str(error)) from None
        rules.need(world.state, "products", item["product_id"], f"data.{number}.product_id")
    rows = [_new_product(world, request, deal, item) for item in given]
    _revalue(world, request, deal)
    return ok([product_view(row) for row in rows], 201)


def _attached(world: World, request: Request) -> Record:
    row = world.state.get("dealProducts", request.ids["product_attachment_id"])
    if row is None or row["deal_id"] != _deal(world, request)["id"]:
        raise refusals.not_found("Deal product")
    return row


@handles("updateDealProduct")
def update_deal_product(world: World, request: Request) -> Response:
    """A changed product of a deal."""
    deal, row = _deal(world, request), _attached(world, request)
    after = {**row, **request.body}
    _validate_recurring(world, deal, after)
    changes = {**request.body, "sum": rules.product_sum(after)}
    row = world.state.update("dealProducts", row["id"], changes, world.actor(request.user_id, request.correlation_id))
    if "tax_method" in request.body:
        _one_tax_method(world, row)
    _revalue(world, request, deal)
    return ok(product_view(row))


@handles("deleteDealProduct")
def delete_deal_product(world: World, request: Request) -> Response:
    """A product taken off a deal."""
    deal, row = _deal(world, request), _attached(world, request)
    world.state.remove("dealProducts", row["id"], world.actor(request.user_id, request.correlation_id))
    _revalue(world, request, deal)
    return ok({"id": row["id"]})


@handles("deleteManyDealProducts")
def delete_many_deal_products(world: World, request: Request) -> Response:
    """Several products taken off a deal; without ``ids`` up to a hundred of them."""
    deal = _deal(world, request)
    rows = world.state["dealProducts"].where("deal_id", deal["id"])
    if "ids" in request.args:
        wanted = set(request.args["ids"])
        rows = [row for row in rows if row["id"] in wanted]
    more = len(rows) > MOST_AT_ONCE
    rows = rows[:MOST_AT_ONCE]
    for row in rows:
        world.state.remove("dealProducts", row["id"], world.actor(request.user_id, request.correlation_id))
    _revalue(world, request, deal)
    return ok({"ids": [row["id"] for row in rows]}, additional_data={"more_items_in_collection": more})


# Discounts


@handles("getAdditionalDiscounts")
def get_discounts(world: World, request: Request) -> Response:
    """The discounts of a deal."""
    return ok(world.state["discounts"].where("deal_id", find(world.state, "deals", request.id, "Deal")["id"]))


@handles("postAdditionalDiscount")
def add_discount(world: World, request: Request) -> Response:
    """A discount on a deal."""
    deal = _deal(world, request)
    stamp = world.clock.stamp()
    _validate_discount(request.body)
    row = {
        "type": request.body["type"],
        "amount": request.body["amount"],
        "description": request.body["description"],
        "deal_id": deal["id"],
        "created_at": stamp,
        "created_by": request.user_id,
        "updated_at": stamp,
        "updated_by": request.user_id,
    }
    row = world.state.insert("discounts", row, world.actor(request.user_id))
    _revalue(world, request, deal)
    return ok(row, 201)


def _validate_discount(row: Record) -> None:
    if row["amount"] <= 0 or (row["type"] == "percentage" and row["amount"] > 100):
        raise refusals.invalid("amount", "'amount' must be positive, and at most 100 for a percentage")


def _discount(world: World, request: Request) -> Record:
    row = world.state.get("discounts", request.ids["discount_id"])
    if row is None or row["deal_id"] != _deal(world, request)["id"]:
        raise refusals.not_found("Discount")
    return row


@handles("updateAdditionalDiscount")
def update_discount(world: World, request: Request) -> Response:
    """A changed discount."""
    row = _discount(world, request)
    _validate_discount({**row, **request.body})
    changes = {**request.body, "updated_at": world.clock.stamp(), "updated_by": request.user_id}
    row = world.state.update("discounts", row["id"], changes, world.actor(request.user_id), touch=None)
    _revalue(world, request, _deal(world, request))
    return ok(row)


@handles("deleteAdditionalDiscount")
def delete_discount(world: World, request: Request) -> Response:
    """A discount taken away."""
    row = _discount(world, request)
    world.state.remove("discounts", row["id"], world.actor(request.user_id))
    _revalue(world, request, _deal(world, request))
    return ok({"id": row["id"]})


# Installments


@handles("getInstallments")
def get_installments(world: World, request: Request) -> Response:
    """The installments of several deals."""
    rows = [row for key in request.args["deal_ids"] for row in world.state["installments"].where("deal_id", key)]
    return cursor_response(request, rows, lambda row: row)


def _validate_installment(body: Record) -> None:
    if body.get("amount") is not None and body["amount"] <= 0:
        raise refusals.invalid("amount", "'amount' must be greater than 0")


@handles("postInstallment")
def add_installment(world: World, request: Request) -> Response:
    """An installment of a deal that has one-time products only."""
    deal = _deal(world, request)
    _validate_installment(request.body)
    rows = world.state["dealProducts"].where("deal_id", deal["id"])
    if not rows or any(row.get("billing_frequency", "one-time") != "one-time" for row in rows):
        raise refusals.refuse(400, "Installments need a deal with one-time products and no recurring ones")
    row = {name: request.body[name] for name in ("amount", "billing_date", "description")}
    actor = world.actor(request.user_id, request.correlation_id)
    return ok(world.state.insert("installments", {**row, "deal_id": deal["id"]}, actor))


def _installment(world: World, request: Request) -> Record:
    row = world.state.get("installments", request.ids["installment_id"])
    if row is None or row["deal_id"] != _deal(world, request)["id"]:
        raise refusals.not_found("Installment")
    return row


@handles("updateInstallment")
def update_installment(world: World, request: Request) -> Response:
    """A changed installment."""
    row = _installment(world, request)
    _validate_installment(request.body)
    actor = world.actor(request.user_id, request.correlation_id)
    return ok(world.state.update("installments", row["id"], request.body, actor, touch=None))


@handles("deleteInstallment")
def delete_installment(world: World, request: Request) -> Response:
    """An installment taken away."""
    row = _installment(world, request)
    world.state.remove("installments", row["id"], world.actor(request.user_id, request.correlation_id))
    return ok({"id": row["id"]})


# Participants (v1)


def _participant_view(world: World, row: Record) -> Record:
    state = world.state
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
        "added_by_user_id": user_card(state, row.get("added_by_user_id") or world.owner_id),
        "related_item_id": row["deal_id"],
        "related_item_type": "deal",
    }


@handles("getDealParticipants")
def get_participants(world: World, request: Request) -> Response:
    """The persons who take part in a deal."""
    deal = find(world.state, "deals", request.id, "Deal")
    rows = [
        row
        for row in world.state["participants"].where("deal_id", deal["id"])
        if world.state.get("persons", row["person_id"])
    ]
    return offset_response(request, rows, lambda row: _participant_view(world, row), lambda page: _related(world, page))


def _related(world: World, rows: list[Record]) -> Record:
    users = {user["id"]: user for row in rows if (user := user_card(world.state, row.get("added_by_user_id"), ""))}
    persons = {row["person_id"]: person_card(world.state, row["person_id"]) for row in rows}
    return {
        "user": {str(key): value for key, value in users.items()},
        "person": {str(k): v for k, v in persons.items()},
    }


@handles("addDealParticipant")
def add_participant(world: World, request: Request) -> Response:
    """A person who takes part in a deal."""
    deal = _deal(world, request)
    key = rules.need(world.state, "persons", request.body["person_id"], "person_id")["id"]
    if any(row["person_id"] == key for row in world.state["participants"].where("deal_id", deal["id"])):
        raise refusals.bad_request("Person is already a participant of this deal.")
    stamp = world.clock.stamp()
    row = {"deal_id": deal["id"], "person_id": key, "add_time": stamp, "added_by_user_id": request.user_id}
    row = world.state.insert("participants", row, world.actor(request.user_id))
    _participant_change(world, request, row, "added")
    return ok(_participant_view(world, row), related_objects=_related(world, [row]))


@handles("deleteDealParticipant")
def delete_participant(world: World, request: Request) -> Response:
    """A participant taken off a deal."""
    row = world.state.get("participants", request.ids["deal_participant_id"])
    if row is None or row["deal_id"] != _deal(world, request)["id"]:
        raise refusals.not_found("Participant")
    world.state.remove("participants", row["id"], world.actor(request.user_id))
    _participant_change(world, request, row, "removed")
    return ok({"id": row["id"]})


def _participant_change(world: World, request: Request, row: Record, action: str) -> None:
    change = {
        "deal_id": row["deal_id"],
        "actor_user_id": request.user_id,
        "person_id": row["person_id"],
        "action": action,
        "time": world.clock.stamp(),
    }
    world.state.insert("participantChanges", change, world.actor(request.user_id))


@handles("getDealParticipantsChangelog")
def get_participants_changelog(world: World, request: Request) -> Response:
    """Who was added to a deal and taken off it, the newest first."""
    deal = find(world.state, "deals", request.id, "Deal")
    rows = world.state["participantChanges"].where("deal_id", deal["id"])[::-1]
    names = ("actor_user_id", "person_id", "action")
    return position_response(request, [{**{n: row[n] for n in names}, "time": to_v1(row["time"])} for row in rows])

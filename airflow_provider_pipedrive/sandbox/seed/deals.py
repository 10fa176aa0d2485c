"""Deals with the way they took through their pipeline, and what hangs on them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from airflow_provider_pipedrive.sandbox.seed.catalogue import RATES
from airflow_provider_pipedrive.sandbox.seed.contacts import deleted_time, labels, owner, visibility
from airflow_provider_pipedrive.sandbox.seed.office import FIRST_USER, USERS
from airflow_provider_pipedrive.sandbox.seed.source import DAY, Source, Table, day, v2_time
from airflow_provider_pipedrive.sandbox.seed.values import CustomValues

_CURRENCIES = ("EUR", "EUR", "EUR", "EUR", "USD", "USD", "GBP", "JPY")
_LOST_REASONS = ("Price", "Competitor", "No budget", "No answer", "Timing")
_ORIGINS = ("ManuallyCreated", "ManuallyCreated", "ManuallyCreated", "API", "Import", "WebForm")
_FORCED = {1: "open", 2: "won", 3: "lost"}
"""How the first deals stand, so that a small company has all kinds."""
_PLAIN = 40
"""A company of fewer deals has none that is deleted or archived: as many are listed as were asked for."""
_WON = 0.4  # of those that are closed
_LINGERING = 0.12  # of those that should be closed by now


@dataclass(slots=True)
class _Life:
    """What happened to a deal, and when (seconds since the epoch)."""

    stage: int
    moved: int | None
    status: str
    closed: int | None
    archived: int | None
    deleted: int | None
    updated: int


def deals_and_parts(source: Source, count: int, tables: dict[str, Table]) -> dict[str, Table]:
    """``count`` deals with every change of their stage, status and value, their products and their participants."""
    maker = _Deals(source, count, tables)
    for number in range(1, count + 1):
        maker.add(number)
    if count:
        maker.leave_a_deleted_option(count)
    return {
        "deals": maker.deals,
        "dealChanges": maker.changes,
        "dealProducts": maker.products,
        "participants": maker.participants,
    }


class _Deals:
    def __init__(self, source: Source, count: int, tables: dict[str, Table]) -> None:
        self.deals: Table = {}
        self.changes: Table = {}
        self.products: Table = {}
        self.participants: Table = {}
        self._source = source
        self._tables = tables
        self._added = source.times_of("deals", count)
        self._stages: dict[int, list[int]] = {}
        for stage in tables["stages"].values():
            self._stages.setdefault(stage["pipeline_id"], []).append(stage["id"])
        contacts = (len(tables["organizations"]), len(tables["persons"]))
        self._custom = CustomValues(source, tables["dealFields"], contacts, fill=0.35)

    def add(self, number: int) -> None:
        """Make the deal with this id, and all that belongs to it."""
        source, added = self._source, self._added[number - 1]
        pipeline = source.pick((1, 1, 1, 2, 3))
        user = owner(source, number)
        person, organization = self._contact(number, added)
        currency = source.pick(_CURRENCIES)
        rows = self._rows(number, currency, added)
        value = sum(row["sum"] for row in rows) if rows else self._value(currency)
        life = self._live(number, added, self._stages[pipeline], value, user, has_products=bool(rows))
        for row in rows:
            row["update_time"] = v2_time(source.between(added, life.updated))
            self.products[row["id"]] = row
        origin = source.pick(_ORIGINS)
        # In the order of the model's fields: each draws from the same source.
        self.deals[number] = {
            "id": number,
            "title": self._title(person, organization, rows),
            "owner_id": user,
            "creator_user_id": user if source.chance(0.8) else FIRST_USER,
            "person_id": person,
            "org_id": organization,
            "pipeline_id": pipeline,
            "stage_id": life.stage,
            "value": value,
            "currency": currency,
            "add_time": v2_time(added),
            **_history(life),
            "probability": source.between(1, 9) * 10 if pipeline == 1 and source.chance(0.15) else None,
            "lost_reason": source.pick(_LOST_REASONS) if life.status == "lost" else None,
            "visible_to": visibility(source),
            "expected_close_date": self._expected(life),
            "label_ids": labels(source),
            "origin": origin,
            "origin_id": f"integration-{source.between(1, 3)}" if origin == "API" else None,
            **dict.fromkeys(("channel", "channel_id", "source_lead_id")),
            **_recurring(rows),
            "custom_fields": self._custom.draw(),
        }
        self._participate(number, person, added, life.updated)

    def _expected(self, life: _Life) -> str | None:
        """The day on which a deal is to be closed, which seven in ten have."""
        if not self._source.chance(0.7):
            return None
        return day(life.closed or life.updated, self._source.between(-20, 90))

    def leave_a_deleted_option(self, number: int) -> None:
        """Give a deal an option that its field's definition no longer has."""
        field = next(field for field in self._tables["dealFields"].values() if "options_deleted" in field)
        self.deals[number]["custom_fields"][field["field_code"]] = field["options_deleted"][0]["id"]

    def _contact(self, number: int, added: int) -> tuple[int | None, int | None]:
        """A person with its organization, or an organization alone; the first deal is the first person's."""
        if number > 1 and self._source.chance(0.05):
            return None, self._source.existing("organizations", added)
        person = 1 if number == 1 else self._source.existing("persons", added)
        return person, self._tables["persons"][person]["org_id"]

    def _title(self, person: int | None, organization: int | None, rows: list[dict[str, Any]]) -> str:
        """What is sold to whom, or Pipedrive's own proposal: the customer's name and "deal"."""
        table, key = ("organizations", organization) if organization else ("persons", person)
        name = self._tables[table][key or 1]["name"]
        if rows:
            return f"{name}: {rows[0]['name']}"
        return f"{name} {self._source.pick(('deal', 'deal', 'deal', 'pilot', 'renewal'))}"

    def _value(self, currency: str) -> float:
        """Mostly some thousands of euros, seldom a hundred thousand."""
        drawn = self._source.draw()
        euros = 500 + drawn * drawn * drawn * 90_000
        return round(euros * RATES[currency] / 10) * 10

    def _rows(self, deal: int, currency: str, added: int) -> list[dict[str, Any]]:
        """The products of one deal in five, and of the first one."""
        if deal == 1:
            return [self._row(deal, 1, 1, currency, added)]
        if not self._source.chance(0.2):
            return []
        lines = self._source.between(1, 3)
        chosen = [self._source.existing("products", added) for _ in range(lines)]
        return [self._row(deal, line, product, currency, added) for line, product in enumerate(chosen, 1)]

    def _row(self, deal: int, line: int, product_id: int, currency: str, added: int) -> dict[str, Any]:
        product = self._tables["products"][product_id]
        price = next(price["price"] for price in product["prices"] if price["currency"] == currency)
        quantity = self._source.between(1, 12)
        discount = self._source.pick((0, 0, 0, 10, 20))
        return {
            "id": len(self.products) + line,
            "deal_id": deal,
            "product_id": product_id,
            "product_variation_id": None,
            "name": product["name"],
            "order_nr": line,
            "item_price": price,
            "quantity": quantity,
            "sum": round(price * quantity * (100 - discount) / 100, 2),
            "currency": currency,
            "tax": 0,
            "tax_method": "exclusive",
            "discount": discount,
            "discount_type": "percentage",
            "comments": "",
            "is_enabled": True,
            "billing_frequency": product["billing_frequency"],
            "billing_frequency_cycles": product["billing_frequency_cycles"],
            "billing_start_date": None,
            "add_time": v2_time(added),
        }

    def _live(
        self, number: int, added: int, stages: list[int], value: float, user: int, *, has_products: bool
    ) -> _Life:
        """Draw what happened to a deal, and write it down as changes."""
        source, now = self._source, self._source.now
        drawn = source.draw()
        end = added + int(3 * DAY + drawn * drawn * 250 * DAY)
        status = _FORCED.get(number) or self._status(end)
        closed = None if status == "open" else min(end, now - 120)
        until = closed or min(end, now - 120)
        events: list[tuple[int, str, Any, Any]] = []
        way = self._way(stages, status)
        moves = sorted(source.between(added, until) for _ in way[1:])
        events += [(time, "stage_id", old, new) for time, (old, new) in zip(moves, pairwise(way), strict=True)]
        if not has_products and source.chance(0.2):
            events.append((source.between(added, until), "value", round(value * 0.8), value))
        if closed:
            events.append((closed, "status", "open", status))
        last = max(event[0] for event in events) if events else added
        updated = source.edited(last)
        archived = deleted = None
        if len(self._added) >= _PLAIN and number > len(_FORCED):
            archived = self._archived_time(number, last)
            deleted = None if archived else deleted_time(source, number, len(self._added), last)
        if archived:
            events.append((archived, "is_archived", False, True))
        if deleted:
            events.append((deleted, "status", status, "deleted"))
        updated = archived or deleted or updated
        for time, field, old, new in sorted(events, key=lambda event: event[0]):
            self._change(number, time, field, old, new, user)
        return _Life(way[-1], moves[-1] if moves else None, status, closed, archived, deleted, updated)

    def _archived_time(self, number: int, last: int) -> int | None:
        """When a deal was archived: the last but two was, and three in a hundred of those before it."""
        chosen = len(self._added) - 2
        if number > chosen or (number < chosen and not self._source.chance(0.03)):
            return None
        return self._source.between(last, self._source.now - 60)

    def _status(self, end: int) -> str:
        if end > self._source.now - 120 or self._source.chance(_LINGERING):
            return "open"
        return "won" if self._source.chance(_WON) else "lost"

    def _way(self, stages: list[int], status: str) -> list[int]:
        """The stages that a deal went through: all when it was won, else mostly few; now and then one is left out."""
        drawn = self._source.draw()
        way = stages if status == "won" else stages[: 1 + int(drawn * drawn * len(stages))]
        if len(way) > 2 and self._source.chance(0.15):
            way = [*way[:1], *way[2:]]
        return way

    def _change(self, deal: int, time: int, field: str, old: Any, new: Any, user: int) -> None:
        number = len(self.changes) + 1
        self.changes[number] = {
            "id": number,
            "deal_id": deal,
            "field_key": field,
            "old_value": old,
            "new_value": new,
            "time": v2_time(time),
            "actor_user_id": user if self._source.chance(0.9) else FIRST_USER,
        }

    def _participate(self, deal: int, person: int | None, added: int, updated: int) -> None:
        people = [] if person is None else [person]
        if deal > 1 and self._source.chance(0.15):
            other = self._source.existing("persons", added)
            people += [] if other == person else [other]
        for participant in people:
            number = len(self.participants) + 1
            joined = added if participant == person else self._source.between(added, updated)
            self.participants[number] = {
                "id": number,
                "deal_id": deal,
                "person_id": participant,
                "add_time": v2_time(joined),
            }


def _recurring(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What a deal brings in again and again by its products."""
    yearly = sum(row["sum"] for row in rows if row["billing_frequency"] != "one-time")
    return {"arr": yearly or None, "mrr": round(yearly / 12, 2) or None, "acv": yearly or None}


def _history(life: _Life) -> dict[str, Any]:
    """What a deal shows of its life."""
    return {
        "update_time": v2_time(life.updated),
        "stage_change_time": _time(life.moved),
        "is_deleted": life.deleted is not None,
        "is_archived": life.archived is not None,
        "archive_time": _time(life.archived),
        "status": "deleted" if life.deleted else life.status,
        "close_time": _time(life.closed),
        "won_time": _time(life.closed if life.status == "won" else None),
        "lost_time": _time(life.closed if life.status == "lost" else None),
    }


def _time(moment: int | None) -> str | None:
    return v2_time(moment) if moment else None


def followers(source: Source, tables: dict[str, Table]) -> Table:
    """Who follows what: the owner, sometimes with a colleague; the first record of a table has just its owner."""
    rows: Table = {}
    for table, share in (("deals", 0.1), ("persons", 0.05), ("organizations", 0.05), ("products", 0.2)):
        for record in tables[table].values():
            first = record["id"] == 1
            if first or source.chance(share):
                users = {record["owner_id"]: None}
                if not first and source.chance(0.4):
                    users[FIRST_USER + source.below(USERS - 1)] = None
                for user in users:
                    number = len(rows) + 1
                    rows[number] = {
                        "id": number,
                        "entity": table,
                        "record_id": record["id"],
                        "user_id": user,
                        "add_time": record["add_time"],
                    }
    return rows

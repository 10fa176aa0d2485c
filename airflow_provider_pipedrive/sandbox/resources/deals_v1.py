"""v1's own ways to see deals: lists of others, summary, timeline, duplicate."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources import filtering
from airflow_provider_pipedrive.sandbox.resources.records import find, find_living
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views.paging import by_sort_text, offset_response
from airflow_provider_pipedrive.sandbox.views.v1 import deal, organization_card, person_card, pipeline, stage, user_card

_SORTS = ("id", "title", "value", "status", "stage_id", "pipeline_id", "add_time", "update_time")


def related_to(state: State, rows: list[Record]) -> Record:
    """v1's ``related_objects`` of a page of deals."""
    return {
        "user": _cards(rows, "owner_id", lambda key: user_card(state, key, "")),
        "person": _cards(rows, "person_id", lambda key: person_card(state, key)),
        "organization": _cards(rows, "org_id", lambda key: organization_card(state, key)),
        "stage": _cards(rows, "stage_id", lambda key: stage(state, state["stages"].records[key])),
        "pipeline": _cards(rows, "pipeline_id", lambda key: pipeline(state, state["pipelines"].records[key])),
    }


def _cards(rows: list[Record], name: str, card: Any) -> Record:
    keys = {row[name] for row in rows if row.get(name) is not None}
    return {str(key): found for key in sorted(keys) if (found := card(key))}


def _narrowed(world: World, request: Request, archived: bool) -> list[Record]:
    """Deals by v1's filters, which call the owner ``user_id``."""
    args = {name: value for name, value in request.args.items() if value not in (None, "")}
    owner = args.pop("user_id", None)
    status = args.pop("status", None)
    if owner is not None:
        args["owner_id"] = owner
    if status and status != "all_not_deleted":
        args["status"] = [status]
    base = filtering.archived_base(world.state, args) if archived else filtering.base_of(world.state, "deals", args)
    wanted = {n: v for n, v in args.items() if n in _FILTERS}
    matches = filtering.predicate(world.state, "deals", wanted, base)
    return [row for row in world.state["deals"] if matches(row)]


_FILTERS = ("filter_id", "owner_id", "person_id", "org_id", "pipeline_id", "stage_id", "status")


def list_deals(world: World, request: Request) -> Response:
    """All deals that are neither deleted nor archived, by v1's filters."""
    return _page(world, request, _narrowed(world, request, archived=False))


def _page(world: World, request: Request, rows: list[Record]) -> Response:
    state = world.state
    rows = by_sort_text(rows, request.args.get("sort"), _SORTS)
    return offset_response(request, rows, lambda row: deal(state, row), lambda page: related_to(state, page))


@handles("getArchivedDealsV1")
def get_archived_deals(world: World, request: Request) -> Response:
    """Archived deals."""
    rows = _narrowed(world, request, archived=True)
    if "product_id" in request.args:
        linked = {row["deal_id"] for row in world.state["dealProducts"].where("product_id", request.args["product_id"])}
        rows = [row for row in rows if row["id"] in linked]
    if request.args.get("owned_by_you"):
        rows = [row for row in rows if row["owner_id"] == request.user_id]
    return _page(world, request, rows)


@handles("getPipelineDealsV1", "getStageDealsV1")
def get_deals_of(world: World, request: Request) -> Response:
    """The caller's own open deals of a pipeline or a stage; with ``everyone=1`` all open ones."""
    assert request.action is not None
    by_pipeline = request.action.key == "getPipelineDealsV1"
    table, link, thing = ("pipelines", "pipeline_id", "Pipeline") if by_pipeline else ("stages", "stage_id", "Stage")
    owner = find(world.state, table, request.id, thing)
    rows = [
        row for row in _narrowed(world, request, archived=False) if row[link] == owner["id"] and row["status"] == "open"
    ]
    if not request.args.get("everyone") and "user_id" not in request.args and "filter_id" not in request.args:
        rows = [row for row in rows if row["owner_id"] == request.user_id]
    response = offset_response(request, rows, lambda row: deal(world.state, row, embedded=False))
    if request.args.get("get_summary"):
        response.document["additional_data"]["deals_summary"] = summary(rows)
    return response


@handles("getProductDeals")
def get_product_deals(world: World, request: Request) -> Response:
    """The deals to which a product is attached."""
    product = find(world.state, "products", request.id, "Product")
    keys = {row["deal_id"] for row in world.state["dealProducts"].where("product_id", product["id"])}
    return _page(world, request, [row for row in _narrowed(world, request, archived=False) if row["id"] in keys])


@handles("getPersonProducts")
def get_person_products(world: World, request: Request) -> Response:
    """The products of a person's deals, one object a deal's product, under the deal's id."""
    person = find(world.state, "persons", request.id, "Person")
    rows = []
    for row in world.state["deals"].where("person_id", person["id"]):
        for attached in world.state["dealProducts"].where("deal_id", row["id"]):
            product = world.state["products"].records[attached["product_id"]]
            shown = {**product, "deal_id": row["id"], "add_time": to_v1(product["add_time"])}
            rows.append({str(row["id"]): {"deal": deal(world.state, row, embedded=False), "product": shown}})
    return offset_response(request, rows)


# Summary and timeline


def summary(rows: list[Record]) -> Record:
    """Counts and sums of deals per currency."""
    values: dict[str, Any] = {}
    weighted: dict[str, Any] = {}
    by_currency: dict[str, list[Record]] = defaultdict(list)
    for row in rows:
        by_currency[row.get("currency") or "EUR"].append(row)
    for currency, group in sorted(by_currency.items()):
        total = round(sum(row.get("value") or 0 for row in group), 2)
        share = round(sum((row.get("value") or 0) * (row.get("probability") or 100) / 100 for row in group), 2)
        text = f"{total:g} {currency}"
        values[currency] = {
            "value": total,
            "count": len(group),
            "value_converted": total,
            "value_formatted": text,
            "value_converted_formatted": text,
        }
        weighted[currency] = {"value": share, "count": len(group), "value_formatted": f"{share:g} {currency}"}
    total = round(sum(entry["value"] for entry in values.values()), 2)
    share = round(sum(entry["value"] for entry in weighted.values()), 2)
    return {
        "values_total": values,
        "weighted_values_total": weighted,
        "total_count": len(rows),
        "total_currency_converted_value": total,
        "total_weighted_currency_converted_value": share,
        "total_currency_converted_value_formatted": f"{total:g}",
        "total_weighted_currency_converted_value_formatted": f"{share:g}",
    }


@handles("getDealsSummary", "getArchivedDealsSummary")
def get_summary(world: World, request: Request) -> Response:
    """How many deals, and what they are worth."""
    assert request.action is not None
    return ok(summary(_narrowed(world, request, request.action.key == "getArchivedDealsSummary")))


def _next_period(start: date, interval: str) -> date:
    if interval in ("day", "week"):
        return start + timedelta(days=1 if interval == "day" else 7)
    months = start.month - 1 + (1 if interval == "month" else 3)
    return date(start.year + months // 12, months % 12 + 1, min(start.day, 28))


@handles("getDealsTimeline", "getArchivedDealsTimeline")
def get_timeline(world: World, request: Request) -> Response:
    """Open and won deals in periods by a date field."""
    assert request.action is not None
    args = request.args
    rows = _narrowed(world, request, request.action.key == "getArchivedDealsTimeline")
    rows = [row for row in rows if row["status"] in ("open", "won")]
    periods = []
    start = date.fromisoformat(args["start_date"])
    for _ in range(max(0, int(args["amount"]))):
        try:
            end = _next_period(start, args["interval"])
        except (OverflowError, ValueError):  # the calendar ends with the year 9999
            break
        inside = [row for row in rows if start.isoformat() <= _day_of(row, args["field_key"]) < end.isoformat()]
        shown = [] if args.get("exclude_deals") else [deal(world.state, row, embedded=False) for row in inside]
        last = end - timedelta(days=1)
        period = {"period_start": f"{start} 00:00:00", "period_end": f"{last} 23:59:59"}
        periods.append({**period, "deals": shown, "totals": _totals(inside)})
        start = end
    return ok(periods)


def _day_of(row: Record, field_key: str) -> str:
    value = row.get(field_key) or (row.get("custom_fields") or {}).get(field_key) or ""
    return str(value.get("value") if isinstance(value, dict) else value)[:10]


def _totals(rows: list[Record]) -> Record:
    open_rows = [row for row in rows if row["status"] == "open"]
    won_rows = [row for row in rows if row["status"] == "won"]
    return {
        "count": len(rows),
        "values": _sums(rows),
        "weighted_values": _sums(rows, weighted=True),
        "open_count": len(open_rows),
        "open_values": _sums(open_rows),
        "weighted_open_values": _sums(open_rows, weighted=True),
        "won_count": len(won_rows),
        "won_values": _sums(won_rows),
    }


def _sums(rows: list[Record], weighted: bool = False) -> Record:
    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        share = (row.get("probability") or 100) / 100 if weighted else 1
        sums[row.get("currency") or "EUR"] += (row.get("value") or 0) * share
    return {currency: round(value, 2) for currency, value in sorted(sums.items())}


# Duplicate


@handles("duplicateDeal")
def duplicate_deal(world: World, request: Request) -> Response:
    """A copy of a deal, open and new."""
    original = find_living(world.state, "deals", request.id, "Deal")
    stamp = world.clock.stamp()
    copy = {name: value for name, value in original.items() if name not in ("id", "delete_time")}
    copy.update(title=f"{original['title']} (copy)", status="open", add_time=stamp, update_time=stamp)
    copy.update(dict.fromkeys(("won_time", "lost_time", "close_time", "lost_reason", "stage_change_time")))
    record = world.state.insert("deals", copy, world.actor(request.user_id, request.correlation_id))
    return ok(deal(world.state, record, embedded=False))


# Statistics of pipelines


def _in_time(request: Request, rows: list[Record], name: str) -> list[Record]:
    start, end = request.args["start_date"], request.args["end_date"]
    if start > end:
        raise refusals.bad_request("start_date must not be after end_date")
    return [row for row in rows if start <= (row.get(name) or "")[:10] <= end]


def _of_pipeline(world: World, request: Request) -> list[Record]:
    found = find(world.state, "pipelines", request.id, "Pipeline")
    rows = [row for row in world.state["deals"].where("pipeline_id", found["id"]) if filtering.living(row)]
    return [row for row in rows if "user_id" not in request.args or row["owner_id"] == request.args["user_id"]]


@handles("getPipelineConversionStatistics")
def get_conversion_statistics(world: World, request: Request) -> Response:
    """How many percent of the deals went from stage to stage, and were won or lost."""
    rows = _in_time(request, _of_pipeline(world, request), "add_time")
    stages = [s for s in world.state["stages"].where("pipeline_id", request.id) if not s.get("is_deleted")]
    stages.sort(key=lambda s: s.get("order_nr") or 0)
    order = {s["id"]: number for number, s in enumerate(stages)}
    reached = [sum(1 for row in rows if order.get(row["stage_id"], -1) >= number) for number in range(len(stages))]
    conversions = [
        {
            "from_stage_id": stages[n]["id"],
            "to_stage_id": stages[n + 1]["id"],
            "conversion_rate": _percent(reached[n + 1], reached[n]),
        }
        for n in range(len(stages) - 1)
    ]
    won = _percent(sum(1 for row in rows if row["status"] == "won"), len(rows))
    lost = _percent(sum(1 for row in rows if row["status"] == "lost"), len(rows))
    return ok({"stage_conversions": conversions, "won_conversion": won, "lost_conversion": lost})


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0


@handles("getPipelineMovementStatistics")
def get_movement_statistics(world: World, request: Request) -> Response:
    """What moved in a pipeline within some days."""
    rows = _of_pipeline(world, request)
    keys = {row["id"] for row in rows}
    moves = [change for change in world.state["changes"].where("field_key", "stage_id") if change["of"][1] in keys]
    now = world.clock.now().date()
    ages = {row["id"]: (now - date.fromisoformat(row["add_time"][:10])).days for row in rows}
    by_stage: dict[Any, list[int]] = defaultdict(list)
    for row in rows:
        by_stage[row["stage_id"]].append(ages[row["id"]])
    document = {
        "movements_between_stages": {"count": len(_in_time(request, moves, "time"))},
        "new_deals": _group(_in_time(request, rows, "add_time")),
        "deals_left_open": _group([row for row in rows if row["status"] == "open"]),
        "won_deals": _group(_in_time(request, [row for row in rows if row["status"] == "won"], "won_time")),
        "lost_deals": _group(_in_time(request, [row for row in rows if row["status"] == "lost"], "lost_time")),
        "average_age_in_days": {
            "across_all_stages": _mean(list(ages.values())),
            "by_stages": [{"stage_id": key, "value": _mean(days)} for key, days in sorted(by_stage.items())],
        },
    }
    return ok(document)


def _mean(numbers: list[int]) -> int:
    return round(sum(numbers) / len(numbers)) if numbers else 0


def _group(rows: list[Record]) -> Record:
    values = _sums(rows)
    formatted = {currency: f"{value:g} {currency}" for currency, value in values.items()}
    keys = [row["id"] for row in rows]
    return {"count": len(rows), "deals_ids": keys, "values": values, "formatted_values": formatted}

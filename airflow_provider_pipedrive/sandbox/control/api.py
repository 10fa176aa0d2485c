"""The control API under ``/_sandbox/``: what :class:`Sandbox` offers, for those in another process. JSON, no auth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_pipedrive.sandbox.control import marketplace, operations
from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, BodyError, Call, parse_body
from airflow_provider_pipedrive.sandbox.state.rules import RuleError
from airflow_provider_pipedrive.sandbox.views.v2 import view_of


def answer(box: Box, call: Call) -> Answer:
    """One request to the control API. A ``GET`` takes its options from the query, a ``POST`` from a JSON body.

    :raises Refusal: 400 or 404, with a sentence that says what is wrong
    """
    doing = DOINGS.get((call.method, call.path.rstrip("/")))
    if doing is None:
        known = ", ".join(f"{method} {path}" for method, path in DOINGS)
        raise refusals.refuse(404, f"The control API has no {call.method} {call.path}.", known)
    try:
        options = dict(call.query) if call.method == "GET" else (parse_body(call) or {})
        return Answer({"success": True, "data": doing.run(box, options)})
    except LookupError as error:
        raise refusals.refuse(404, str(error)) from None
    except (BodyError, RuleError, TypeError, ValueError) as error:
        raise refusals.refuse(400, str(error)) from None


def _reset(box: Box, _: dict[str, Any]) -> None:
    box.reset()


def _fault(box: Box, options: dict[str, Any]) -> Any:
    return box.faults.add(**options).as_dict()


def _faults(box: Box, _: dict[str, Any]) -> Any:
    return [fault.as_dict() for fault in box.faults.planned]


def _clear_faults(box: Box, _: dict[str, Any]) -> None:
    box.faults.clear()


def _move_deal(box: Box, options: dict[str, Any]) -> Any:
    deal = operations.move_deal(box, options["deal_id"], options["stage_id"])
    return view_of(box.state, "deals")(deal)


def _add_file(box: Box, options: dict[str, Any]) -> Any:
    content = str(options.pop("content", "")).encode()
    record = operations.add_file(box, options.pop("name", "file.txt"), content, **options)
    return _shown(record)


def _update(box: Box, options: dict[str, Any]) -> Any:
    return _shown(operations.update(box, options["entity"], options["id"], options["fields"]))


def _delete(box: Box, options: dict[str, Any]) -> None:
    operations.delete(box, options["entity"], options["id"])


def _merge(box: Box, options: dict[str, Any]) -> Any:
    return _shown(operations.merge(box, options["entity"], options["id"], options["into"]))


def _plan(box: Box, options: dict[str, Any]) -> Any:
    named = {name: options.pop(name) for name in ("after_reads", "after_seconds", "path") if name in options}
    return operations.plan(box, options.pop("do"), options, **named).as_dict()


def _plans(box: Box, _: dict[str, Any]) -> Any:
    return [plan.as_dict() for plan in box.plans.waiting]


def _advance(box: Box, options: dict[str, Any]) -> Any:
    operations.advance(box, options["seconds"])
    return {"now": box.clock.stamp()}


def _repeat_deliveries(box: Box, options: dict[str, Any]) -> None:
    box.webhooks.repeat(int(options["count"]))


def _uninstall(box: Box, options: dict[str, Any]) -> Any:
    return {"status": marketplace.uninstall(box, **options)}


def _requests(box: Box, options: dict[str, Any]) -> Any:
    return [asdict(logged) for logged in list(box.log)[-int(options.get("last", 1000)) :]]


def _counters(box: Box, _: dict[str, Any]) -> Any:
    return operations.counters(box)


def _state(box: Box, options: dict[str, Any]) -> Any:
    if "entity" in options:
        return operations.digest(box, options["entity"])
    return {name: len(table) for name, table in box.state.tables.items()}


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if not isinstance(value, bytes)}


@dataclass(frozen=True, slots=True)
class Doing:
    """What a request to the control API does, and its options in words."""

    run: Callable[[Box, dict[str, Any]], Any]
    options: str


DOINGS: dict[tuple[str, str], Doing] = {
    ("POST", "/_sandbox/reset"): Doing(_reset, ""),
    ("POST", "/_sandbox/faults"): Doing(_fault, "`path`, `kind`, and how it is aimed"),
    ("GET", "/_sandbox/faults"): Doing(_faults, ""),
    ("DELETE", "/_sandbox/faults"): Doing(_clear_faults, ""),
    ("POST", "/_sandbox/move_deal"): Doing(_move_deal, "`deal_id`, `stage_id`"),
    ("POST", "/_sandbox/add_file"): Doing(_add_file, "`name`, `content` (text), `deal_id`, ..."),
    ("POST", "/_sandbox/update"): Doing(_update, "`entity`, `id`, `fields`"),
    ("POST", "/_sandbox/delete"): Doing(_delete, "`entity`, `id`"),
    ("POST", "/_sandbox/merge"): Doing(_merge, "`entity`, `id`, `into`: the id of the record that survives"),
    ("POST", "/_sandbox/plan"): Doing(
        _plan,
        "`do` (`move_deal`, `update`, `delete`, `merge` or `add_file`) with its options; `after_seconds`, or "
        "`after_reads` with `path`",
    ),
    ("GET", "/_sandbox/plans"): Doing(_plans, ""),
    ("POST", "/_sandbox/advance"): Doing(_advance, "`seconds`"),
    ("POST", "/_sandbox/repeat_deliveries"): Doing(
        _repeat_deliveries, "`count`: so many webhook deliveries, the next ones, are made twice"
    ),
    ("POST", "/_sandbox/uninstall"): Doing(
        _uninstall, "`redirect_uri`: the app's callback URL (default: the registered one); it is sent a `DELETE`"
    ),
    ("GET", "/_sandbox/requests"): Doing(_requests, "`last`: how many (default 1000)"),
    ("GET", "/_sandbox/counters"): Doing(_counters, ""),
    ("GET", "/_sandbox/state"): Doing(
        _state, "`entity`: count, ids and their SHA-256 of what a full read must give; without: counts of all tables"
    ),
}

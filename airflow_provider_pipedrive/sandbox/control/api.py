"""The control API under ``/_sandbox/``: what :class:`Sandbox` offers, for those in another process. JSON, no auth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_pipedrive.sandbox.control import marketplace, operations
from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response
from airflow_provider_pipedrive.sandbox.state.rules import RuleError
from airflow_provider_pipedrive.sandbox.views.v2 import view_of


def response(world: World, request: Request) -> Response:
    """One request to the control API. A ``GET`` takes its options from the query, a ``POST`` from a JSON body.

    :raises Refusal: 400 or 404, with a sentence that says what is wrong
    """
    operation = CONTROL_OPERATIONS.get((request.method, request.path.rstrip("/")))
    if operation is None:
        known = ", ".join(f"{method} {path}" for method, path in CONTROL_OPERATIONS)
        raise refusals.refuse(404, f"The control API has no {request.method} {request.path}.", known)
    try:
        if request.unreadable:
            raise ValueError(request.unreadable)
        options = dict(request.query) if request.method == "GET" else (request.body or {})
        return Response({"success": True, "data": operation.run(world, options)})
    except LookupError as error:
        raise refusals.refuse(404, str(error)) from None
    except (RuleError, TypeError, ValueError) as error:
        raise refusals.refuse(400, str(error)) from None


def _reset(world: World, _: dict[str, Any]) -> None:
    world.reset()


def _fault(world: World, options: dict[str, Any]) -> Any:
    return world.faults.add(**options).as_dict()


def _faults(world: World, _: dict[str, Any]) -> Any:
    return [fault.as_dict() for fault in world.faults.active]


def _clear_faults(world: World, _: dict[str, Any]) -> None:
    world.faults.clear()


def _move_deal(world: World, options: dict[str, Any]) -> Any:
    deal = operations.move_deal(world, options["deal_id"], options["stage_id"])
    return view_of(world.state, "deals")(deal)


def _add_file(world: World, options: dict[str, Any]) -> Any:
    content = str(options.pop("content", "")).encode()
    record = operations.add_file(world, options.pop("name", "file.txt"), content, **options)
    return _shown(record)


def _update(world: World, options: dict[str, Any]) -> Any:
    return _shown(operations.update(world, options["entity"], options["id"], options["fields"]))


def _delete(world: World, options: dict[str, Any]) -> None:
    operations.delete(world, options["entity"], options["id"])


def _merge(world: World, options: dict[str, Any]) -> Any:
    return _shown(operations.merge(world, options["entity"], options["id"], options["into"]))


def _plan(world: World, options: dict[str, Any]) -> Any:
    named = {name: options.pop(name) for name in ("after_reads", "after_seconds", "path") if name in options}
    return operations.schedule(world, options.pop("do"), options, **named).as_dict()


def _plans(world: World, _: dict[str, Any]) -> Any:
    return [action.as_dict() for action in world.schedule.waiting]


def _advance(world: World, options: dict[str, Any]) -> Any:
    operations.advance(world, options["seconds"])
    return {"now": world.clock.stamp()}


def _repeat_deliveries(world: World, options: dict[str, Any]) -> None:
    world.webhooks.repeat(int(options["count"]))


def _uninstall(world: World, options: dict[str, Any]) -> Any:
    return {"status": marketplace.uninstall(world, **options)}


def _requests(world: World, options: dict[str, Any]) -> Any:
    return [asdict(logged) for logged in list(world.log)[-int(options.get("last", 1000)) :]]


def _counters(world: World, _: dict[str, Any]) -> Any:
    return operations.counters(world)


def _state(world: World, options: dict[str, Any]) -> Any:
    if "entity" in options:
        return operations.digest(world, options["entity"])
    return {name: len(table) for name, table in world.state.tables.items()}


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if not isinstance(value, bytes)}


@dataclass(frozen=True, slots=True)
class ControlOperation:
    """What a request to the control API does, and its options in words."""

    run: Callable[[World, dict[str, Any]], Any]
    options: str


CONTROL_OPERATIONS: dict[tuple[str, str], ControlOperation] = {
    ("POST", "/_sandbox/reset"): ControlOperation(_reset, ""),
    ("POST", "/_sandbox/faults"): ControlOperation(_fault, "`path`, `kind`, and how it is aimed"),
    ("GET", "/_sandbox/faults"): ControlOperation(_faults, ""),
    ("DELETE", "/_sandbox/faults"): ControlOperation(_clear_faults, ""),
    ("POST", "/_sandbox/move_deal"): ControlOperation(_move_deal, "`deal_id`, `stage_id`"),
    ("POST", "/_sandbox/add_file"): ControlOperation(_add_file, "`name`, `content` (text), `deal_id`, ..."),
    ("POST", "/_sandbox/update"): ControlOperation(_update, "`entity`, `id`, `fields`"),
    ("POST", "/_sandbox/delete"): ControlOperation(_delete, "`entity`, `id`"),
    ("POST", "/_sandbox/merge"): ControlOperation(_merge, "`entity`, `id`, `into`: the id of the record that survives"),
    ("POST", "/_sandbox/plan"): ControlOperation(
        _plan,
        "`do` (`move_deal`, `update`, `delete`, `merge` or `add_file`) with its options; `after_seconds`, or "
        "`after_reads` with `path`",
    ),
    ("GET", "/_sandbox/plans"): ControlOperation(_plans, ""),
    ("POST", "/_sandbox/advance"): ControlOperation(_advance, "`seconds`"),
    ("POST", "/_sandbox/repeat_deliveries"): ControlOperation(
        _repeat_deliveries, "`count`: so many webhook deliveries, the next ones, are made twice"
    ),
    ("POST", "/_sandbox/uninstall"): ControlOperation(
        _uninstall, "`redirect_uri`: the app's callback URL (default: the registered one); it is sent a `DELETE`"
    ),
    ("GET", "/_sandbox/requests"): ControlOperation(_requests, "`last`: how many (default 1000)"),
    ("GET", "/_sandbox/counters"): ControlOperation(_counters, ""),
    ("GET", "/_sandbox/state"): ControlOperation(
        _state, "`entity`: count, ids and their SHA-256 of what a full read must give; without: counts of all tables"
    ),
}

"""The control API under ``/_sandbox/``: what :class:`Sandbox` offers, for those in another process. JSON, no auth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from airflow_provider_pipedrive.sandbox import operations, refusals
from airflow_provider_pipedrive.sandbox.box import Box
from airflow_provider_pipedrive.sandbox.calls import Answer, BodyError, Call, parse_body
from airflow_provider_pipedrive.sandbox.rules import RuleError
from airflow_provider_pipedrive.sandbox.views_v2 import view_of

_Doing = Callable[[Box, dict[str, Any]], Any]


def answer(box: Box, call: Call) -> Answer:
    """One request to the control API. A ``GET`` takes its options from the query, a ``POST`` from a JSON body.

    :raises Refusal: 400 or 404, with a sentence that says what is wrong
    """
    doing = _DOINGS.get((call.method, call.path.rstrip("/")))
    if doing is None:
        known = ", ".join(f"{method} {path}" for method, path in _DOINGS)
        raise refusals.refuse(404, f"The control API has no {call.method} {call.path}.", known)
    try:
        options = dict(call.query) if call.method == "GET" else (parse_body(call) or {})
        return Answer({"success": True, "data": doing(box, options)})
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
    deal = operations.update(box, "deals", options["deal_id"], {"stage_id": options["stage_id"]})
    return view_of("deals")(deal)


def _add_file(box: Box, options: dict[str, Any]) -> Any:
    content = str(options.pop("content", "")).encode()
    record = operations.add_file(box, options.pop("name", "file.txt"), content, **options)
    return _shown(record)


def _update(box: Box, options: dict[str, Any]) -> Any:
    return _shown(operations.update(box, options["entity"], options["id"], options["fields"]))


def _delete(box: Box, options: dict[str, Any]) -> None:
    operations.delete(box, options["entity"], options["id"])


def _advance(box: Box, options: dict[str, Any]) -> Any:
    box.clock.advance(options["seconds"])
    box.webhooks.nudge()
    return {"now": box.clock.stamp()}


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


_DOINGS: dict[tuple[str, str], _Doing] = {
    ("POST", "/_sandbox/reset"): _reset,
    ("POST", "/_sandbox/faults"): _fault,
    ("GET", "/_sandbox/faults"): _faults,
    ("DELETE", "/_sandbox/faults"): _clear_faults,
    ("POST", "/_sandbox/move_deal"): _move_deal,
    ("POST", "/_sandbox/add_file"): _add_file,
    ("POST", "/_sandbox/update"): _update,
    ("POST", "/_sandbox/delete"): _delete,
    ("POST", "/_sandbox/advance"): _advance,
    ("GET", "/_sandbox/requests"): _requests,
    ("GET", "/_sandbox/counters"): _counters,
    ("GET", "/_sandbox/state"): _state,
}

"""What a test or the control API does to the world from outside."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable
from typing import Any

from airflow_provider_pipedrive.sandbox.control.schedule import Plan
from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.store import Id, Record, Table


def table(box: Box, entity: str) -> Table:
    """A table by its name.

    :raises LookupError: there is none
    """
    if entity not in box.state.tables:
        raise LookupError(f"The sandbox has no {entity!r}. It has: {', '.join(sorted(box.state.tables))}.")
    return box.state[entity]


def _record(box: Box, entity: str, key: Any) -> Record:
    table(box, entity)
    record = box.state.get(entity, key)
    if record is None:
        raise LookupError(f"The sandbox has no record {key!r} in {entity}.")
    return record


def update(box: Box, entity: str, key: Any, fields: dict[str, Any]) -> Record:
    """Change fields of a record, with all that follows from it.

    :raises LookupError: there is no such record
    :raises RuleError: the fields contradict the company's rules
    """
    key = _record(box, entity, key)["id"]
    if entity == "deals":
        return rules.change_deal(box.state, key, fields, box.actor())
    return box.state.update(entity, key, fields, box.actor())


def delete(box: Box, entity: str, key: Any) -> None:
    """Delete a record: marked deleted where Pipedrive keeps it for a while, else taken out.

    :raises LookupError: there is no such record
    """
    record = _record(box, entity, key)
    if "is_deleted" in record:
        rules.delete(box.state, entity, record["id"], box.actor())
    elif "active_flag" in record:
        box.state.update(entity, record["id"], {"active_flag": False}, box.actor())
    else:
        box.state.remove(entity, record["id"], box.actor())


def merge(box: Box, entity: str, key: Any, into: Any) -> Record:
    """Merge a deal, person or organization into another, which survives.

    :raises LookupError: there is no such record
    :raises RuleError: the other is not there, or is the same
    """
    loser = _record(box, entity, key)["id"]
    return rules.merge(box.state, entity, loser, _record(box, entity, into)["id"], box.actor())


def plan(
    box: Box,
    do: str,
    options: dict[str, Any],
    after_reads: int | None = None,
    after_seconds: float | None = None,
    path: str = "*",
) -> Plan:
    """Do something later, see :class:`~airflow_provider_pipedrive.sandbox.control.schedule.Plan`.

    :raises LookupError: ``do`` is not known
    :raises ValueError: neither reads nor time is given, or both
    """
    if do not in DOINGS:
        raise LookupError(f"The sandbox cannot plan {do!r}, only: {', '.join(DOINGS)}.")
    at = None if after_seconds is None else box.clock.time() + after_seconds
    return box.plans.add(Plan(do, options, after_reads, path, at), lambda due: carry_out(box, due))


def carry_out(box: Box, due: Plan) -> None:
    """Do what was planned."""
    DOINGS[due.do](box, **due.options)


def advance(box: Box, seconds: float) -> None:
    """Move the clock on: what was planned until then happens, webhooks are tried again.

    :raises ValueError: the seconds are negative
    """
    box.clock.advance(seconds)
    with box.lock:
        box.plans.carry_out(lambda due: carry_out(box, due))
    box.webhooks.nudge()


def move_deal(box: Box, deal_id: Id, stage_id: Id) -> Record:
    """Move a deal to a stage.

    :raises LookupError: there is no such deal
    """
    return update(box, "deals", deal_id, {"stage_id": stage_id})


def add_file(box: Box, name: str, content: bytes, **fields: Any) -> Record:
    """Store a file.

    :raises RuleError: a link points to nothing
    """
    rules.prove_links(box.state, fields)
    stamp = box.clock.stamp()
    number = box.state["files"].next_id
    record = {
        "user_id": box.owner_id,
        **dict.fromkeys(rules.FILE_LINKS),
        "log_id": None,
        "add_time": stamp,
        "update_time": stamp,
        "file_name": f"{number:08x}_{name}",
        "file_type": (mimetypes.guess_type(name)[0] or "application/octet-stream").split("/")[-1],
        "file_size": len(content),
        "active_flag": True,
        "inline_flag": False,
        "remote_location": "s3",
        "remote_id": f"{number:08x}",
        "cid": None,
        "s3_bucket": None,
        "mail_message_id": None,
        "mail_template_id": None,
        "name": name,
        "description": None,
        "content": content,
    }
    return box.state.insert("files", {**record, **fields}, box.actor())


DOINGS: dict[str, Callable[..., object]] = {
    "move_deal": move_deal,
    "update": lambda box, entity, id, fields: update(box, entity, id, fields),  # noqa: A006 - as in the control API
    "delete": lambda box, entity, id: delete(box, entity, id),  # noqa: A006
    "merge": lambda box, entity, id, into: merge(box, entity, id, into),  # noqa: A006
    "add_file": lambda box, name="file.txt", content="content", **links: add_file(
        box, name, content.encode() if isinstance(content, str) else content, **links
    ),
}
"""What can be planned, by name, each with the options that the control API takes."""


def counters(box: Box) -> dict[str, Any]:
    """Numbers since the last reset."""
    return {
        "requests": 0,
        "tokens": 0,
        **box.counts,
        "refreshes": box.oauth.refreshes,
        "faults": dict(box.faults.hits),
        "webhooks": {
            "delivered": box.webhooks.delivered,
            "failed": box.webhooks.failed,
            "lost": box.webhooks.lost,
            "waiting": box.webhooks.waiting,
        },
    }


def digest(box: Box, entity: str) -> dict[str, Any]:
    """How many records a full read of a table must give (deleted and archived ones left out), and which: a SHA-256
    over their ids in order, one a line."""
    ids: list[Id] = [r["id"] for r in table(box, entity) if not r.get("is_deleted") and not r.get("is_archived")]
    text = "".join(f"{key}\n" for key in ids)
    return {"entity": entity, "count": len(ids), "sha256": hashlib.sha256(text.encode()).hexdigest(), "ids": ids}

"""What a test or the control API does to the world from outside."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable
from typing import Any

from airflow_provider_pipedrive.sandbox.control.schedule import ScheduledAction
from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.creation import NEW_FILE
from airflow_provider_pipedrive.sandbox.state.store import Id, Record, Table


def table(world: World, entity: str) -> Table:
    """A table by its name.

    :raises LookupError: there is none
    """
    if entity not in world.state.tables:
        raise LookupError(f"The sandbox has no {entity!r}. It has: {', '.join(sorted(world.state.tables))}.")
    return world.state[entity]


def _record(world: World, entity: str, key: Any) -> Record:
    table(world, entity)
    record = world.state.get(entity, key)
    if record is None:
        raise LookupError(f"The sandbox has no record {key!r} in {entity}.")
    return record


def update(world: World, entity: str, key: Any, fields: dict[str, Any]) -> Record:
    """Change fields of a record, with all that follows from it.

    :raises LookupError: there is no such record
    :raises RuleError: the fields contradict the company's rules
    """
    key = _record(world, entity, key)["id"]
    if entity == "deals":
        return rules.change_deal(world.state, key, fields, world.actor())
    return world.state.update(entity, key, fields, world.actor())


def delete(world: World, entity: str, key: Any) -> None:
    """Delete a record: marked deleted where Pipedrive keeps it for a while, else taken out.

    :raises LookupError: there is no such record
    """
    record = _record(world, entity, key)
    if "is_deleted" in record:
        rules.delete(world.state, entity, record["id"], world.actor())
    elif "active_flag" in record:
        world.state.update(entity, record["id"], {"active_flag": False}, world.actor())
    else:
        world.state.remove(entity, record["id"], world.actor())


def merge(world: World, entity: str, key: Any, into: Any) -> Record:
    """Merge a deal, person or organization into another, which survives.

    :raises LookupError: there is no such record
    :raises RuleError: the other is not there, or is the same
    """
    loser = _record(world, entity, key)["id"]
    return rules.merge(world.state, entity, loser, _record(world, entity, into)["id"], world.actor())


def schedule(
    world: World,
    do: str,
    options: dict[str, Any],
    after_reads: int | None = None,
    after_seconds: float | None = None,
    path: str = "*",
) -> ScheduledAction:
    """Do something later, see :class:`~airflow_provider_pipedrive.sandbox.control.schedule.ScheduledAction`.

    :raises LookupError: ``do`` is not known
    :raises ValueError: neither reads nor time is given, or both
    """
    if do not in SCHEDULED_ACTIONS:
        raise LookupError(f"The sandbox cannot plan {do!r}, only: {', '.join(SCHEDULED_ACTIONS)}.")
    at = None if after_seconds is None else world.clock.time() + after_seconds
    return world.schedule.add(
        ScheduledAction(do, options, after_reads, path, at), lambda due: run_scheduled(world, due)
    )


def run_scheduled(world: World, due: ScheduledAction) -> None:
    """Run a scheduled action."""
    SCHEDULED_ACTIONS[due.do](world, **due.options)


def advance(world: World, seconds: float) -> None:
    """Move the clock on: what is scheduled until then happens, webhooks are tried again.

    :raises ValueError: the seconds are negative
    """
    world.clock.advance(seconds)
    with world.lock:
        world.schedule.run_due(lambda due: run_scheduled(world, due))
    world.webhooks.wake()


def move_deal(world: World, deal_id: Id, stage_id: Id) -> Record:
    """Move a deal to a stage.

    :raises LookupError: there is no such deal
    """
    return update(world, "deals", deal_id, {"stage_id": stage_id})


def add_file(world: World, name: str, content: bytes, **fields: Any) -> Record:
    """Store a file.

    :raises RuleError: a link points to nothing
    """
    rules.validate_links(world.state, fields)
    stamp = world.clock.stamp()
    number = world.state["files"].next_id
    record = {
        "user_id": world.owner_id,
        **dict.fromkeys(rules.FILE_LINKS),
        "log_id": None,
        "add_time": stamp,
        "update_time": stamp,
        "file_name": f"{number:08x}_{name}",
        "file_type": (mimetypes.guess_type(name)[0] or "application/octet-stream").split("/")[-1],
        "file_size": len(content),
        **NEW_FILE,
        "remote_id": f"{number:08x}",
        "name": name,
        "content": content,
    }
    return world.state.insert("files", {**record, **fields}, world.actor())


SCHEDULED_ACTIONS: dict[str, Callable[..., object]] = {
    "move_deal": move_deal,
    "update": lambda world, entity, id, fields: update(world, entity, id, fields),  # noqa: A006 - as in the control API
    "delete": lambda world, entity, id: delete(world, entity, id),  # noqa: A006
    "merge": lambda world, entity, id, into: merge(world, entity, id, into),  # noqa: A006
    "add_file": lambda world, name="file.txt", content="content", **links: add_file(
        world, name, content.encode() if isinstance(content, str) else content, **links
    ),
}
"""What can be scheduled, by name, each with the options that the control API takes."""


def counters(world: World) -> dict[str, Any]:
    """Numbers since the last reset."""
    return {
        "requests": 0,
        "tokens": 0,
        **world.counts,
        "refreshes": world.oauth.refreshes,
        "faults": dict(world.faults.hits),
        "webhooks": {
            "delivered": world.webhooks.delivered,
            "failed": world.webhooks.failed,
            "lost": world.webhooks.lost,
            "waiting": world.webhooks.waiting,
        },
    }


def digest(world: World, entity: str) -> dict[str, Any]:
    """How many records a full read of a table must give (deleted and archived ones left out), and which: a SHA-256
    over their ids in order, one a line."""
    ids: list[Id] = [r["id"] for r in table(world, entity) if not r.get("is_deleted") and not r.get("is_archived")]
    text = "".join(f"{key}\n" for key in ids)
    return {"entity": entity, "count": len(ids), "sha256": hashlib.sha256(text.encode()).hexdigest(), "ids": ids}

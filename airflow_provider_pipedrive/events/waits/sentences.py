"""A wait in words: what is waited for, where it stands, and what has happened. For logs; ids with names where known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.outcomes import Memory, Record
from airflow_provider_pipedrive.events.waits.watches import AnyDealWait, DealsWait, FilesWait, RecordWait, WaitSpec
from airflow_provider_pipedrive.files.listing import name_of

_SHOWN = 5
"""Records that are named, the rest is counted."""


def awaited(watch: WaitSpec) -> str:
    """What is waited for, such as ``Waiting until deal 17 is in stage 3 (Offer).``"""
    if isinstance(watch, DealsWait):
        quantity = "any" if watch.require == "any" else "each"
        many = len(watch.deal_ids) > 1
        deals = f"{quantity} of the deals {_listed(watch.deal_ids)}" if many else f"deal {watch.deal_ids[0]}"
        return f"Waiting until {deals} {_move(watch.movement)}."
    if isinstance(watch, AnyDealWait):
        narrowed = {"pipeline": watch.pipeline_id, "owner": watch.owner_id, "filter": watch.filter_id}
        of = ", ".join(f"{name} {value}" for name, value in narrowed.items() if value is not None)
        return f"Waiting until a deal{f' ({of})' if of else ''} {_move(watch.movement)}, from {watch.since} on."
    if isinstance(watch, FilesWait):
        link = f" of {str(watch.link).removesuffix('_id')} {watch.record_id}" if watch.link else ""
        start = f"with an id above {watch.after_id}" if watch.after_id is not None else f"added from {watch.since} on"
        return f"Waiting for a file{link} {start}."
    assert isinstance(watch, RecordWait)
    return f"Waiting until {watch} has {' and '.join(map(str, watch.success)) or 'come to be'}."


def standing(watch: WaitSpec, memory: Memory) -> str:
    """Where deals that are waited for are now, as far as the last look has shown; empty where it has shown nothing."""
    if not isinstance(watch, DealsWait):
        return ""
    at = [
        f"deal {deal_id} is in {_stage(memory[str(deal_id)]['stage'], watch.movement.names)}"
        for deal_id in watch.deal_ids[:_SHOWN]
        if "stage" in memory.get(str(deal_id), {})
    ]
    return f"Not yet: {', '.join(at)}." if at else ""


def elsewhere(watch: WaitSpec, memory: Memory) -> str:
    """A warning where deals are in another pipeline than the stages that they shall come to; else empty."""
    if not isinstance(watch, DealsWait) or not watch.movement.reaches:
        return ""
    pipelines = watch.movement.pipelines
    wanted = {pipelines.get(str(stage)) for stage in watch.movement.reaches}
    now = {key: pipelines.get(str(seen.get("stage"))) for key, seen in memory.items()}
    strays = [
        f"deal {key} is in pipeline {pipeline}" for key, pipeline in now.items() if pipeline not in {None, *wanted}
    ]
    if not strays or None in wanted:
        return ""
    return (
        f"The stage that is waited for belongs to pipeline {' or '.join(map(str, sorted(filter(None, wanted))))}, but "
        f"{_some(strays)}: a move within a pipeline does not lead there."
    )


def happened(watch: WaitSpec, result: Any) -> str:
    """What has happened, from the result of a wait."""
    found: Sequence[Any] = result if isinstance(result, Sequence) else [result]
    if isinstance(watch, FilesWait):
        files = [f"{name_of(file)} ({file['id']})" for file in found]
        return f"New files: {_some(files)}."
    if isinstance(watch, DealsWait | AnyDealWait):
        return f"It has happened: {_some([_moved(move) for move in found])}."
    assert isinstance(watch, RecordWait)
    return f"It has happened: {watch} has {' and '.join(map(str, watch.success)) or 'come to be'}."


def _move(movement: Movement) -> str:
    if movement.statuses:
        return f"is {' or '.join(movement.statuses)}"
    reaches = " or ".join(_stage(stage, movement.names) for stage in movement.reaches)
    leaves = " or ".join(_stage(stage, movement.names) for stage in movement.leaves)
    if reaches and leaves:
        return f"moves from {leaves} to {reaches}"
    if reaches:
        return f"is in {reaches}"
    return f"has left {leaves}" if leaves else "moves to another stage"


def _moved(move: Record) -> str:
    stage = f"stage {move['to_stage_id']}" + (f" ({move['to_stage']})" if move.get("to_stage") else "")
    title = f" ({move['title']!r})" if move.get("title") else ""
    since = f" since {move['time']}" if move.get("time") else ""
    return f"deal {move['deal_id']}{title} is {move['status']} in {stage}{since}"


def _stage(stage_id: int, names: Mapping[str, str]) -> str:
    name = names.get(str(stage_id))
    return f"stage {stage_id}{f' ({name})' if name else ''}"


def _listed(ids: Sequence[int]) -> str:
    return _some([str(key) for key in ids])


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")

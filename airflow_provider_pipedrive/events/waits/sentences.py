"""A wait in words: what is waited for, how things are now, and what has happened. For logs; ids with names if known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_pipedrive.events.waits.files import FilesWait
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.moves import AnyDealWait
from airflow_provider_pipedrive.events.waits.outcomes import Memory, Record
from airflow_provider_pipedrive.events.waits.records import DealsWait, RecordWait
from airflow_provider_pipedrive.events.waits.specs import WaitSpec
from airflow_provider_pipedrive.files.listing import name_of

_SHOWN = 5
"""Records that are named, the rest is counted."""


def awaited(spec: WaitSpec) -> str:
    """What is waited for, such as ``Waiting until deal 17 is in stage 3 (Offer).``"""
    if isinstance(spec, DealsWait):
        quantity = "any" if spec.require == "any" else "each"
        many = len(spec.deal_ids) > 1
        deals = f"{quantity} of the deals {_listed(spec.deal_ids)}" if many else f"deal {spec.deal_ids[0]}"
        return f"Waiting until {deals} {_move(spec.movement)}."
    if isinstance(spec, AnyDealWait):
        narrowed = {"pipeline": spec.pipeline_id, "owner": spec.owner_id, "filter": spec.filter_id}
        of = ", ".join(f"{name} {value}" for name, value in narrowed.items() if value is not None)
        return f"Waiting until a deal{f' ({of})' if of else ''} {_move(spec.movement)}, from {spec.since} on."
    if isinstance(spec, FilesWait):
        return f"Waiting for {_files(spec)}."
    assert isinstance(spec, RecordWait)
    return f"Waiting until {_fulfilled(spec)}."


def standing(spec: WaitSpec, memory: Memory) -> str:
    """How things are now, as far as the last check has shown; empty where it has shown nothing."""
    if isinstance(spec, DealsWait):
        known = [(key, memory[str(key)]) for key in spec.deal_ids if "stage" in memory.get(str(key), {})]
        at = [f"deal {key} is {_where(spec.movement, seen)}" for key, seen in known]
    elif isinstance(spec, RecordWait):
        at = [f"{path} is {shown}" for path, shown in memory.get("values", {}).items()]
    else:
        at = []
    return f"Not yet: {_some(at)}." if at else ""


def doubtful(spec: WaitSpec, memory: Memory) -> str:
    """A warning where a wait may be a mistake: a condition's path leads nowhere, or deals are in another pipeline than
    the stages that they shall come to; else empty."""
    if isinstance(spec, RecordWait):
        return " ".join(memory.get("faults", ()))
    return _elsewhere(spec, memory)


def _elsewhere(spec: WaitSpec, memory: Memory) -> str:
    if not isinstance(spec, DealsWait) or not spec.movement.reaches:
        return ""
    pipelines = spec.movement.pipelines
    wanted = {pipelines.get(str(stage)) for stage in spec.movement.reaches}
    now = {key: pipelines.get(str(seen.get("stage"))) for key, seen in memory.items()}
    strays = [
        f"deal {key} is in pipeline {pipeline}" for key, pipeline in now.items() if pipeline not in {None, *wanted}
    ]
    if not strays or None in wanted:
        return ""
    stages = " or ".join(_stage(stage, spec.movement.names) for stage in spec.movement.reaches)
    there = f"{stages} is in pipeline {' or '.join(map(str, sorted(filter(None, wanted))))}"
    deals = _some(strays)
    return f"{deals[0].upper()}{deals[1:]}, but {there}: a move within a pipeline does not lead there."


def happened(spec: WaitSpec, result: Any) -> str:
    """What has happened, from the result of a wait."""
    found: Sequence[Any] = result if isinstance(result, Sequence) else [result]
    if isinstance(spec, FilesWait):
        files = [f"{name_of(file)} ({file['id']})" for file in found]
        return f"{f'{len(files):,} new files' if len(files) > 1 else 'A new file'}: {_some(files)}."
    if isinstance(spec, DealsWait | AnyDealWait):
        return f"It has happened: {_some([_moved(move) for move in found])}."
    assert isinstance(spec, RecordWait)
    return f"It has happened: {_fulfilled(spec)}."


def _files(spec: FilesWait) -> str:
    link = f" of {str(spec.link).removesuffix('_id')} {spec.record_id}" if spec.link else ""
    called = f" called {' or '.join(spec.names)}" if spec.names else ""
    kind = f" of type {' or '.join(spec.types)}" if spec.types else ""
    start = f"with an id above {spec.after_id}" if spec.after_id is not None else f"added from {spec.since} on"
    return f"a file{link}{called}{kind} {start}"


def _fulfilled(spec: RecordWait) -> str:
    """Such as ``lead 0b1b1e40 fulfils: is_archived == True``."""
    what = " ".join(re.findall(r"[A-Z][a-z]*", spec.action)).lower()
    ids = " ".join(str(value) for name, value in spec.parameters.items() if name == "id" or name.endswith("_id"))
    return f"{what} {ids} fulfils: {' and '.join(map(str, spec.success))}"


def _where(movement: Movement, seen: Memory) -> str:
    status = f"{seen['status']}, in " if movement.statuses and seen.get("status") else "in "
    return status + _stage(seen["stage"], movement.names)


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

"""The end of a run: its entities are published, and the receipt says what came of them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import PipedriveStorageError
from airflow_provider_pipedrive.extraction.context import EntityRun, ExtractionContext, iso
from airflow_provider_pipedrive.extraction.entities import HISTORIES, OBSERVED
from airflow_provider_pipedrive.extraction.observed_stages import keep_observed
from airflow_provider_pipedrive.extraction.output.manifest import MANIFEST
from airflow_provider_pipedrive.extraction.output.parts import FinishedPart
from airflow_provider_pipedrive.extraction.reading.pages import Identity
from airflow_provider_pipedrive.extraction.schemas import RunSchemas
from airflow_provider_pipedrive.extraction.storage.files import on_each, side_by_side, write_json
from airflow_provider_pipedrive.extraction.windows import move_watermark

log = logging.getLogger(__name__)
_Drop = Callable[[FinishedPart], Sequence[int]]


def publish(context: ExtractionContext, entities: Mapping[str, EntityRun], schemas: RunSchemas) -> dict[str, Any]:
    """Publish what was read, then move the watermarks: a receipt."""
    runs = list(entities.values())
    # What was read first is the oldest of what the run publishes. Another one that has read later wins all entities.
    read_at = min(each.read_at or context.moment for each in runs)
    for each in runs:
        each.staging.publication.note_read(read_at)
    # Should the run end while it publishes, ids are landed all the same, and another try finds again what is deleted.
    side_by_side([schemas.save, *(each.known.save for each in runs if each.known is not None)], context.path)
    for each in runs:
        each.staging.settle()  # nothing is published where not all can be
    done = on_each(lambda each: _publish(context, each, schemas.drift(each.name)), runs, context.path)
    published = dict(zip(entities, done, strict=True))
    receipt = _receipt(context, entities, published)
    snapshots = [partial(_keep_snapshot, context, each, published[each.name]["rows"]) for each in runs]
    side_by_side([partial(write_json, context.receipt, receipt), *snapshots], context.path)
    on_each(lambda each: _remember(context, each), runs, context.path)
    if OBSERVED in entities:
        keep_observed(entities[OBSERVED].staging, context.stages)
    try:
        context.folder.clear()
    except (OSError, PipedriveStorageError) as error:  # all is published: another run clears up
        log.warning("What was kept in %s while runs lasted was not removed: %s", context.path, error)
    return receipt


def _receipt(
    context: ExtractionContext, entities: Mapping[str, EntityRun], published: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    usage, (requests, tokens) = context.client.usage, context.spent
    claimed = [name for name, each in entities.items() if each.claim is not None]
    return {
        "run": context.run,
        "mode": context.job.mode,
        "format": context.job.format,
        "columns": context.job.columns,
        "account": context.account,
        "entities": published,
        "rows": sum(entity["rows"] for entity in published.values()),
        "requests": usage.requests - requests,
        "tokens": usage.tokens - tokens,
        "seconds": round(context.clock() - context.began, 3),
        "started_at": iso(datetime.fromtimestamp(context.began, UTC)),
        "watermarks": {name: context.watermarks(name).name(name) for name in claimed},
    }


def _keep_snapshot(context: ExtractionContext, each: EntityRun, rows: int) -> None:
    """What the next snapshot is held against."""
    if each.window is None and each.name not in HISTORIES:
        snapshot = {"rows": rows, "account": context.account, "run": context.run}
        write_json(context.last_snapshot(each.name), snapshot)


def _remember(context: ExtractionContext, each: EntityRun) -> None:
    """What the next run is to know of an entity that is published."""
    if each.known is not None:
        each.known.ids.remove([*each.known.gone.all(), *each.outcome.deleted])
        each.known.save()
    if each.claim is not None:
        landed: dict[Identity, datetime] = {}
        for part in each.staging.finished:
            landed.update(part.boundary)
        move_watermark(context, each.name, each.claim, each.outcome.watermark, landed)


def _publish(context: ExtractionContext, each: EntityRun, drift: Sequence[str]) -> dict[str, Any]:
    """Publish one entity: what the receipt says of it."""
    job, outcome, staging = context.job, each.outcome, each.staging
    drop: _Drop = outcome.dropped if job.versions == "latest" else lambda part: ()
    manifest = staging.publish(
        drop,
        _about(context, each, drop),
        outcome.deleted if job.deletes or job.sweep else None,
        adds=job.mode == "changes",
        asked=_asked(context, each.name),
    )
    # Of what changed, other runs' files may be in the same partition.
    parts, tombstones = (
        [part for part in manifest[kind] if part["run"] == manifest["run"]] for kind in ("parts", "tombstones")
    )
    rows = sum(part["rows"] for part in parts)
    files = f" in {counted(len(parts), 'file')}" if parts else ""
    log.info("%s: %s%s published in %s", each.name, counted(rows, "row"), files, staging.target)
    told = ("strategy", "completeness", "window", "watermark", "nulled_values", "set_aside")
    return {
        "rows": rows,
        **{key: manifest[key] for key in told},
        "parts": len(parts),
        "bytes": sum(part["bytes"] for part in parts),
        "tombstones": sum(part["rows"] for part in tombstones),
        "manifest": str(staging.target / MANIFEST),
        "pages": each.stats.pages,
        "tokens": each.stats.tokens,
        "drift": list(drift),
    }


def _about(context: ExtractionContext, each: EntityRun, drop: _Drop) -> dict[str, Any]:
    """What the manifest says next to the parts."""
    outcome, window = each.outcome, each.window
    return {
        "key": list(each.entity.key),
        "strategy": outcome.strategy,
        "completeness": outcome.completeness,
        "window": None if window is None else {"since": iso(window.since), "until": iso(window.until)},
        "watermark": iso(outcome.watermark) if outcome.watermark else None,
        "run": context.run,
        "nulled_values": _nulled_values(each.staging.finished, drop),
        "set_aside": len(each.stats.set_aside),
        "writer": context.writer,
        "parameters": context.choice(each.name),
    }


def _nulled_values(parts: Sequence[FinishedPart], drop: _Drop) -> dict[str, int]:
    """By column, the values that could not be written as they came, in the rows that count."""
    nulled: Counter[str] = Counter()
    for part in parts:
        nulled.update(part.part.nulled_values)
        dropped = frozenset(drop(part) if part.part.nulled_rows else ())
        for column, rows in part.part.nulled_rows.items():
            nulled[column] -= sum(row in dropped for row in rows)
    return dict(+nulled)


def _asked(context: ExtractionContext, entity: str) -> str:
    """Tells one choice of records from another: of which account, narrowed down by what, in which columns."""
    asked = [context.account, context.parameters(entity), context.job.columns, context.job.versions]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:12]

"""Which of the records that were landed once are deleted: they are held against what is there now."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_pipedrive.extraction.context import EntityRun, ExtractionContext
from airflow_provider_pipedrive.extraction.entities import HISTORIES
from airflow_provider_pipedrive.extraction.reading.ids import Ids
from airflow_provider_pipedrive.extraction.reading.sweep import LandedIds, confirm, sweep, sweepable
from airflow_provider_pipedrive.extraction.storage.files import on_each


def recall_landed(context: ExtractionContext, entities: Iterable[EntityRun]) -> None:
    """Read which ids were landed once, of each entity of which it matters."""
    looked_at = [each for each in entities if _has_known(context, each)]
    known = on_each(lambda each: LandedIds(context.path, each.name), looked_at, context.path)
    for each, landed in zip(looked_at, known, strict=True):
        each.known = landed


def look_for_deleted(context: ExtractionContext, entities: Iterable[EntityRun]) -> None:
    """Add to the outcome of each entity what is deleted, and to the ids what was landed."""
    for each in entities:
        if each.known is not None and not each.staging.publication.is_begun:
            _look_for_deleted(context, each, each.known)


def _has_known(context: ExtractionContext, each: EntityRun) -> bool:
    """Whether the ids that were landed once say something of this run, or it of them."""
    if each.name in HISTORIES or not sweepable(each.entity) or context.job.parameters.get(each.name):
        return False
    return bool(each.window is None or context.job.sweep or each.staging.rows or each.outcome.deleted)


def _look_for_deleted(context: ExtractionContext, each: EntityRun, known: LandedIds) -> None:
    deleted = each.outcome.deleted
    if context.job.deletes and each.window is None:
        absent = Ids(known.ids.bits)
        absent.remove(each.staging.ids())
        absent.remove(deleted)
        known.gone = absent  # those that are archived too: the next run would look them up again
        deleted.update(confirm(context.pool, each.entity, absent.all(), each.stats))
    elif context.job.sweep:
        left = Ids(known.ids.bits)
        deleted.update(sweep(context.pool, each.entity, left, {}, each.stats))
        known.gone = Ids(known.ids.bits)
        known.gone.remove([*left.all(), *each.staging.ids()])
    known.ids.add(each.staging.ids())

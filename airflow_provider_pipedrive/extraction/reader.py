"""Reads the entities of a run: many at once, those that are read by others after these."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.context import EntityRun, ExtractionContext
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.entities import OBSERVED, entity_of
from airflow_provider_pipedrive.extraction.observed_stages import has_observed, observe
from airflow_provider_pipedrive.extraction.output.run_folder import RunFolder
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.listing import pages_of
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome
from airflow_provider_pipedrive.extraction.reading.pages import Identity
from airflow_provider_pipedrive.extraction.reading.request_pool import RequestPool, Stopped
from airflow_provider_pipedrive.extraction.reading.strategies import first_requests, strategy_for
from airflow_provider_pipedrive.extraction.watermarks import CLAIMS_KEPT

log = logging.getLogger(__name__)
_AT_ONCE = 8


def ask_early(pool: RequestPool, folder: RunFolder, job: ExtractionJob) -> None:
    """Ask for the pages that a new run is going to begin with, while it is not known yet whose account it is."""
    if job.mode == "snapshot" and pool.concurrency > 1 and not folder.continues:
        for entity in map(entity_of, job.entities):
            query = {**_display(job, entity), **job.parameters.get(entity.name, {})}
            for parameters in first_requests(entity, query):
                pool.ask_early(entity, parameters)


class EntityReader:
    """Reads what a run asks for into its folder."""

    def __init__(self, context: ExtractionContext, entities: Mapping[str, EntityRun]) -> None:
        self._context = context
        self._pool = context.pool
        self._entities = entities

    def read_all(self) -> None:
        """Read every entity, its outcome with it.

        :raises PipedriveError: what ended it; all that was read before is in finished parts
        """
        runs = self._entities.values()
        self._together((each for each in runs if each.entity.parent is None and each.name != OBSERVED), self._read)
        self._together((each for each in runs if each.entity.parent is not None), self._read_children)
        self._together((each for each in runs if each.name == OBSERVED), self._observe)

    def _together(self, runs: Iterable[EntityRun], read: Callable[[EntityRun], ReadOutcome]) -> None:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="entity") as threads:
            waiting = {threads.submit(self._one, each, read) for each in runs}
            try:
                while waiting:
                    waiting = wait(waiting, timeout=1).not_done
                    self._context.progress.watch()
            except BaseException as error:  # the task is being ended: the others must not read on to their ends
                self._pool.failure = self._pool.failure or error
                self._context.client.token_cap = 0  # nor may a failed request be sent again; given back in `extract`
                raise
        if self._pool.failure is not None:
            raise self._pool.failure

    def _one(self, each: EntityRun, read: Callable[[EntityRun], ReadOutcome]) -> None:
        """Read one entity in a thread of its own."""
        try:
            each.outcome = self._published_before(each) if each.staging.publication.is_begun else read(each)
            each.read_at = self._context.moment
        except Stopped:
            log.info("%s: stopped, because another entity failed; what was read is kept.", each.name)
        except BaseException as error:  # noqa: BLE001 - raised when the others have stopped too
            self._pool.failure = self._pool.failure or error
        finally:
            each.staging.abort()  # what is unfinished after an error; nothing after a success
            self._context.progress.done(each.name)

    @staticmethod
    def _published_before(each: EntityRun) -> ReadOutcome:
        """What an entity came to whose publication was interrupted: all of it is read, and decided."""
        each.staging.load()
        about, deleted = each.staging.publication.about, each.staging.publication.deleted
        return ReadOutcome(about["strategy"], about["completeness"], each.staging.newest, deleted=deleted)

    def _read(self, each: EntityRun, parents: Sequence[Identity] = ()) -> ReadOutcome:
        context = self._context
        context.progress.begin(each.name, each.stats)
        reading = EntityRead(
            self._pool,
            each.entity,
            each.staging,
            each.stats,
            window=each.window,
            parameters=context.parameters(each.name),
            display=_display(context.job, each.entity),
            deletes=context.job.deletes,
            lookback=context.job.lookback,
            parents=parents,
            until=each.claim.until if each.claim else None,
            clock=context.clock,
        )
        return strategy_for(reading).read()

    def _read_children(self, each: EntityRun) -> ReadOutcome:
        name = str(each.entity.parent)
        parent = self._entities.get(name)
        if parent is not None:
            parents = sorted(set(parent.staging.ids()) - parent.outcome.removed.keys(), key=str)
        else:
            pages = pages_of(self._pool, entity_of(name), {}, each.stats)
            parents = [key.id for page in pages for key in page.keys]
        return self._read(each, parents)

    def _observe(self, each: EntityRun) -> ReadOutcome:
        context, deals = self._context, self._entities["deals"]
        if deals.staging.publication.is_begun:  # what was seen in them is written
            each.staging.load()
            return ReadOutcome("observed", {"kind": "observed"}, each.staging.newest)
        before = context.receipt_before or {}
        if each.name in before.get("entities", {}) and not has_observed(context.stages, context.run):
            raise PipedriveParameterError(
                f"{each.name}: the run {context.run} has landed the moves that it saw, and which they were is not "
                f"known any more: those of the last {CLAIMS_KEPT} runs are kept. Nothing was published, and what it "
                f"has landed stays. Start a new run, or leave out {each.name}."
            )
        deals.staging.settle()  # what is not on this disk is read from where it was uploaded to
        dropped = {part.name: set(deals.outcome.dropped(part)) for part in deals.staging.finished}
        return observe(each.staging, deals.staging, dropped, context.stages, context.run)


def _display(job: ExtractionJob, entity: Entity) -> dict[str, Any]:
    """The parameters that say how an entity's records are shown."""
    return {"include_option_labels": True} if entity.option_labels and job.columns == "readable" else {}

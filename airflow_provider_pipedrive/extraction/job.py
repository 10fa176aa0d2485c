"""One extraction: entities in, published parts and a receipt out."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.errors import PipedriveStorageError
from airflow_provider_pipedrive.extraction.context import EntityRun, ExtractionContext, who_reads
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.deletions import look_for_deleted, recall_landed
from airflow_provider_pipedrive.extraction.entities import entity_of
from airflow_provider_pipedrive.extraction.guards import keep_company, refuse_another_company, refuse_shrunk
from airflow_provider_pipedrive.extraction.output.run_folder import RunFolder
from airflow_provider_pipedrive.extraction.progress import Progress
from airflow_provider_pipedrive.extraction.publishing import publish
from airflow_provider_pipedrive.extraction.reader import EntityReader, ask_early
from airflow_provider_pipedrive.extraction.reading.pages import server_time
from airflow_provider_pipedrive.extraction.reading.request_pool import RequestPool
from airflow_provider_pipedrive.extraction.schemas import RunSchemas
from airflow_provider_pipedrive.extraction.storage.files import folder_path, on_each, side_by_side
from airflow_provider_pipedrive.extraction.windows import wait_for_end, window_of

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)


def extract(
    client: PipedriveClient,
    path: Any,
    job: ExtractionJob,
    *,
    run: str | None = None,
    owner: str | None = None,
    writer: str | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Extract a job's entities into a folder.

    A run that died, or spent its tokens, continues where it ended when it is called again with the same job and path.

    :param path: the folder: a local path, or one that knows its file system, such as Airflow's ``ObjectStoragePath``
    :param run: the run's name, and its receipt's; by default the time, which makes each call a run of its own. Called
        again under the same name, a run that goes by its watermark reads its own window again
    :param owner: who runs it, the same at every try
    :param writer: who runs it night after night: no snapshot takes the place of another writer's that has other
        ``parameters``
    :returns: the receipt, which is also kept in ``_pipedrive/receipts``
    :raises PipedriveParameterError: the path cannot be, found before anything was sent
    :raises PipedriveTokenCapError: ``max_tokens`` would be exceeded
    :raises PipedriveError: what ended it
    :raises OSError: the folder cannot be written to
    """
    began, spent = clock(), (client.usage.requests, client.usage.tokens)
    run = run or f"{datetime.fromtimestamp(began, UTC):%Y-%m-%dT%H-%M-%SZ}-{uuid.uuid4().hex[:6]}"
    folder = _run_folder(path, job, owner)
    progress = Progress(client, clock, folder.touch)
    pool = RequestPool(client, job.concurrency, progress.watch)
    with _tokens_capped(client, job.max_tokens), _given_back(folder, pool):
        ask_early(pool, folder, job)
        account, headers = who_reads(client)
        pool.note_time(server_time(headers))
        context = ExtractionContext(
            client, folder.path, job, run, writer, folder, pool, progress, account, clock, sleep, began, spent
        )
        return _extract(context)


def _run_folder(path: Any, job: ExtractionJob, owner: str | None) -> RunFolder:
    owner = owner or f"pid {os.getpid()}"
    return RunFolder(folder_path(path), job.key, owner, job.keep_previous, job.part_mb, latest=job.latest)


def _extract(context: ExtractionContext) -> dict[str, Any]:
    is_known = refuse_another_company(context)
    context.folder.read_as(context.whose)
    if context.job.mode == "changes":
        wait_for_end(context)
    schemas = RunSchemas(context, [entity_of(name) for name in context.job.entities])
    names = context.job.entities
    begun = on_each(lambda name: _begin(context, name, schemas), names, context.path)
    entities = dict(zip(names, begun, strict=True))
    with _kept_for_another_try(begun):
        EntityReader(context, entities).read_all()
        schemas.decide()
        context.progress.end({name: each.stats for name, each in entities.items()})
        checks = [partial(check, context, begun) for check in (refuse_shrunk, recall_landed)]
        side_by_side(checks if is_known else [partial(keep_company, context), *checks], context.path)
        look_for_deleted(context, begun)
        context.pool.close()
        return publish(context, entities, schemas)


def _begin(context: ExtractionContext, name: str, schemas: RunSchemas) -> EntityRun:
    entity, job = entity_of(name), context.job
    window, claim = window_of(context, name)
    staging = context.folder.entity(
        name, job.format, schemas.encoder(entity), context.partition, escape_formulas=job.escape_formulas
    )
    staging.boundary_width = timedelta(seconds=2 * job.lookback)
    return EntityRun(entity, staging, window, claim)


@contextmanager
def _kept_for_another_try(entities: Sequence[EntityRun]) -> Iterator[None]:
    """Whatever ends a run, what it has read is kept; no file of it stays on this disk."""
    try:
        yield
    except BaseException as error:
        _keep(entities, error)
        raise
    finally:
        for each in entities:
            each.staging.close()


def _keep(entities: Sequence[EntityRun], error: BaseException) -> None:
    """Keep what was read for another try, as far as the storage takes it.

    :param error: what has ended the run, which is what counts
    """
    for each in entities:
        if _is_out_of_reach(error):
            log.warning("What is not in the storage yet is read again by another try.")
            return
        try:
            each.staging.keep()
        except Exception as own:  # noqa: BLE001 - another one is raised
            log.warning("%s: not all that was read is kept for another try: %s", each.name, own)
            error = own


def _is_out_of_reach(error: BaseException) -> bool:
    """Whether the storage does not answer, or not to these credentials any more. Its client tries each call for up to a
    minute before it says so: nothing more is asked."""
    return isinstance(error, PipedriveStorageError) and bool(error.retryable)


@contextmanager
def _tokens_capped(client: PipedriveClient, most: int | None) -> Iterator[None]:
    """Let the client spend that many tokens more at most."""
    cap = client.token_cap
    if most is not None:
        client.token_cap = client.usage.tokens + most
    try:
        yield
    finally:
        client.token_cap = cap


@contextmanager
def _given_back(folder: RunFolder, pool: RequestPool) -> Iterator[None]:
    """Whatever ends a run, its threads end first, and then another may continue from what was read."""
    try:
        yield
    except BaseException as error:
        pool.close()
        if not _is_out_of_reach(error):
            _release(folder)
        raise


def _release(folder: RunFolder) -> None:
    try:
        folder.release()
    except (OSError, PipedriveStorageError) as error:  # what ended the run is what counts, and the lease runs out
        log.warning("The lease in %s stays: %s", folder.folder, error)

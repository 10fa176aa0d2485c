"""What a job will cost, before it runs: one cheap look at each list."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.limits import WINDOW
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.entities import EXACT, OBSERVED, entity_of
from airflow_provider_pipedrive.extraction.reading.pages import Page
from airflow_provider_pipedrive.extraction.reading.profile import ListProfile
from airflow_provider_pipedrive.extraction.reading.queries import page_size, rfc3339, sorting
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient


@dataclass(frozen=True)
class Estimate:
    """What reading one entity will take.

    :ivar records: about how many; None where the list does not tell
    :ivar pages: requests
    :ivar tokens: API tokens
    :ivar basis: what the figures rest on
    """

    entity: str
    records: int | None
    pages: int
    tokens: int
    basis: str


@dataclass(frozen=True)
class Plan:
    """What a job will take.

    :ivar looking: API tokens that the plan itself has cost
    :ivar minutes: the least that the rate limit allows
    """

    estimates: tuple[Estimate, ...]
    tokens: int
    minutes: float
    looking: int


def estimate(
    client: PipedriveClient,
    job: ExtractionJob,
    *,
    since: datetime | None = None,
    clock: Callable[[], float] = time.time,
) -> Plan:
    """What a job will cost: one request for each entity.

    :param since: begin of the window for a job that goes by its watermark
    :raises PipedriveError: a list cannot be read
    """
    before = client.usage.tokens
    pool = RequestPool(client, min(job.concurrency, 8), lambda: None)
    since = job.since or since
    until = job.until or datetime.fromtimestamp(clock(), UTC)
    window = (since, until) if job.mode == "changes" and since is not None else None
    try:
        entities = [entity_of(name) for name in job.entities]
        found = pool.run_all(
            partial(_look, pool, entity, job, window) for entity in entities if entity.name != OBSERVED
        )
    finally:
        pool.close()
    estimates = tuple(found)
    definitions = (
        {entity.definitions for entity in entities if entity.definitions} if job.columns == "readable" else set()
    )
    tokens = sum(estimate.tokens for estimate in estimates) + 10 * len(definitions) + 2
    requests = sum(estimate.pages for estimate in estimates) + len(definitions) + 1
    minutes = WINDOW * ((requests - 1) // client.burst_limit) / 60
    return Plan(estimates, tokens, minutes, client.usage.tokens - before)


def _look(pool: RequestPool, entity: Entity, job: ExtractionJob, window: tuple[datetime, datetime] | None) -> Estimate:
    given = dict(job.parameters.get(entity.name, {}))
    if entity.name == EXACT:
        return _history(pool, given, window)
    if entity.parent is not None:
        parent = ENTITIES[entity.parent]
        parents = _whole(pool, parent, {}).records or 1
        requests = math.ceil(parents / entity.parent_batch)
        return _estimate(entity, None, requests, f"about {parents} {parent.name}, {entity.parent_batch} a request")
    if window is not None and "updated_since" in entity.listing.by_name:
        return _windowed(pool, entity, given, window)
    return _whole(pool, entity, given)


def _whole(pool: RequestPool, entity: Entity, given: dict[str, Any]) -> Estimate:
    """By the list's last page: its greatest id, and how many ids are missing there."""
    if entity.listing.paging is None:
        return _estimate(entity, None, 1, "one page holds it all")
    parameters = {**page_size(entity), **given, **sorting(entity, "id", ascending=False)}
    page = pool.read(entity, parameters, ReadStats())
    if not _more(page):
        return _estimate(entity, len(page), 1, "one page holds it all")
    size = page_size(entity).get("limit", len(page))
    if "id" not in entity.sort_by or not isinstance(page.keys[0].id, int):
        return _estimate(entity, None, 2, "more than one page; the list does not tell how many")
    profile = ListProfile.of((), page.keys)
    records = max(round(profile.highest - profile.absent), len(page))
    return _estimate(entity, records, math.ceil(records / size) + 1, "greatest id, less the gaps of the last page")


def _windowed(pool: RequestPool, entity: Entity, given: dict[str, Any], window: tuple[datetime, datetime]) -> Estimate:
    """By how many updates the window's first page spans."""
    since, until = window
    parameters = {**page_size(entity), **given, **sorting(entity, "update_time", ascending=True)}
    parameters["updated_since"] = rfc3339(int(since.timestamp()))
    if "updated_until" in entity.listing.by_name:
        parameters["updated_until"] = rfc3339(int(until.timestamp()))
    page = pool.read(entity, parameters, ReadStats())
    also = 4 if entity.archived_in else 1  # archived and deleted ones, and those that were never updated
    last = page.keys[-1].update_time if page.keys else None
    if not _more(page) or last is None:
        return _estimate(entity, len(page), 1 + also, "the window's first page holds it all")
    share = (last - since).total_seconds() / max((until - since).total_seconds(), 1.0)
    records = round(len(page) / max(share, 1e-6))
    if "updated_until" in entity.listing.by_name:
        records = min(records, _whole(pool, entity, given).records or records)
    size = page_size(entity).get("limit", len(page))
    return _estimate(entity, records, math.ceil(records / size) + 1 + also, "the pace of the window's first page")


def _history(pool: RequestPool, given: dict[str, Any], window: tuple[datetime, datetime] | None) -> Estimate:
    deals = ENTITIES["deals"]
    below = _windowed(pool, deals, given, window) if window else _whole(pool, deals, given or {"status": "open"})
    count = below.records or 0
    cost = entity_of(EXACT).listing.token_cost
    return Estimate(
        EXACT,
        None,
        count,
        count * cost + below.tokens,
        f"at most {counted(count, 'deal')}, {counted(cost, 'API token')} each",
    )


def _estimate(entity: Entity, records: int | None, pages: int, basis: str) -> Estimate:
    return Estimate(entity.name, records, pages, pages * entity.listing.token_cost, basis)


def _more(page: Page) -> bool:
    extra = page.envelope.get("additional_data")
    if not isinstance(extra, dict):
        return False
    nested = extra.get("pagination")
    paging = nested if isinstance(nested, dict) else extra
    return bool(extra.get("next_cursor") or paging.get("more_items_in_collection"))

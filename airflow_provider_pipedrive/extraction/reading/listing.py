"""Reading a list page after page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.client.paging import Look, Position, may_be_broken, walk_pages
from airflow_provider_pipedrive.extraction.reading.pages import Page
from airflow_provider_pipedrive.extraction.reading.queries import page_size
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool


def pages_of(pool: RequestPool, entity: Entity, parameters: Mapping[str, Any], stats: ReadStats) -> Iterator[Page]:
    """The pages of a list, one after another, in the caller's thread: every record once, by its first sight."""
    for page, fresh in _walk(pool, entity, parameters, stats):
        if len(fresh) == len(page):
            yield page
        elif fresh:
            yield page.only(fresh)


def whole_pages(pool: RequestPool, entity: Entity, parameters: Mapping[str, Any], stats: ReadStats) -> Iterator[Page]:
    """The same pages as they come, for callers who want a record again that was edited meanwhile."""
    return (page for page, _ in _walk(pool, entity, parameters, stats))


def _walk(
    pool: RequestPool, entity: Entity, parameters: Mapping[str, Any], stats: ReadStats
) -> Iterator[tuple[Page, Sequence[int]]]:
    given = {**page_size(entity), **parameters}

    def read(position: Position) -> Page:
        page = pool.read(entity, {**given, **position}, stats)
        if not page and may_be_broken(entity.listing, given, position, page.envelope):
            page = pool.read(entity, {**given, **position}, stats)
        pool.on_progress()
        return page

    by_id = str(given.get("sort", "")).split(" ")[0] == "id"
    return walk_pages(entity.listing, given.get("limit"), read, _look, by_id=by_id)


def _look(page: Page) -> Look:
    return Look(page.envelope, len(page), lambda: [(key.id, key.update_time) for key in page.keys])

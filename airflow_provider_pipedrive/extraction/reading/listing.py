"""Reading a list page after page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.client.paging import Look, Position, walk_pages
from airflow_provider_pipedrive.extraction.output.parts import PART_ROWS
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Page
from airflow_provider_pipedrive.extraction.reading.ranges import PAGE
from airflow_provider_pipedrive.extraction.reading.walk import ReadStats, RequestPool, sorting

STREAM = "list"


def page_size(entity: Entity) -> dict[str, int]:
    """The parameter for the largest page; none for a list without pages."""
    paging = entity.listing.paging
    if paging is None or "limit" not in entity.listing.by_name:
        return {}
    return {"limit": min(PAGE, paging.max_limit)}


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
        pool.on_progress()
        return page

    by_id = str(given.get("sort", "")).split(" ")[0] == "id"
    return walk_pages(entity.listing, given.get("limit"), read, _look, by_id=by_id)


def _look(page: Page) -> Look:
    return Look(page.envelope, len(page), lambda: [(key.id, key.update_time) for key in page.keys])


def read_list(
    pool: RequestPool, entity: Entity, landing: EntityStaging, parameters: Mapping[str, Any], stats: ReadStats
) -> None:
    """Read a whole list from its front into one stream, every record once."""
    landing.forget({part.name for part in landing.finished})  # offsets mean nothing to another run
    given = {**parameters, **sorting(entity, entity.sort_by[0] if entity.sort_by else "", ascending=True)}
    seen: set[Identity] = set()
    for page in pages_of(pool, entity, given, stats):
        fresh = [at for at, key in enumerate(page.keys) if key.id not in seen]
        seen.update(page.keys[at].id for at in fresh)
        keys = [page.keys[at] for at in fresh]
        stats.records += len(keys)
        if fresh and landing.write(STREAM, [0], [page.records[at] for at in fresh], keys) >= PART_ROWS:
            landing.finish(STREAM, {})
    landing.finish(STREAM, {})

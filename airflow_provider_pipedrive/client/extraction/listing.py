"""Reading a list page after page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from airflow_provider_pipedrive.client.extraction.entities import Entity
from airflow_provider_pipedrive.client.extraction.landing import PART_ROWS, EntityLanding
from airflow_provider_pipedrive.client.extraction.pages import Identity, Page, next_position
from airflow_provider_pipedrive.client.extraction.regions import PAGE
from airflow_provider_pipedrive.client.extraction.walk import Crew, Tally, sorting
from airflow_provider_pipedrive.client.paging import Position, Walk

STREAM = "list"


def page_size(entity: Entity) -> dict[str, int]:
    """The parameter for the largest page; none for a list without pages."""
    paging = entity.listing.paging
    if paging is None or "limit" not in entity.listing.by_name:
        return {}
    return {"limit": min(PAGE, paging.max_limit)}


def pages_of(crew: Crew, entity: Entity, parameters: Mapping[str, Any], tally: Tally) -> Iterator[Page]:
    """The pages of a list, one after another, in the caller's thread."""
    given = {**page_size(entity), **parameters}
    walk = Walk(entity.listing, given.get("limit"))
    position: Position | None = {}
    while position is not None:
        page = crew.read(entity, {**given, **position}, tally)
        position = next_position(walk, page)
        yield page
        crew.watch()


def walked_pages(crew: Crew, entity: Entity, parameters: Mapping[str, Any], tally: Tally) -> Iterator[Page]:
    """The pages of a list in a fixed order, none of its records left out; by offset, some may come twice."""
    by_offset = entity.listing.paging is not None and entity.listing.paging.style != "cursor"
    return (stitched_pages if by_offset else pages_of)(crew, entity, parameters, tally)


def stitched_pages(crew: Crew, entity: Entity, parameters: Mapping[str, Any], tally: Tally) -> Iterator[Page]:
    """The pages of a list by offset, each beginning with the record that the one before ended with.

    Offsets count what is there now: a record deleted meanwhile, or moved by an edit, shifts all that follow, and a page
    asked for by its offset would leave one out. Where a page holds nothing of the one before as it was, the walk goes
    back half a page.
    """
    given = {**page_size(entity), **parameters}
    walk = Walk(entity.listing, given.get("limit"))
    start = 0
    before: set[tuple[Identity, datetime | None]] = set()
    while True:
        page = crew.read(entity, {**given, "start": start}, tally)
        crew.watch()
        here = {(key.id, key.update_time) for key in page.keys}
        if before and start and not before & here:
            start = max(0, start - int(given.get("limit", 2)) // 2)
            continue
        yield page
        walk.position = {"start": start}
        if not walk.advance(page.envelope):
            return
        before = here
        following = int(walk.position["start"])
        start = following - 1 if here and following - 1 > start else following


def read_list(crew: Crew, entity: Entity, landing: EntityLanding, parameters: Mapping[str, Any], tally: Tally) -> None:
    """Read a whole list from its front into one stream, every record once."""
    landing.forget({part.name for part in landing.finished})  # offsets mean nothing to another run
    given = {**parameters, **sorting(entity, entity.sort_by[0] if entity.sort_by else "", ascending=True)}
    read = walked_pages if given.keys() - parameters.keys() else pages_of
    seen: set[Identity] = set()
    for page in read(crew, entity, given, tally):
        fresh = [at for at, key in enumerate(page.keys) if key.id not in seen]
        seen.update(page.keys[at].id for at in fresh)
        keys = [page.keys[at] for at in fresh]
        tally.records += len(keys)
        if fresh and landing.write(STREAM, [0], [page.records[at] for at in fresh], keys) >= PART_ROWS:
            landing.finish(STREAM, {})
    landing.finish(STREAM, {})

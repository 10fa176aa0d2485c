"""A list that is read from its front, again for each run: offsets mean nothing to another one."""

from __future__ import annotations

from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.pages import Identity
from airflow_provider_pipedrive.extraction.reading.queries import sorting

STREAM = "list"


def read_list(reading: EntityRead) -> None:
    """Read a whole list into one stream, every record once."""
    sink, entity = reading.sink, reading.entity
    sink.forget({part.name for part in sink.finished})
    order = sorting(entity, entity.sort_by[0] if entity.sort_by else "", ascending=True)
    seen: set[Identity] = set()
    for page in reading.pages({**reading.query, **order}):
        fresh = [at for at, key in enumerate(page.keys) if key.id not in seen]
        seen.update(page.keys[at].id for at in fresh)
        if reading.land(STREAM, [0], page, fresh):
            sink.finish(STREAM, {})
    sink.finish(STREAM, {})

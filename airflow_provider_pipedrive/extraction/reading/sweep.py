"""Finding deleted records: those that were landed once and are in the list no more.

No feed reports all deletions, so the ids that were landed are kept next to the data and compared with those of the
list, at one request for 500 of them. What is missing is looked up singly before it counts as deleted: it may be
archived. https://pipedrive.readme.io/docs/core-api-concepts-pagination
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from airflow_provider_pipedrive.catalog import ACTIONS, Entity
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import PipedriveNotFoundError
from airflow_provider_pipedrive.extraction.reading.ids import Ids
from airflow_provider_pipedrive.extraction.reading.listing import pages_of
from airflow_provider_pipedrive.extraction.reading.pages import Identity, timestamp
from airflow_provider_pipedrive.extraction.reading.queries import sorting
from airflow_provider_pipedrive.extraction.reading.ranges import PAGE
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool
from airflow_provider_pipedrive.extraction.storage.disk import STATE
from airflow_provider_pipedrive.extraction.storage.files import read, write

log = logging.getLogger(__name__)


class LandedIds:
    """The ids of one entity that a job's folder has landed and that were not deleted since.

    :param path: the job's folder
    :ivar gone: those that are to be taken out when it is published what became of them
    """

    def __init__(self, path: Any, entity: str) -> None:
        self._file = path / STATE / "known" / f"{entity}.bits"
        try:
            self._kept = read(self._file)
        except FileNotFoundError:
            self._kept = b""
        self.ids = Ids(self._kept)
        self.gone = Ids()

    def save(self) -> None:
        """Keep them, if they are others than those that are kept."""
        if self.ids.bits != self._kept:
            self._kept = self.ids.bits
            write(self._file, self._kept)


def sweepable(entity: Entity) -> bool:
    """Whether an entity's records have numbers as ids, and can be looked up singly."""
    return entity.takes_ids and entity.single is not None


def sweep(
    pool: RequestPool, entity: Entity, known: Ids, parameters: Mapping[str, Any], stats: ReadStats
) -> dict[Identity, datetime | None]:
    """Walk through the list's ids, and look the missing ones up.

    :param known: what is not in the list is taken out of it
    :returns: the deleted ones, with the time where Pipedrive gives it
    """
    pages = math.ceil(known.count / PAGE)
    log.info(
        "%s: looking for deleted ones among %s costs about %s, and %d for each that is missing.",
        entity.name,
        counted(known.count, "record"),
        counted(pages * entity.listing.token_cost, "API token"),
        ACTIONS[str(entity.single)].token_cost,
    )
    missing = Ids(bytes(known.bits))
    for page in pages_of(pool, entity, {**parameters, **sorting(entity, "id", ascending=True)}, stats):
        missing.remove(key.id for key in page.keys)
    absent = missing.all()
    deleted = confirm(pool, entity, absent, stats)
    known.remove(absent)  # those that are archived too: the next sweep would look them up again
    return deleted


def confirm(
    pool: RequestPool, entity: Entity, absent: Sequence[int], stats: ReadStats
) -> dict[Identity, datetime | None]:
    """Look up singly what a list does not show: which of them are deleted."""
    found = pool.run_all(partial(_look_up, pool, entity, number) for number in absent)
    stats.tokens += len(absent) * ACTIONS[str(entity.single)].token_cost
    return {number: when for number, (deleted, when) in zip(absent, found, strict=True) if deleted}


def _look_up(pool: RequestPool, entity: Entity, number: int) -> tuple[bool, datetime | None]:
    try:
        record = pool.client.run(str(entity.single), {"id": number})
    except PipedriveNotFoundError:
        return True, None
    removed = isinstance(record, Mapping) and (record.get("is_deleted") is True or record.get("status") == "deleted")
    return bool(removed), timestamp(record.get("update_time")) if removed else None

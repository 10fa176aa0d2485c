"""What happened while a list was walked through: edited, created, archived, deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.listing import whole_pages
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome, catch_up_stream
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Page
from airflow_provider_pipedrive.extraction.reading.queries import rfc3339, sorting
from airflow_provider_pipedrive.extraction.reading.ranges import OPEN_END, PAGE

_IDS = 100
"""Ids that one request takes (``max_items`` of ``ids`` in the catalog)."""


class CatchUp:
    """Passes over a list after its walk. What they bring wins over what was read before.

    :param outcome: is told what the passes have found
    :param began: when the walk began
    """

    def __init__(self, reading: EntityRead, outcome: ReadOutcome, began: datetime) -> None:
        self._reading = reading
        self._entity = reading.entity
        self._outcome = outcome
        self._since = {"updated_since": rfc3339(int((began - timedelta(seconds=reading.lookback)).timestamp()))}

    def read(self, number: int, *, archived: bool = False, count: Callable[[], int] | None = None) -> int:
        """Read what was updated since the walk began.

        :param number: of the pass: the records of a later one win
        :param archived: leave out what was archived
        :param count: counts the records meanwhile
        :returns: the count, 0 without one
        """
        if "updated_since" not in self._entity.listing.by_name:
            return 0
        works: list[Callable[[], Any]] = []
        archive = ENTITIES[self._entity.archived_in] if archived and self._entity.archived_in else None
        if archive:
            works.append(lambda: list(self._reading.pages(self._since, archive)))
        if count:
            works.append(count)
        found = self._reading.pool.run_with(partial(self._read_updated, number), works)
        live: dict[Identity, datetime | None] = found[0]
        if archive:
            for key in (key for page in found[1] for key in page.keys):
                back = live.get(key.id)  # taken out of the archive since
                if back is None or (key.update_time is not None and key.update_time > back):
                    self._outcome.removed[key.id] = key.update_time
        return int(found[-1]) if count else 0

    @property
    def lists(self) -> list[tuple[Entity, dict[str, Any]]]:
        """The lists that show whether anything was updated, deleted or archived since, with their parameters."""
        archive = [(ENTITIES[self._entity.archived_in], self._since)] if self._entity.archived_in else []
        return [(self._entity, self._updated), *archive]

    @property
    def _updated(self) -> dict[str, Any]:
        """The parameters that list what was updated since the walk began."""
        parameters = {**self._reading.query, **self._since, **sorting(self._entity, "update_time", ascending=True)}
        if self._entity.every_status and not {"status", "filter_id"} & parameters.keys():
            parameters["status"] = self._entity.every_status
        return parameters

    def _read_updated(self, number: int) -> dict[Identity, datetime | None]:
        """Read what was updated since; the records that are live, with their times."""
        seen: dict[Identity, datetime | None] = {}
        for page in whole_pages(self._reading.pool, self._entity, self._updated, self._reading.stats):
            live = []
            for index, (key, record) in enumerate(zip(page.keys, page.records, strict=True)):
                if _is_deleted(record):
                    self._outcome.removed[key.id] = self._outcome.deleted[key.id] = key.update_time
                    seen.pop(key.id, None)
                else:
                    for removed in (self._outcome.removed, self._outcome.deleted):
                        removed.pop(key.id, None)
                    live.append(index)
                    seen[key.id] = key.update_time
            self._keep(number, page, live)
        self._finish(number)
        return seen

    def read_created(self, number: int, highest: int) -> None:
        """Read what was created since: its ids are greater than all that were there, whatever its times say.

        :param highest: the greatest id when the walk began
        """
        parameters = {**self._reading.query, **sorting(self._entity, "id", ascending=False)}
        known = {identity for identity in self._reading.sink.ids() if isinstance(identity, int) and identity > highest}
        for page in self._reading.pages(parameters):
            numbers = [key.id if isinstance(key.id, int) else 0 for key in page.keys]
            self._keep(number, page, [at for at, id_ in enumerate(numbers) if id_ > highest and id_ not in known])
            if not numbers or numbers[-1] <= highest:
                break
        self._finish(number)

    def read_by_ids(self, number: int, ids: Sequence[int]) -> None:
        """Ask for records by name; those that are not in the list do not come."""
        reading = self._reading
        batches = [ids[start : start + _IDS] for start in range(0, len(ids), _IDS)]
        pages: list[Page] = reading.pool.run_all(
            partial(reading.pool.read, self._entity, {**reading.query, "limit": PAGE, "ids": batch}, reading.stats)
            for batch in batches
        )
        for page in pages:
            self._keep(number, page, range(len(page)))
        self._finish(number)

    def _keep(self, number: int, page: Page, taken: Sequence[int]) -> None:
        self._reading.land(catch_up_stream(number), [OPEN_END, number], page, taken)
        for at in taken:
            self._outcome.rank[page.keys[at].id] = number

    def _finish(self, number: int) -> None:
        self._reading.sink.finish(catch_up_stream(number), {})


class _Deleted(msgspec.Struct):
    is_deleted: bool = False
    status: str | None = None


_deleted = msgspec.json.Decoder(_Deleted)


def _is_deleted(record: bytes | msgspec.Raw) -> bool:
    try:
        found = _deleted.decode(record)
    except msgspec.ValidationError:
        return False
    return found.is_deleted or found.status == "deleted"

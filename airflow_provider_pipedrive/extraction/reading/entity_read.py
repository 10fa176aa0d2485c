"""One entity that is to be read: what of it, with what, and where to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.extraction.reading.listing import pages_of
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Page
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool
from airflow_provider_pipedrive.extraction.reading.sink import PartSink
from airflow_provider_pipedrive.extraction.reading.update_window import UpdateWindow


@dataclass(frozen=True)
class EntityRead:
    """What a strategy is given to read one entity.

    :ivar pool: sends the requests
    :ivar sink: takes the records
    :ivar stats: counts what it takes
    :ivar window: the last updates that are wanted, None for the whole list
    :ivar parameters: narrow the list down, such as ``filter_id``
    :ivar display: say how records are shown, such as ``include_option_labels``
    :ivar deletes: bring what was deleted in the window, where the list shows it
    :ivar lookback: seconds that a catch-up pass begins before the walk
    :ivar parents: the ids of its parents, for an entity that is listed by them
    :ivar until: where whole histories end, None for the present
    :ivar clock: the time, for what is measured and where Pipedrive does not say its own
    """

    pool: RequestPool
    entity: Entity
    sink: PartSink
    stats: ReadStats
    window: UpdateWindow | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    display: Mapping[str, Any] = field(default_factory=dict)
    deletes: bool = True
    lookback: float = 60.0
    parents: Sequence[Identity] = ()
    until: datetime | None = None
    clock: Callable[[], float] = time.time

    @property
    def query(self) -> dict[str, Any]:
        """The parameters that every request of the list has."""
        return {**self.display, **self.parameters}

    @property
    def now(self) -> datetime:
        """Pipedrive's clock at its last answer; before one, the own clock less the lookback."""
        return self.pool.latest or datetime.fromtimestamp(self.clock() - self.lookback, UTC)

    def pages(self, parameters: Mapping[str, Any], entity: Entity | None = None) -> Iterator[Page]:
        """The pages of its list, or of another entity's, one after another."""
        return pages_of(self.pool, entity or self.entity, parameters, self.stats)

    def land(self, stream: str, order: list[Any], page: Page, taken: Sequence[int]) -> bool:
        """Hand some records of a page to the sink.

        :param taken: their places in the page
        :returns: whether the stream's part is full
        """
        if not taken:
            return False
        kept = page if len(taken) == len(page) else page.only(taken)
        self.stats.records += len(kept)
        return self.sink.write(stream, order, kept.records, kept.keys)

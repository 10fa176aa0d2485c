"""What was last updated in a window of time.

A window selects by *last* update: what was edited again after it is in the later window, so the windows of a list are
batches of a landing, not its history.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.listing import whole_pages
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome, catch_up_stream
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Page, timestamp
from airflow_provider_pipedrive.extraction.reading.plans import (
    ChangesPlan,
    NewestPlan,
    SincePlan,
    WholePlan,
    WindowPlan,
    load_plan,
    save_plan,
)
from airflow_provider_pipedrive.extraction.reading.queries import range_query, rfc3339, sorting
from airflow_provider_pipedrive.extraction.reading.range_reader import RangeReader
from airflow_provider_pipedrive.extraction.reading.ranges import OPEN_END, Range
from airflow_provider_pipedrive.extraction.reading.resuming import open_ranges
from airflow_provider_pipedrive.extraction.reading.update_window import UpdateWindow
from airflow_provider_pipedrive.extraction.reading.whole_list import read_list

log = logging.getLogger(__name__)
_RECENT = timedelta(days=2)
DELETED_LISTED = timedelta(days=30)
"""How long deals are listed after they were deleted. https://developers.pipedrive.com/docs/api/v1/Deals#getDeals"""


class _Changes:
    """Reads what was updated in a window; each kind of list has its strategy below."""

    plan: ClassVar[type[ChangesPlan]]

    def __init__(self, reading: EntityRead, window: UpdateWindow) -> None:
        self._reading = reading
        self._entity = reading.entity
        self._window = window
        self._outcome = ReadOutcome("", {"kind": "window"})
        self._known: dict[Identity, datetime | None] = dict(window.known)

    def read(self) -> ReadOutcome:
        """Read it, continuing where an earlier run ended.

        :raises PipedriveError: what ended it; what was read is in finished parts
        """
        sink = self._reading.sink
        load_plan(sink, self.plan)
        sink.forget({part.name for part in sink.finished if "scans" not in part.resume_info})
        plan = self.plan(**self._window.bounds)
        save_plan(sink, plan)
        self._read_window()
        self._outcome.strategy = plan.strategy
        self._outcome.watermark = sink.newest
        return self._outcome

    def _read_window(self) -> None:
        raise NotImplementedError

    def _whole_pages(self, parameters: Mapping[str, Any]) -> Iterator[Page]:
        return whole_pages(self._reading.pool, self._entity, parameters, self._reading.stats)

    def _keep(self, stream: str, page: Page) -> None:
        """Keep what is in the window and was not brought before."""
        taken = [
            at
            for at, key in enumerate(page.keys)
            if self._window.holds(key.update_time) and self._known.get(key.id) != key.update_time
        ]
        self._known.update({page.keys[at].id: page.keys[at].update_time for at in taken})
        self._reading.land(stream, [OPEN_END, stream], page, taken)


class WindowChanges(_Changes):
    """Of a list that takes both ends of a window."""

    plan = WindowPlan

    def _read_window(self) -> None:
        self._read_ranges()
        looks_for_never_updated = "add_time" in self._entity.sort_by and self._is_recent
        self._outcome.completeness["never_updated"] = "looked for" if looks_for_never_updated else "not looked for"
        if looks_for_never_updated:
            self._read_never_updated()
        if self._entity.archived_in and not {"status", "filter_id"} & self._reading.query.keys():
            self._read_archived(ENTITIES[self._entity.archived_in])
            if self._reading.deletes:
                self._read_deleted()

    def _read_ranges(self) -> None:
        reading, window = self._reading, self._window
        reader = RangeReader(reading, bidirectional=reading.pool.concurrency > 1, known=window.known)
        if reading.sink.finished:
            for list_range in open_ranges(reading.sink.finished, window.low, window.until):
                reader.open(list_range)
        else:
            # One page first: most windows hold no more.
            list_range = Range("time", window.low, window.high)
            parameters = {**reader.parameters, **range_query(self._entity, list_range, ascending=True)}
            page = reading.pool.read(self._entity, parameters, reading.stats)
            reader.adopt(list_range, {list_range.left: (parameters, page)})
        reader.run()

    # ---- what a window of last updates does not show

    @property
    def _is_recent(self) -> bool:
        """Whether what was created in the window is near the front of the newest: further back, looking for records
        that were never updated would cost a page for every 500 that were created since."""
        now = self._reading.pool.latest
        return now is None or now - self._window.until < _RECENT

    def _read_never_updated(self) -> None:
        """What was created in the window and has no time of last update."""
        for page in self._reading.pages({**self._reading.query, **sorting(self._entity, "add_time", ascending=False)}):
            moments = [timestamp(_added.decode(record).add_time) for record in page.records]
            taken = [
                at
                for at, (key, moment) in enumerate(zip(page.keys, moments, strict=True))
                if key.update_time is None and self._window.holds(moment)
            ]
            self._reading.land(catch_up_stream(1), [OPEN_END, catch_up_stream(1)], page, taken)
            if not moments or (moments[-1] is not None and int(moments[-1].timestamp()) < self._window.low):
                break
        self._reading.sink.finish(catch_up_stream(1), {})

    def _read_archived(self, archive: Entity) -> None:
        """Records that were archived: flagged in their rows (``is_archived``)."""
        for page in self._reading.pages({**self._reading.parameters, **self._between}, archive):
            self._keep(catch_up_stream(2), page)
        self._reading.sink.finish(catch_up_stream(2), {})

    def _read_deleted(self) -> None:
        self._outcome.completeness["deleted"] = "told"
        reaches_back = (self._reading.pool.latest or self._window.until) - DELETED_LISTED
        if self._window.since < reaches_back:
            self._outcome.completeness["deleted"] = f"told from {reaches_back:%Y-%m-%dT%H:%M:%SZ} on"
            log.warning(
                "%s: Pipedrive lists deleted ones for %d days: what was deleted before %s is not reported in this "
                "window, which begins at %s. A snapshot, or sweep=True, finds them.",
                self._entity.name,
                DELETED_LISTED.days,
                f"{reaches_back:%Y-%m-%d %H:%M} UTC",
                self._window.since,
            )
        for page in self._reading.pages({**self._reading.query, **self._between, "status": "deleted"}):
            self._outcome.deleted.update({key.id: key.update_time for key in page.keys})

    @property
    def _between(self) -> dict[str, Any]:
        return {"updated_since": rfc3339(self._window.low), "updated_until": rfc3339(self._window.high)}


class SinceChanges(_Changes):
    """Of a list that takes the begin of a window: the end is applied here."""

    plan = SincePlan
    _STREAM = "since"

    def _read_window(self) -> None:
        parameters = {
            **self._reading.query,
            **sorting(self._entity, "update_time", ascending=True),
            "updated_since": rfc3339(self._window.low),
        }
        for page in self._whole_pages(parameters):
            self._keep(self._STREAM, page)
            last = _last_second(page)
            if last is not None and last >= self._window.high:
                break  # the rest is later still
        self._reading.sink.finish(self._STREAM, {})


class NewestChanges(_Changes):
    """Of a list that takes no window: newest first, down to the window's begin."""

    plan = NewestPlan
    _STREAM = "newest"

    def _read_window(self) -> None:
        order = sorting(self._entity, "update_time", ascending=False)
        for page in self._whole_pages({**self._reading.query, **order}):
            self._keep(self._STREAM, page)
            last = _last_second(page)
            if last is not None and last < self._window.low:
                break
        self._reading.sink.finish(self._STREAM, {})


class WholeChanges(_Changes):
    """Of a list that can be neither narrowed down to a window nor sorted: all of it."""

    plan = WholePlan

    def _read_window(self) -> None:
        read_list(self._reading)


class _Added(msgspec.Struct):
    add_time: str | None = None


_added = msgspec.json.Decoder(_Added)


def _last_second(page: Page) -> int | None:
    """The second of the last of its updates."""
    moments = [key.update_time for key in page.keys if key.update_time is not None]
    return int(moments[-1].timestamp()) if moments else None

"""What was last updated in a window of time.

A window selects by *last* update: what was edited again after it is in the later window, so the windows of a list are
batches of a landing, not its history.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.extraction.output.parts import PART_ROWS
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading.listing import pages_of, read_list, whole_pages
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Page, timestamp
from airflow_provider_pipedrive.extraction.reading.ranges import OPEN_END, Range
from airflow_provider_pipedrive.extraction.reading.resuming import open_ranges
from airflow_provider_pipedrive.extraction.reading.snapshot import ReadOutcome, catch_up_stream
from airflow_provider_pipedrive.extraction.reading.walk import (
    RangeReader,
    ReadStats,
    RequestPool,
    query,
    rfc3339,
    sorting,
)


@dataclass(frozen=True)
class Window:
    """What to read: last updated from ``since`` on, less ``lookback`` seconds, and before ``until``.

    :ivar known: records of the lookback that an earlier window has brought, by id with their time
    """

    since: datetime
    until: datetime
    lookback: float
    known: Mapping[Identity, datetime]

    @property
    def bounds(self) -> dict[str, str]:
        """Where it begins and ends, as a plan keeps it."""
        return {"since": self.since.astimezone(UTC).isoformat(), "until": self.until.astimezone(UTC).isoformat()}

    @property
    def low(self) -> int:
        """Its first second, lookback included."""
        return max(0, int((self.since - timedelta(seconds=self.lookback)).timestamp()))

    @property
    def high(self) -> int:
        """The second after its last."""
        return int(self.until.timestamp())

    def holds(self, moment: datetime | None) -> bool:
        """Whether a time is in it."""
        return moment is not None and self.low <= int(moment.timestamp()) < self.high


class Changes:
    """Reads one entity's window.

    :param deletes: bring what was deleted in the window, where the list shows it
    """

    def __init__(
        self,
        pool: RequestPool,
        entity: Entity,
        landing: EntityStaging,
        stats: ReadStats,
        window: Window,
        *,
        parameters: Mapping[str, Any] | None = None,
        shown: Mapping[str, Any] | None = None,
        deletes: bool = True,
    ) -> None:
        self.pool = pool
        self.entity = entity
        self.landing = landing
        self.stats = stats
        self.window = window
        self._parameters = {**(shown or {}), **(parameters or {})}
        self._narrowing = dict(parameters or {})
        self._deletes = deletes
        self._outcome = ReadOutcome("", {"kind": "window"})
        self._known: dict[Identity, datetime | None] = dict(window.known)

    def read(self) -> ReadOutcome:
        """Read it, going on where an earlier run ended.

        :raises PipedriveError: what ended it; what was read is in finished parts
        """
        plan = self.landing.load() or {}
        self.landing.forget({part.name for part in self.landing.finished if "axis" not in part.resume_info})
        self._outcome.strategy = {
            "window": "window",
            "since": "since, its end applied here",
            "newest": "newest first",
            "whole": "whole: the list has no window",
        }[self.entity.incremental]
        self.landing.save(plan | {"strategy": self._outcome.strategy, "window": True, **self.window.bounds})
        getattr(self, f"_{self.entity.incremental}")()
        self._outcome.watermark = self.landing.newest
        return self._outcome

    # ---- the feeds

    def _window(self) -> None:
        reader = RangeReader(
            self.pool,
            self.entity,
            self.landing,
            self._parameters,
            self.stats,
            bidirectional=self.pool.concurrency > 1,
            known=self.window.known,
        )
        if self.landing.finished:
            for list_range in open_ranges(self.landing.finished, self.window.low, self.window.until):
                reader.open(list_range)
        else:
            # One page first: most windows hold no more.
            list_range = Range("time", self.window.low, self.window.high)
            parameters = {**reader.parameters, **query(self.entity, list_range, ascending=True)}
            page = self.pool.read(self.entity, parameters, self.stats)
            reader.adopt(list_range, {list_range.left: (parameters, page)})
        reader.run()
        works: list[Callable[[], None]] = []
        if "add_time" in self.entity.sort_by and self._is_recent:
            works.append(self._never_updated)
        self._outcome.completeness["never_updated"] = "looked for" if works else "not looked for"
        if self.entity.archived_in and not {"status", "filter_id"} & self._parameters.keys():
            works.append(partial(self._archived, ENTITIES[self.entity.archived_in]))
            if self._deletes:
                works.append(self._deleted)
        for work in works:
            work()

    def _since(self) -> None:
        parameters = {
            **self._parameters,
            **sorting(self.entity, "update_time", ascending=True),
            "updated_since": rfc3339(self.window.low),
        }
        for page in whole_pages(self.pool, self.entity, parameters, self.stats):
            self._keep("since", page)
            moments = [key.update_time for key in page.keys if key.update_time is not None]
            if moments and int(moments[-1].timestamp()) >= self.window.high:
                break  # the rest is later still
        self.landing.finish("since", {})

    def _newest(self) -> None:
        parameters = {**self._parameters, **sorting(self.entity, "update_time", ascending=False)}
        for page in whole_pages(self.pool, self.entity, parameters, self.stats):
            self._keep("newest", page)
            moments = [key.update_time for key in page.keys if key.update_time is not None]
            if moments and int(moments[-1].timestamp()) < self.window.low:
                break
        self.landing.finish("newest", {})

    def _whole(self) -> None:
        read_list(self.pool, self.entity, self.landing, self._parameters, self.stats)

    # ---- what a window of last updates does not show

    @property
    def _is_recent(self) -> bool:
        """Whether what was created in the window is near the front of the newest: further back, looking for records
        that were never updated would cost a page for every 500 that were created since."""
        now = self.pool.latest
        return now is None or now - self.window.until < _RECENT

    def _never_updated(self) -> None:
        """What was created in the window and has no time of last update."""
        parameters = {**self._parameters, **sorting(self.entity, "add_time", ascending=False)}
        for page in pages_of(self.pool, self.entity, parameters, self.stats):
            added = [_added.decode(record).add_time for record in page.records]
            moments = [timestamp(text) for text in added]
            taken = [
                at
                for at, (key, moment) in enumerate(zip(page.keys, moments, strict=True))
                if key.update_time is None and self.window.holds(moment)
            ]
            self._write(catch_up_stream(1), page, taken)
            if not moments or (moments[-1] is not None and int(moments[-1].timestamp()) < self.window.low):
                break
        self.landing.finish(catch_up_stream(1), {})

    def _archived(self, archive: Entity) -> None:
        """Records that were archived: flagged in their rows (``is_archived``)."""
        for page in pages_of(self.pool, archive, {**self._narrowing, **self._between}, self.stats):
            self._keep(catch_up_stream(2), page)
        self.landing.finish(catch_up_stream(2), {})

    def _deleted(self) -> None:
        self._outcome.completeness["deleted"] = "told"
        reaches_back = (self.pool.latest or self.window.until) - DELETED_LISTED
        if self.window.since < reaches_back:
            self._outcome.completeness["deleted"] = f"told from {reaches_back:%Y-%m-%dT%H:%M:%SZ} on"
            log.warning(
                "%s: Pipedrive lists deleted ones for %d days: what was deleted before %s is not reported in this "
                "window, which begins at %s. A snapshot, or sweep=True, finds them.",
                self.entity.name,
                DELETED_LISTED.days,
                f"{reaches_back:%Y-%m-%d %H:%M} UTC",
                self.window.since,
            )
        parameters = {**self._parameters, **self._between, "status": "deleted"}
        for page in pages_of(self.pool, self.entity, parameters, self.stats):
            self._outcome.deleted.update({key.id: key.update_time for key in page.keys})

    @property
    def _between(self) -> dict[str, Any]:
        return {"updated_since": rfc3339(self.window.low), "updated_until": rfc3339(self.window.high)}

    def _keep(self, stream: str, page: Page) -> None:
        taken = [
            at
            for at, key in enumerate(page.keys)
            if self.window.holds(key.update_time) and self._known.get(key.id) != key.update_time
        ]
        self._known.update({page.keys[at].id: page.keys[at].update_time for at in taken})
        self._write(stream, page, taken)

    def _write(self, stream: str, page: Page, taken: Sequence[int]) -> None:
        if taken:
            keys = [page.keys[at] for at in taken]
            self.stats.records += len(keys)
            self.landing.write(stream, [OPEN_END, stream], [page.records[at] for at in taken], keys)


log = logging.getLogger(__name__)
_RECENT = timedelta(days=2)
DELETED_LISTED = timedelta(days=30)
"""How long deals are listed after they were deleted. https://developers.pipedrive.com/docs/api/v1/Deals#getDeals"""


class _Added(msgspec.Struct):
    add_time: str | None = None


_added = msgspec.json.Decoder(_Added)


def read_by_parents(
    pool: RequestPool,
    entity: Entity,
    landing: EntityStaging,
    parents: Sequence[Identity],
    parameters: Mapping[str, Any],
    stats: ReadStats,
) -> ReadOutcome:
    """Read an entity that Pipedrive lists by its parents' ids only, a batch of them a request.

    :param parents: the ids, in the order of the batches
    """
    # A run that continues keeps the batches that its parts go by, though there may be other parents now.
    batches: list[list[Identity]] = (landing.load() or {}).get("batches", [])
    known = {identity for batch in batches for identity in batch}
    fresh = [identity for identity in parents if identity not in known]
    size = entity.parent_batch
    batches += [fresh[start : start + size] for start in range(0, len(fresh), size)]
    landing.save({"strategy": "by parents", "batches": batches})
    done = max((part.resume_info["batches"] for part in landing.finished), default=0)
    rows = 0
    while done < len(batches):
        group = batches[done : done + pool.concurrency]
        works = [partial(_batch, pool, entity, {**parameters, entity.parent_parameter or "": b}, stats) for b in group]
        try:
            found = pool.run_all(works)
        except BaseException:
            landing.finish("parents", {"batches": done})
            raise
        for page in (page for pages in found for page in pages):
            stats.records += len(page)
            rows = landing.write("parents", [0], page.records, page.keys)
        done += len(group)
        if rows >= PART_ROWS:
            landing.finish("parents", {"batches": done})
        pool.on_progress()
    landing.finish("parents", {"batches": done})
    return ReadOutcome("by batches of parents' ids", {"kind": "walk"}, watermark=landing.newest)


def _batch(pool: RequestPool, entity: Entity, parameters: Mapping[str, Any], stats: ReadStats) -> list[Page]:
    if size := parameters.get(entity.parent_parameter or ""):
        single = entity.parent_batch == 1 and isinstance(size, list)
        parameters = {**parameters, entity.parent_parameter or "": size[0]} if single else parameters
    return list(pages_of(pool, entity, parameters, stats))

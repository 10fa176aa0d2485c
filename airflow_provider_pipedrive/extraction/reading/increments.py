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
from airflow_provider_pipedrive.extraction.output.staging import PART_ROWS, EntityStaging
from airflow_provider_pipedrive.extraction.reading.listing import pages_of, read_list, whole_pages
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Page, timestamp
from airflow_provider_pipedrive.extraction.reading.ranges import OPEN_END, Region
from airflow_provider_pipedrive.extraction.reading.resuming import open_regions
from airflow_provider_pipedrive.extraction.reading.snapshot import ReadOutcome, late
from airflow_provider_pipedrive.extraction.reading.walk import Crew, RangeReader, Tally, query, rfc3339, sorting


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
        """Whether a time lies in it."""
        return moment is not None and self.low <= int(moment.timestamp()) < self.high


class Changes:
    """Reads one entity's window.

    :param deletes: bring what was deleted in the window, where the list tells
    """

    def __init__(
        self,
        crew: Crew,
        entity: Entity,
        landing: EntityStaging,
        tally: Tally,
        window: Window,
        *,
        parameters: Mapping[str, Any] | None = None,
        shown: Mapping[str, Any] | None = None,
        deletes: bool = True,
    ) -> None:
        self.crew = crew
        self.entity = entity
        self.landing = landing
        self.tally = tally
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
            self.crew,
            self.entity,
            self.landing,
            self._parameters,
            self.tally,
            both_ends=self.crew.concurrency > 1,
            known=self.window.known,
        )
        if self.landing.finished:
            for region in open_regions(self.landing.finished, self.window.low, self.window.until):
                reader.open(region)
        else:
            # One page first: most windows hold no more.
            region = Region("time", self.window.low, self.window.high)
            parameters = {**reader.parameters, **query(self.entity, region, ascending=True)}
            page = self.crew.read(self.entity, parameters, self.tally)
            reader.adopt(region, {region.left: (parameters, page)})
        reader.run()
        works: list[Callable[[], None]] = []
        if "add_time" in self.entity.sort_by and self._is_recent:
            works.append(self._untouched)
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
        for page in whole_pages(self.crew, self.entity, parameters, self.tally):
            self._keep("since", page)
            moments = [key.update_time for key in page.keys if key.update_time is not None]
            if moments and int(moments[-1].timestamp()) >= self.window.high:
                break  # the rest is later still
        self.landing.finish("since", {})

    def _newest(self) -> None:
        parameters = {**self._parameters, **sorting(self.entity, "update_time", ascending=False)}
        for page in whole_pages(self.crew, self.entity, parameters, self.tally):
            self._keep("newest", page)
            moments = [key.update_time for key in page.keys if key.update_time is not None]
            if moments and int(moments[-1].timestamp()) < self.window.low:
                break
        self.landing.finish("newest", {})

    def _whole(self) -> None:
        read_list(self.crew, self.entity, self.landing, self._parameters, self.tally)

    # ---- what a window of last updates does not show

    @property
    def _is_recent(self) -> bool:
        """Whether what was created in the window is near the front of the newest: further back, looking for records
        that were never updated would cost a page for every 500 that were created since."""
        now = self.crew.latest
        return now is None or now - self.window.until < _RECENT

    def _untouched(self) -> None:
        """What was created in the window and has no time of last update."""
        parameters = {**self._parameters, **sorting(self.entity, "add_time", ascending=False)}
        for page in pages_of(self.crew, self.entity, parameters, self.tally):
            added = [_added.decode(record).add_time for record in page.records]
            moments = [timestamp(text) for text in added]
            taken = [
                at
                for at, (key, moment) in enumerate(zip(page.keys, moments, strict=True))
                if key.update_time is None and self.window.holds(moment)
            ]
            self._write(late(1), page, taken)
            if not moments or (moments[-1] is not None and int(moments[-1].timestamp()) < self.window.low):
                break
        self.landing.finish(late(1), {})

    def _archived(self, archive: Entity) -> None:
        """Records that were archived: flagged in their rows (``is_archived``)."""
        for page in pages_of(self.crew, archive, {**self._narrowing, **self._between}, self.tally):
            self._keep(late(2), page)
        self.landing.finish(late(2), {})

    def _deleted(self) -> None:
        self._outcome.completeness["deleted"] = "told"
        reaches_back = (self.crew.latest or self.window.until) - DELETED_LISTED
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
        for page in pages_of(self.crew, self.entity, parameters, self.tally):
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
            self.tally.records += len(keys)
            self.landing.write(stream, [OPEN_END, stream], [page.records[at] for at in taken], keys)


log = logging.getLogger(__name__)
_RECENT = timedelta(days=2)
DELETED_LISTED = timedelta(days=30)
"""How long deals are listed after they were deleted. https://developers.pipedrive.com/docs/api/v1/Deals#getDeals"""


class _Added(msgspec.Struct):
    add_time: str | None = None


_added = msgspec.json.Decoder(_Added)


def read_by_parents(
    crew: Crew,
    entity: Entity,
    landing: EntityStaging,
    parents: Sequence[Identity],
    parameters: Mapping[str, Any],
    tally: Tally,
) -> ReadOutcome:
    """Read an entity that Pipedrive lists by its parents' ids only, a batch of them a request.

    :param parents: the ids, in the order of the batches
    """
    # A run that goes on keeps the batches that its parts go by, though there may be other parents now.
    batches: list[list[Identity]] = (landing.load() or {}).get("batches", [])
    known = {identity for batch in batches for identity in batch}
    fresh = [identity for identity in parents if identity not in known]
    size = entity.parent_batch
    batches += [fresh[start : start + size] for start in range(0, len(fresh), size)]
    landing.save({"strategy": "by parents", "batches": batches})
    done = max((part.resume_info["batches"] for part in landing.finished), default=0)
    rows = 0
    while done < len(batches):
        group = batches[done : done + crew.concurrency]
        works = [partial(_batch, crew, entity, {**parameters, entity.parent_parameter or "": b}, tally) for b in group]
        try:
            found = crew.gather(works)
        except BaseException:
            landing.finish("parents", {"batches": done})
            raise
        for page in (page for pages in found for page in pages):
            tally.records += len(page)
            rows = landing.write("parents", [0], page.records, page.keys)
        done += len(group)
        if rows >= PART_ROWS:
            landing.finish("parents", {"batches": done})
        crew.watch()
    landing.finish("parents", {"batches": done})
    return ReadOutcome("by batches of parents' ids", {"kind": "walk"}, watermark=landing.newest)


def _batch(crew: Crew, entity: Entity, parameters: Mapping[str, Any], tally: Tally) -> list[Page]:
    if size := parameters.get(entity.parent_parameter or ""):
        single = entity.parent_batch == 1 and isinstance(size, list)
        parameters = {**parameters, entity.parent_parameter or "": size[0]} if single else parameters
    return list(pages_of(crew, entity, parameters, tally))

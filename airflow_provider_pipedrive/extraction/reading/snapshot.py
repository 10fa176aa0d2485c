"""A whole list, consistent although others edit it meanwhile.

There are three strategies, chosen by its first two pages before more is spent:

- *windows*: stretches of last-update time, many at once, split where the two pages make it likely that they take
  equally long. Fast, but a record without ``update_time`` is in no window, so a proof that nothing is missing follows:
  the count that Pipedrive gives (deals), or the ids that are missing below the greatest one, asked for by name.
- *bidirectional*: by id, from the front and from the back until they meet. Whole by nature, and as fast as anything
  where the rate limit is what binds.
- *front to back*: on one connection, and for lists that cannot be sorted.

A closing catch-up then brings what was edited, created, archived or deleted while the walk went on. With the last pages
of windows go a count and looks for changes: where these find none, and the count agrees, the account was at rest, and
the catch-up is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.client.limits import WINDOW
from airflow_provider_pipedrive.extraction.reading.catch_up import CatchUp
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome, catch_up_number
from airflow_provider_pipedrive.extraction.reading.pages import Page
from airflow_provider_pipedrive.extraction.reading.plans import (
    BidirectionalPlan,
    FrontToBackPlan,
    WalkPlan,
    WindowsPlan,
    load_plan,
    save_plan,
)
from airflow_provider_pipedrive.extraction.reading.profile import ListProfile
from airflow_provider_pipedrive.extraction.reading.proof import is_counted, prove, read_and_count
from airflow_provider_pipedrive.extraction.reading.queries import page_size, sorting
from airflow_provider_pipedrive.extraction.reading.range_reader import RangeReader
from airflow_provider_pipedrive.extraction.reading.ranges import (
    OPEN_END,
    Range,
    estimate_update_times,
    split_points,
    useful_connections,
)
from airflow_provider_pipedrive.extraction.reading.resuming import open_ranges
from airflow_provider_pipedrive.extraction.reading.whole_list import read_list

log = logging.getLogger(__name__)
_CHEAP = 0.1  # a strategy whose proof by ids costs a larger share of the pages is not taken
_LEAST_PAGES = 8  # a shorter list is read before a plan for it would be made


class ListSnapshot:
    """Reads a list that cannot be read from several places from its front, again for each run."""

    def __init__(self, reading: EntityRead) -> None:
        self._reading = reading

    def read(self) -> ReadOutcome:
        """Read it.

        :raises PipedriveError: what ended it
        """
        load_plan(self._reading.sink, FrontToBackPlan)
        plan = FrontToBackPlan(_moment(self._reading))
        save_plan(self._reading.sink, plan)
        read_list(self._reading)
        outcome = ReadOutcome(plan.strategy, {"kind": "walk"})
        CatchUp(self._reading, outcome, datetime.fromisoformat(plan.began)).read(1)
        outcome.watermark = self._reading.sink.newest
        return outcome


class RangeSnapshot:
    """Reads a list that is sorted by number, with cursors, from several places."""

    def __init__(self, reading: EntityRead) -> None:
        self._reading = reading
        self._pool = reading.pool
        self._entity = reading.entity
        self._sink = reading.sink
        self._plan: WalkPlan = FrontToBackPlan("")
        self._outcome = ReadOutcome("", {"kind": "walk"})
        self._count_at_rest: int | None = None

    def read(self) -> ReadOutcome:
        """Read it, continuing where an earlier run ended.

        :raises PipedriveError: what ended it; what was read is in finished parts
        """
        kept = load_plan(self._sink, WindowsPlan, BidirectionalPlan, FrontToBackPlan)
        self._sink.forget({part.name for part in self._sink.finished if catch_up_number(part.stream)})
        if kept is not None:
            self._plan = kept
            if not kept.walked:
                self._resume()
        elif self._pool.concurrency == 1:
            self._begin(FrontToBackPlan(_moment(self._reading)))
            self._read_by_id()
        else:
            self._read_from_both_ends()
        self._note_walked()
        if isinstance(self._plan, WindowsPlan):
            self._prove()
        else:
            self._catch_up.read(1, archived=True)
            if self._plan.never_updated:
                self._catch_up.read_created(2, self._plan.highest)
        self._outcome.strategy = self._plan.strategy
        self._outcome.watermark = self._sink.newest
        return self._outcome

    # ---- the walk

    @property
    def _reader(self) -> RangeReader:
        return RangeReader(self._reading, bidirectional=self._pool.concurrency > 1)

    @property
    def _catch_up(self) -> CatchUp:
        return CatchUp(self._reading, self._outcome, self._began)

    @property
    def _began(self) -> datetime:
        return datetime.fromisoformat(self._plan.began)

    def _read_by_id(self) -> None:
        reader = self._reader
        reader.open(Range("id", 0, OPEN_END))
        reader.run()

    def _read_from_both_ends(self) -> None:
        """Both ends by id first: whether there is more in between, and what it is like."""
        reader, whole = self._reader, Range("id", 0, OPEN_END)
        asked = dict(zip((whole.left, whole.right), both_ends(self._entity, self._reading.query), strict=True))
        pages: list[Page] = self._pool.run_all(
            partial(self._pool.read, self._entity, parameters, self._reading.stats) for parameters in asked.values()
        )
        front, back = pages
        took = max(page.took for page in pages)
        profile = ListProfile.of(front.keys, back.keys)
        self._reading.stats.expected = profile.highest - profile.absent
        plan = self._plan_for(profile, took, more=_more(front))
        self._begin(
            plan(
                _moment(self._reading, pages),
                never_updated=profile.never_updated > 0,
                highest=profile.highest,
                expected=round(self._reading.stats.expected),
            )
        )
        if issubclass(plan, WindowsPlan):
            reader.connections = useful_connections(self._pool.concurrency, took)
            self._read_windows(reader, pages, profile)
        else:
            reader.adopt(whole, {scan: (asked[scan], page) for scan, page in zip(asked, pages, strict=True)})
            reader.run()

    def _plan_for(self, profile: ListProfile, took: float, *, more: bool) -> type[WindowsPlan | BidirectionalPlan]:
        return choose_plan(self._reading, profile, took, more=more)

    def _read_windows(self, reader: RangeReader, ends: Sequence[Page], profile: ListProfile) -> None:
        front, back = (
            [int(key.update_time.timestamp()) for key in page.keys if key.update_time is not None] for page in ends
        )
        until = int(self._began.timestamp())
        places = split_points(estimate_update_times(front, back), profile.pages, reader.connections)
        for low, high in pairwise([0, *(place for place in places if 0 < place < until), until]):
            reader.open(Range("time", low, high))
        if is_counted(self._reading) and not profile.never_updated:
            self._count_at_rest = read_and_count(self._reading, reader, self._catch_up)
        else:
            reader.run()

    def _resume(self) -> None:
        reader = self._reader
        self._reading.stats.expected = max(0, self._plan.expected - self._sink.rows)
        until = self._began if isinstance(self._plan, WindowsPlan) else None
        for list_range in open_ranges(self._sink.finished, 0, until):
            reader.open(list_range)
        reader.run()

    # ---- the proof

    def _prove(self) -> None:
        found = prove(self._reading, self._outcome, self._catch_up, self._plan.highest, self._count_at_rest)
        if found is None:
            self._read_again_by_id()
        else:
            self._outcome.completeness = found

    def _read_again_by_id(self) -> None:
        """Windows have left records out that cannot be asked for cheaply: read the list by id."""
        log.warning(
            "%s: records are missing from the windows of last updates: reading the whole list again by id.",
            self._entity.name,
        )
        self._sink.forget({part.name for part in self._sink.finished})
        self._outcome = ReadOutcome("", {"kind": "walk"})
        self._begin(BidirectionalPlan(_moment(self._reading)))
        self._read_by_id()
        self._note_walked()
        self._catch_up.read(1, archived=True)
        self._catch_up.read_created(2, 0)

    # ---- the plan, as it survives

    def _begin(self, plan: WalkPlan) -> None:
        self._plan = plan
        save_plan(self._sink, plan)

    def _note_walked(self) -> None:
        self._begin(msgspec.structs.replace(self._plan, walked=True))


def both_ends(entity: Entity, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters of the first pages of a list that has ranges: by id, from its front and from its back.

    :param query: the parameters that every request of the list has
    """
    return [{**page_size(entity), **query, **sorting(entity, "id", ascending=ascending)} for ascending in (True, False)]


def has_ranges(entity: Entity) -> bool:
    """Whether a list can be read from several places: sorted by a number, with cursors."""
    paging = entity.listing.paging
    return (
        entity.sort == "v2"
        and "id" in entity.sort_by
        and entity.key == ("id",)
        and paging is not None
        and paging.style == "cursor"
        and entity.parent is None
    )


def choose_plan(
    reading: EntityRead, profile: ListProfile, took: float, *, more: bool
) -> type[WindowsPlan | BidirectionalPlan]:
    """Windows where they are clearly faster and their proof is cheap, else by id from both ends.

    :param took: seconds of a request
    :param more: whether there is anything between the first pages
    """
    has_windows = reading.entity.incremental == "window" and not {"filter_id", "ids"} & reading.query.keys()
    if not more or not has_windows or profile.pages < _LEAST_PAGES:
        return BidirectionalPlan
    rate, pages = reading.pool.client.burst_limit / WINDOW, profile.pages
    connections = useful_connections(reading.pool.concurrency, took)
    from_both_ends = max(pages / rate, pages / 2 * took)
    from_everywhere = max(1.15 * pages / rate, pages / connections * took) + 2 * took
    by_count = is_counted(reading) and not profile.never_updated
    by_ids = profile.unseen / 100 <= _CHEAP * pages
    return WindowsPlan if from_everywhere < 0.75 * from_both_ends and (by_count or by_ids) else BidirectionalPlan


def _moment(reading: EntityRead, pages: Sequence[Page] = ()) -> str:
    """When a walk begins that has these pages already: what was edited since they were answered is caught up on."""
    answered = [page.server_time for page in pages if page.server_time is not None]
    return min(answered, default=reading.now).replace(microsecond=0).isoformat()


def _more(page: Page) -> bool:
    extra = page.envelope.get("additional_data")
    return bool(isinstance(extra, Mapping) and extra.get("next_cursor"))

"""A whole list, consistent although others go on editing.

There are three strategies, chosen by its first two pages before more is spent:

- *windows*: stretches of last-update time, many at once, cut where the two pages make it likely that they take equally
  long. Fast, but a record without ``update_time`` is in no window, so a proof that nothing is missing follows: the
  count that Pipedrive gives (deals), or the ids that are missing below the greatest one, asked for by name.
- *bidirectional*: by id, from the front and from the back until they meet. Whole by nature, and as fast as anything
  where the rate limit is what binds.
- *front to back*: on one connection, and for lists that cannot be sorted.

A closing catch-up then brings what was edited, created, archived or deleted while the walk went on. With the last pages
of windows go a count and looks for changes: where these find none, and the count agrees, the account was at rest, and
the catch-up is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec

from airflow_provider_pipedrive.catalog import ACTIONS, ENTITIES, Entity
from airflow_provider_pipedrive.client.limits import WINDOW
from airflow_provider_pipedrive.errors import PipedriveResponseError
from airflow_provider_pipedrive.extraction.output.parts import FinishedPart
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading.listing import pages_of, read_list, whole_pages
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Key, Page
from airflow_provider_pipedrive.extraction.reading.ranges import (
    OPEN_END,
    PAGE,
    Range,
    estimate_update_times,
    split_points,
)
from airflow_provider_pipedrive.extraction.reading.resuming import open_ranges
from airflow_provider_pipedrive.extraction.reading.walk import RangeReader, ReadStats, RequestPool, rfc3339, sorting

log = logging.getLogger(__name__)
CATCH_UP = "catch_up"
"""Streams of what was read after the walk, and wins over it."""
_CHEAP = 0.1  # a strategy whose proof by ids costs a larger share of the pages is not taken
_LEAST_PAGES = 8  # a shorter list is read before a plan for it would be made
_ROUNDS = 3  # of catching up, until the count agrees


@dataclass
class ReadOutcome:
    """What reading an entity came to.

    :ivar strategy: how it was read
    :ivar completeness: why it is whole
    :ivar watermark: the greatest time of last update that was seen
    :ivar rank: for every record that a catch-up pass read again, the number of the pass that has its last state
    :ivar removed: records that were archived or deleted meanwhile, with the time where it is known
    """

    strategy: str
    completeness: dict[str, Any]
    watermark: datetime | None = None
    rank: dict[Identity, int] = field(default_factory=dict)
    removed: dict[Identity, datetime | None] = field(default_factory=dict)
    deleted: dict[Identity, datetime | None] = field(default_factory=dict)

    def dropped(self, part: FinishedPart) -> Sequence[int]:
        """Numbers of the rows of a part that something newer has taken the place of."""
        own = catch_up_number(part.stream)
        if not self.rank and not self.removed:
            return ()
        rank, removed = self.rank, self.removed
        # A catch-up pass lists by last update: what was edited while it went on comes again further back.
        last = {identity: row for row, identity in enumerate(part.ids)} if own else {}
        return [
            row
            for row, identity in enumerate(part.ids)
            if identity in removed or rank.get(identity, own) > own or last.get(identity, row) > row
        ]


def catch_up_stream(number: int) -> str:
    """The stream of a catch-up pass."""
    return f"{CATCH_UP}:{number}"


def catch_up_number(stream: str) -> int:
    """0 for what the walk itself read, else the number of the catch-up pass."""
    return int(stream.split(":")[1]) if stream.startswith(CATCH_UP) else 0


class Snapshot:
    """Reads one entity whole.

    :param parameters: narrow the list down, such as ``filter_id``; sent with every request
    :param shown: say how records are shown, such as ``include_option_labels``; sent with every request
    :param lookback: seconds that the catch-up begins before the walk
    """

    def __init__(
        self,
        pool: RequestPool,
        entity: Entity,
        landing: EntityStaging,
        stats: ReadStats,
        *,
        parameters: Mapping[str, Any] | None = None,
        shown: Mapping[str, Any] | None = None,
        lookback: float = 60.0,
        clock: Callable[[], float],
    ) -> None:
        self.pool = pool
        self.entity = entity
        self.landing = landing
        self.stats = stats
        self._parameters = {**(shown or {}), **(parameters or {})}
        self._counted = entity.counted_by is not None and not parameters
        self._lookback = lookback
        self._clock = clock
        self._plan: dict[str, Any] = {}
        self._outcome = ReadOutcome("", {})
        self._count_at_rest: int | None = None

    def read(self) -> ReadOutcome:
        """Read it, going on where an earlier run ended.

        :raises PipedriveError: what ended it; what was read is in finished parts
        """
        kept = self.landing.load()
        catch_up_stream = {part.name for part in self.landing.finished if catch_up_number(part.stream)}
        self.landing.forget(catch_up_stream)
        self._plan = dict(kept or {})
        if self._can_meet:
            self._meet(resumed=kept is not None)
        else:
            self._front_to_back()
        self._outcome.strategy = self._plan["strategy"]
        self._outcome.watermark = max(filter(None, (self._outcome.watermark, self.landing.newest)), default=None)
        return self._outcome

    # ---- the strategies

    @property
    def _can_meet(self) -> bool:
        """Whether it can be read from several places: sorted by a number, with cursors."""
        entity = self.entity
        paging = entity.listing.paging
        return (
            entity.sort == "v2"
            and "id" in entity.sort_by
            and entity.key == ("id",)
            and paging is not None
            and paging.style == "cursor"
            and entity.parent is None
        )

    @property
    def _has_windows(self) -> bool:
        return self.entity.incremental == "window" and not {"filter_id", "ids"} & self._parameters.keys()

    def _reader(self) -> RangeReader:
        return RangeReader(
            self.pool, self.entity, self.landing, self._parameters, self.stats, bidirectional=self.pool.concurrency > 1
        )

    def _front_to_back(self) -> None:
        self._begin("front to back")
        read_list(self.pool, self.entity, self.landing, self._parameters, self.stats)
        self._outcome.completeness = {"kind": "walk"}
        self._catch_up(1)

    def _meet(self, *, resumed: bool) -> None:
        if resumed:
            if not self._plan.get("walked"):
                self._resume()
        elif self.pool.concurrency == 1:
            self._begin("front to back")
            reader = self._reader()
            reader.open(Range("id", 0, OPEN_END))
            reader.run()
        else:
            self._first_pages()
        self._note(walked=True)
        if self._plan["strategy"] == "windows":
            self._prove()
        else:
            self._outcome.completeness = {"kind": "walk"}
            self._catch_up(1, archived=True)
            if self._plan.get("never_updated"):
                self._newest(2)

    def _first_pages(self) -> None:
        """Both ends by id: whether there is more in between, and what it is like."""
        began = self._clock()
        list_range = Range("id", 0, OPEN_END)
        asked = {
            scan: {**self._reader().parameters, **sorting(self.entity, "id", ascending=scan.ascending)}
            for scan in (list_range.left, list_range.right)
        }
        pages: list[Page] = self.pool.run_all(
            partial(self.pool.read, self.entity, parameters, self.stats) for parameters in asked.values()
        )
        took = self._clock() - began
        front, back = pages
        profile = ListProfile.of(front.keys, back.keys)
        self.stats.expected = profile.highest - profile.absent
        strategy = self._choose(profile, took, more=_more(front))
        about = round(self.stats.expected)
        self._begin(strategy, never_updated=profile.never_updated > 0, highest=profile.highest, expected=about)
        reader = self._reader()
        if strategy == "windows":
            self._open_windows(reader, pages, profile.pages)
            if self._counted and not profile.never_updated:
                self._read_and_count(reader)
            else:
                reader.run()
        else:
            reader.adopt(list_range, {scan: (asked[scan], page) for scan, page in zip(asked, pages, strict=True)})
            reader.run()

    def _choose(self, profile: ListProfile, took: float, *, more: bool) -> str:
        """Windows where they are clearly faster and their proof is cheap, else by id from both ends.

        :param took: seconds of a request
        """
        if not more or not self._has_windows or profile.pages < _LEAST_PAGES:
            return "bidirectional"
        rate, pages = self.pool.client.burst_limit / WINDOW, profile.pages
        from_both_ends = max(pages / rate, pages / 2 * took)
        from_everywhere = max(1.15 * pages / rate, pages / self.pool.concurrency * took) + 2 * took
        counted = self._counted and not profile.never_updated
        by_ids = profile.unseen / 100 <= _CHEAP * pages
        return "windows" if from_everywhere < 0.75 * from_both_ends and (counted or by_ids) else "bidirectional"

    def _open_windows(self, reader: RangeReader, ends: Sequence[Page], pages: float) -> None:
        front, back = (
            [int(key.update_time.timestamp()) for key in page.keys if key.update_time is not None] for page in ends
        )
        until = int(self._until.timestamp())
        places = split_points(estimate_update_times(front, back), pages, self.pool.concurrency)
        for low, high in pairwise([0, *(place for place in places if 0 < place < until), until]):
            reader.open(Range("time", low, high))

    def _read_and_count(self, reader: RangeReader) -> None:
        """Read the windows, and see meanwhile whether the account is at rest: then nothing has to be asked afterwards.

        Where nothing was updated, archived or deleted from before the walk until a moment near its end, the count that
        Pipedrive told in between holds for that moment. All that the windows bring was there at that moment, even what
        they bring later, since they end before the walk. So they have brought everything if they bring as many.
        """
        count = self.pool.submit(self._count)
        looks: list[Future[bool]] = []

        def look() -> None:
            for entity, parameters in ((self.entity, self._changed), (ENTITIES["archived_deals"], self._since_began)):
                looks.append(self.pool.submit(partial(self._is_empty_after, count, entity, parameters)))

        reader.run(at_last=look)
        if looks and all(empty.result() for empty in looks):
            self._count_at_rest = count.result()

    def _is_empty_after(self, earlier: Future[int], entity: Entity, parameters: Mapping[str, Any]) -> bool:
        # A look made before the count would not see what changed between the two.
        earlier.result()
        return not any(len(page) for page in self._pages(entity, parameters))

    def _resume(self) -> None:
        reader = self._reader()
        self.stats.expected = max(0, self._plan.get("expected", 0) - self.landing.rows)
        for list_range in open_ranges(
            self.landing.finished, 0, self._until if self._plan["strategy"] == "windows" else None
        ):
            reader.open(list_range)
        reader.run()

    # ---- proof

    def _prove(self) -> None:
        """Show that windows brought everything, or bring what they can't."""
        counted = self._counted
        if self._count_at_rest is not None and self._count_at_rest == self._present().count:
            self._outcome.completeness = {"kind": "count", "records": self._count_at_rest}
            return
        for number in range(1, _ROUNDS + 1):
            # Without the archived ones, a count would agree where one was archived and another is missing.
            count = self._catch_up(number, archived=True, count=counted)
            have = self._present()
            if counted and count == have.count:
                self._outcome.completeness = {"kind": "count", "records": count}
                return
            missing = have.missing(int(self._plan.get("highest", 0)))
            if len(missing) / 100 <= have.count / PAGE and (not counted or count > have.count or number == _ROUNDS):
                self._by_ids(number, missing)
                present = self._present().count
                if not counted or count == present or (number == _ROUNDS and count < present):
                    self._newest(_ROUNDS + 1)
                    self._outcome.completeness = {"kind": "ids", "asked": len(missing)}
                    return
            elif not counted or (number > 1 and count > have.count):
                break
        self._again_by_id()

    def _again_by_id(self) -> None:
        """Windows have left records out that cannot be asked for cheaply: read the list by id."""
        log.warning(
            "%s: records are missing from the windows of last updates: reading the whole list again by id.",
            self.entity.name,
        )
        self.landing.forget({part.name for part in self.landing.finished})
        self._outcome = ReadOutcome("", {"kind": "walk"})
        self._begin("bidirectional", after="windows")
        reader = self._reader()
        reader.open(Range("id", 0, OPEN_END))
        reader.run()
        self._note(walked=True)
        self._catch_up(1, archived=True)
        self._newest(2)

    def _by_ids(self, number: int, missing: Sequence[int]) -> None:
        batches = [missing[start : start + 100] for start in range(0, len(missing), 100)]
        pages: list[Page] = self.pool.run_all(
            partial(self.pool.read, self.entity, {**self._parameters, "limit": PAGE, "ids": batch}, self.stats)
            for batch in batches
        )
        for page in pages:
            self._keep_catch_up(number, page, range(len(page)))
        self.landing.finish(catch_up_stream(number), {})

    def _present(self) -> Ids:
        have = Ids()
        for part in self.landing.finished:
            have.add(part.ids)
        have.remove(self._outcome.removed)
        return have

    # ---- what happened meanwhile

    def _catch_up(self, number: int, *, archived: bool = False, count: bool = False) -> int:
        """Read what was updated since the walk began; the number of records that Pipedrive counts, if it is asked."""
        if "updated_since" not in self.entity.listing.by_name:
            return 0
        works: list[Callable[[], Any]] = []
        archive = ENTITIES[self.entity.archived_in] if archived and self.entity.archived_in else None
        if archive:
            works.append(lambda: list(self._pages(archive, self._since_began)))
        if count:
            works.append(self._count)
        found = self.pool.run_with(partial(self._read_catch_up, number), works)
        live: dict[Identity, datetime | None] = found[0]
        if archive:
            for key in (key for page in found[1] for key in page.keys):
                back = live.get(key.id)  # taken out of the archive since
                if back is None or (key.update_time is not None and key.update_time > back):
                    self._outcome.removed[key.id] = key.update_time
        return int(found[-1]) if count else 0

    @property
    def _changed(self) -> dict[str, Any]:
        """The parameters that list what was updated since the walk began."""
        parameters = {**self._parameters, **self._since_began, **sorting(self.entity, "update_time", ascending=True)}
        if self.entity.every_status and not {"status", "filter_id"} & parameters.keys():
            parameters["status"] = self.entity.every_status
        return parameters

    @property
    def _since_began(self) -> dict[str, Any]:
        return {"updated_since": rfc3339(int(self._until.timestamp() - self._lookback))}

    def _read_catch_up(self, number: int) -> dict[Identity, datetime | None]:
        """Read what was updated since; the records that are live, with their times."""
        seen: dict[Identity, datetime | None] = {}
        for page in whole_pages(self.pool, self.entity, self._changed, self.stats):
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
            self._keep_catch_up(number, page, live)
        self.landing.finish(catch_up_stream(number), {})
        return seen

    def _newest(self, number: int) -> None:
        """What was created since: its ids are greater than all that were there, whatever its times say."""
        highest = int(self._plan.get("highest", 0))
        parameters = {**self._parameters, **sorting(self.entity, "id", ascending=False)}
        known = {identity for identity in self.landing.ids() if isinstance(identity, int) and identity > highest}
        for page in self._pages(self.entity, parameters):
            places = [key.id if isinstance(key.id, int) else 0 for key in page.keys]
            self._keep_catch_up(
                number, page, [at for at, place in enumerate(places) if place > highest and place not in known]
            )
            if not places or places[-1] <= highest:
                break
        self.landing.finish(catch_up_stream(number), {})

    def _keep_catch_up(self, number: int, page: Page, taken: Sequence[int]) -> None:
        if not taken:
            return
        keys = [page.keys[index] for index in taken]
        self.landing.write(catch_up_stream(number), [OPEN_END, number], [page.records[at] for at in taken], keys)
        self.stats.records += len(keys)
        for key in keys:
            self._outcome.rank[key.id] = number

    def _pages(self, entity: Entity, parameters: Mapping[str, Any]) -> Iterable[Page]:
        return pages_of(self.pool, entity, parameters, self.stats)

    def _count(self) -> int:
        action = ACTIONS[str(self.entity.counted_by)]
        data = self.pool.client.run(action.key)
        self.stats.tokens += action.token_cost
        found = (data or {}).get("total_count")
        if type(found) is not int:
            raise PipedriveResponseError(f"{action.key}: no total_count came.", action=action.key)
        return found

    # ---- the plan, as it survives

    @property
    def _until(self) -> datetime:
        return datetime.fromisoformat(self._plan["until"])

    def _begin(self, strategy: str, **more: Any) -> None:
        now = self.pool.latest or datetime.fromtimestamp(self._clock(), UTC) - timedelta(seconds=self._lookback)
        self._plan = {"strategy": strategy, "until": now.replace(microsecond=0).isoformat(), **more}
        self.landing.save(self._plan)

    def _note(self, **more: Any) -> None:
        self._plan |= more
        self.landing.save(self._plan)


@dataclass(frozen=True)
class ListProfile:
    """What the first and the last page by id say of a list.

    :ivar highest: the greatest id
    :ivar absent: about how many ids below it are not in the list
    :ivar never_updated: the share of records without a time of last update
    """

    highest: int
    absent: float
    never_updated: float

    @classmethod
    def of(cls, front: Sequence[Key], back: Sequence[Key]) -> ListProfile:
        """Of the page at the front, and the one at the back (greatest id first)."""
        keys = [*front, *back]
        if not keys:
            return cls(0, 0.0, 0.0)
        highest = _number(back[0] if back else front[-1])
        span = (_number(front[-1]) if front else 0) + (highest - _number(back[-1]) + 1 if back else 0)
        holes = max(0.0, 1 - len(keys) / max(span, 1))
        return cls(highest, holes * highest, sum(key.update_time is None for key in keys) / len(keys))

    @property
    def pages(self) -> float:
        """About how many pages the list has."""
        return (self.highest - self.absent) / PAGE

    @property
    def unseen(self) -> float:
        """About how many ids would have to be asked for by name."""
        return self.absent + self.never_updated * (self.highest - self.absent)


class Ids:
    """A set of whole numbers, a bit for each.

    :param bits: to begin with, as :attr:`bits` gives them
    """

    def __init__(self, bits: bytes = b"") -> None:
        self._bits = bytearray(bits)

    @property
    def bits(self) -> bytes:
        """The set, to be kept."""
        return bytes(self._bits.rstrip(b"\0"))

    def add(self, ids: Iterable[Identity]) -> None:
        """Put them in."""
        bits = self._bits
        for number in ids:
            if isinstance(number, int):
                at = number >> 3
                if at >= len(bits):
                    bits.extend(bytes(at + 4096 - len(bits)))
                bits[at] |= 1 << (number & 7)

    def remove(self, ids: Iterable[Identity]) -> None:
        """Take them out."""
        for number in ids:
            if isinstance(number, int) and number >> 3 < len(self._bits):
                self._bits[number >> 3] &= ~(1 << (number & 7))

    @property
    def count(self) -> int:
        """How many there are."""
        return int.from_bytes(self._bits).bit_count()

    def all(self) -> list[int]:
        """Them, in order."""
        return [at * 8 + bit for at, byte in enumerate(self._bits) if byte for bit in range(8) if byte >> bit & 1]

    def missing(self, highest: int = 0) -> list[int]:
        """Those from 1 to ``highest``, or to the greatest that is there, that are not there."""
        bits = self._bits
        greatest = int.from_bytes(bits, "little").bit_length() - 1
        inside = [number for number in range(1, greatest) if not bits[number >> 3] >> (number & 7) & 1]
        return [*inside, *range(max(greatest, 0) + 1, highest + 1)]


def _number(key: Key) -> int:
    if not isinstance(key.id, int):
        raise PipedriveResponseError(f"A whole number was expected as id, not {key.id!r}.")
    return key.id


def _more(page: Page) -> bool:
    extra = page.envelope.get("additional_data")
    return bool(isinstance(extra, Mapping) and extra.get("next_cursor"))


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

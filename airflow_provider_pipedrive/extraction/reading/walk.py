"""Reading an entity's list: many requests at once, every record once."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.client.paging import Position, Walk
from airflow_provider_pipedrive.errors import PipedriveValidationError
from airflow_provider_pipedrive.extraction.output.staging import PART_ROWS, EntityStaging
from airflow_provider_pipedrive.extraction.reading.memory import give_back
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Key, Page, decode, next_position, server_time
from airflow_provider_pipedrive.extraction.reading.ranges import PAGE, Head, Region, middle, waterline

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
T = TypeVar("T")
_WORTH_SPLITTING = 4 * PAGE
_SPLITS_PER_PAGE = 0.03
_MOST_UNWRITTEN = 2
"""Pages that may wait to be written while others are asked for."""
_MOST_UNWRITTEN_IF_SCARCE = 8
"""The same where requests are what is scarce: each must start as soon as it may."""
_GIVE_BACK_AFTER = 16
"""Pages, after which what was freed is given back."""
_LOOK_AGAIN = 0.005
"""Seconds after which the rate limit may have room again for what was held back."""


@dataclass
class Tally:
    """What reading one entity has taken so far.

    :ivar records: taken, each once
    :ivar tokens: API tokens, repeats of failed requests aside
    :ivar expected: about how many records there are, 0 where nobody knows
    :ivar set_aside: hashes of records on the pages that were none, or that nothing tells apart
    """

    expected: float = 0
    pages: int = 0
    records: int = 0
    tokens: int = 0
    set_aside: set[str] = field(default_factory=set)


class Stopped(Exception):
    """The job has ended because something else failed: what was read so far is kept."""


class Watch(Protocol):
    """Is told now and then that a long work goes on."""

    def __call__(self) -> None:
        """It does."""


class Crew:
    """The connections that all entities of a job share.

    :param concurrency: requests at once
    """

    def __init__(self, client: PipedriveClient, concurrency: int, watch: Watch) -> None:
        self.client = client
        self.concurrency = concurrency
        self.watch = watch
        self.latest: datetime | None = None
        self.failure: BaseException | None = None
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="pipedrive")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Wait for what is under way, and let the threads go."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def read(self, entity: Entity, parameters: Mapping[str, Any], tally: Tally) -> Page:
        """One page, in the caller's thread.

        :raises PipedriveError: it failed
        :raises Stopped: another entity has failed, which ends the job
        """
        if self.failure is not None:
            raise Stopped
        (records, keys, envelope, set_aside), headers = self.client.page(
            entity.action, {**entity.parameters, **parameters}, lambda body: decode(entity, body)
        )
        moment = server_time(headers)
        with self._lock:
            tally.pages += 1
            tally.set_aside.update(set_aside)
            tally.tokens += entity.listing.token_cost
            if moment is not None and (self.latest is None or moment > self.latest):
                self.latest = moment
        return Page(records, keys, envelope, moment)

    def submit(self, work: Callable[[], T], done: Callable[[T | None, BaseException | None], None]) -> None:
        """Have a thread do some work, and tell of its result or its error."""

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
                done(None, error)
            else:
                done(result, None)

        self._pool.submit(run)

    def gather(self, works: Iterable[Callable[[], Any]]) -> list[Any]:
        """Do several things at once; their results in order.

        :raises Exception: what the first of them to fail raised
        """
        futures = [self._pool.submit(work) for work in works]
        waiting = set(futures)
        while waiting:
            waiting = wait(waiting, timeout=1).not_done
            self.watch()
        return [future.result() for future in futures]

    def later(self, work: Callable[[], T]) -> Future[T]:
        """Do some work meanwhile."""
        return self._pool.submit(work)

    def beside(self, work: Callable[[], Any], others: Iterable[Callable[[], Any]]) -> list[Any]:
        """Do some work in this thread, and others meanwhile in their own; the results in order."""
        futures = [self._pool.submit(other) for other in others]
        return [work(), *(future.result() for future in futures)]


@dataclass(eq=False)
class _Chain:
    """A head of a region on its way, and the part that it fills.

    :ivar start: where it began, on the region's axis
    :ivar resumed: whether it goes on from a cursor of an earlier run
    :ivar asked: where its present page is
    """

    region: Region
    head: Head
    parameters: Mapping[str, Any]
    walk: Walk
    start: int
    resumed: bool = False
    flying: bool = False
    asked: Position = field(default_factory=dict)

    @property
    def stream(self) -> str:
        second = "" if self.region.second is None else f"@{self.region.second}"
        return f"{self.region.axis}{second}:{self.start}:{'asc' if self.head.ascending else 'desc'}"

    @property
    def order(self) -> list[Any]:
        """Its parts' place among all: by where it reads, from the front before from the back."""
        region = self.region
        return [region.start, self.start, int(not self.head.ascending)]

    def resume_info(self) -> dict[str, Any]:
        """What its finished parts hold, for a run that goes on from there."""
        head = self.head
        return {
            "axis": self.region.axis,
            "second": self.region.second,
            "ascending": head.ascending,
            "start": self.start,
            "frontier": head.frontier,
            "edge": head.edge,
            "edge_ids": list(head.edge_ids),
            # Of the page where it met the other head it has taken a part only: should that head's part be lost, the
            # page is needed again.
            "position": self.asked if head.finished else self.walk.position,
        }


class RangeReader:
    """Reads the regions of one entity into its landing.

    :param parameters: sent with every request
    :param both_ends: False: from the front only, on one connection
    :param known: records to leave out, by id, unless they have another time of last update
    """

    def __init__(
        self,
        crew: Crew,
        entity: Entity,
        landing: EntityStaging,
        parameters: Mapping[str, Any],
        tally: Tally,
        *,
        both_ends: bool = True,
        known: Mapping[Identity, datetime] | None = None,
    ) -> None:
        self.crew = crew
        self.entity = entity
        self.landing = landing
        self.tally = tally
        self.parameters = {"limit": min(PAGE, entity.listing.paging.max_limit) if entity.listing.paging else PAGE}
        self.parameters |= parameters
        self._both_ends = both_ends
        self._known = known or {}
        self._chains: dict[Head, _Chain] = {}
        self._regions: list[Region] = []
        self._answers: SimpleQueue[tuple[_Chain, Page | None, BaseException | None]] = SimpleQueue()
        self._flying = 0
        self._splits = 0
        self._scarce = False
        self._written = 0
        self._unwritten: deque[Callable[[], None]] = deque()

    # ---- for the one who knows what is to be read

    def open(self, region: Region) -> None:
        """Begin to read a region."""
        self._regions.append(region)
        for head in self._heads(region):
            self._start(region, head)

    def adopt(self, region: Region, pages: Mapping[Head, tuple[Mapping[str, Any], Page]]) -> None:
        """Begin to read a region whose first pages have been read already, with these parameters."""
        self._regions.append(region)
        for head, (parameters, page) in pages.items():
            chain = self._chain(region, head, parameters)
            self._take(chain, page, going_on=True)
        self._start_missing(region)
        self._go_on()

    def cut(self, region: Region, at: int) -> None:
        """Split a region that is being read, and set two new heads to work in the middle."""
        rest = region.split(at)
        moved = self._chains.get(rest.right)
        if moved is not None:
            moved.region = rest
        self._regions.append(rest)
        self._start(region, region.right)
        self._start(rest, rest.left)

    def run(self, *, at_last: Callable[[], None] | None = None) -> None:
        """Read on until every region is read.

        :param at_last: called once, when all that seems to be left has been asked for
        :raises PipedriveError: what ended it; all that was read before is in finished parts
        """
        failure: BaseException | None = None
        while self._flying:
            self.crew.watch()
            most = _MOST_UNWRITTEN_IF_SCARCE if self._scarce else _MOST_UNWRITTEN
            self._write_while(lambda: self._answers.empty() or len(self._unwritten) > most)  # noqa: B023 - called at once
            try:
                chain, page, error = self._answers.get(timeout=_LOOK_AGAIN if self._scarce else 1)
            except Empty:
                pass
            else:
                raised = self._answered(chain, page, error, going_on=failure is None)
                failure = failure or raised
            if failure is None:
                all_asked = self._go_on()
                self._reinforce()
                if at_last is not None and all_asked:
                    at_last()
                    at_last = None
        self._write_while(lambda: True)
        for chain in self._chains.values():
            self.landing.finish(chain.stream, chain.resume_info())
        self._regions.clear()
        self._chains.clear()
        if failure is not None:
            raise failure

    # ---- chains

    def _heads(self, region: Region) -> list[Head]:
        return [region.left, region.right] if self._both_ends else [region.left]

    def _chain(
        self, region: Region, head: Head, parameters: Mapping[str, Any], position: Position | None = None
    ) -> _Chain:
        walk = Walk(self.entity.listing, self.parameters["limit"], position)
        chain = _Chain(region, head, parameters, walk, head.frontier, resumed=bool(position))
        self._chains[head] = chain
        return chain

    def _start(self, region: Region, head: Head) -> None:
        parameters = {**self.parameters, **query(self.entity, region, ascending=head.ascending)}
        self._send(self._chain(region, head, parameters, region.positions.get(head.ascending)))

    def _start_missing(self, region: Region) -> None:
        for head in self._heads(region):
            if head not in self._chains and not region.done:
                self._start(region, head)

    def _send(self, chain: _Chain) -> None:
        chain.flying = True
        self._flying += 1
        parameters = {**chain.parameters, **chain.walk.position}
        self.crew.submit(
            lambda: self.crew.read(self.entity, parameters, self.tally),
            lambda page, error: self._answers.put((chain, page, error)),
        )

    def _answered(
        self, chain: _Chain, page: Page | None, error: BaseException | None, *, going_on: bool
    ) -> BaseException | None:
        """Take what a request brought; what is to be raised for it."""
        self._flying -= 1
        chain.flying = False
        if self._chains.get(chain.head) is not chain:
            return None  # another way to read this stretch was taken meanwhile
        if page is None:
            return self._failed(chain, error)
        self._take(chain, page, going_on=going_on)
        return None

    def _failed(self, chain: _Chain, error: BaseException | None) -> BaseException | None:
        """What is to be raised for a request that failed: nothing where only an old cursor is no longer taken."""
        if chain.resumed and isinstance(error, PipedriveValidationError):
            log.info("%s: a cursor of the run before is no longer taken: reading again up to it.", self.entity.name)
            chain.region.positions.pop(chain.head.ascending, None)
            self._start(chain.region, chain.head)
            return None
        return error

    # ---- pages

    def _take(self, chain: _Chain, page: Page, *, going_on: bool) -> None:
        region = chain.region
        chain.asked = chain.walk.position
        position = next_position(chain.walk, page)
        taken = region.take(chain.head, page.keys, more=position is not None)
        lump = region.carve(chain.head) if position is not None else None
        self._keep(chain, page, taken)
        if lump is not None and going_on:
            self._read_around(region, lump)
        if region.done:
            self._close(region)

    def _go_on(self) -> bool:
        """Ask for the next pages; whether all that seems to be left was asked for before.

        Where the rate limit's window has no room for all of them, the regions that have most left come first: when it
        opens again, all of them need about as much, and none is left to go on alone.
        """
        pages = {region: self._pages_left(region) for region in self._regions}
        left = {region: number for region, number in pages.items() if number}
        unknown = sum(number is None for number in pages.values())
        self._scarce = False
        if not left:
            return not unknown
        room = self.crew.client.room
        usual = sum(left.values()) / len(left)
        level = waterline([*left.values(), *[usual] * unknown], room)
        self._scarce = level > 0
        idle = {region: [chain for chain in self._chains_of(region) if not chain.flying] for region in left}
        # What is due to regions whose heads are all under way stays theirs.
        room -= int(sum(max(0.0, left[region] - level) for region in left if not idle[region]))
        while room > 0 or not self._flying:
            able = [region for region in left if idle[region] and left[region] > (level if self._flying else 0)]
            if not able:
                break
            longest = max(able, key=left.__getitem__)
            self._send(idle[longest].pop(0))
            left[longest] -= 1
            room -= 1
        return False

    def _pages_left(self, region: Region) -> float | None:
        """Pages that a region needs beside those under way, which may be going to close its gap; ``None`` where only
        they will tell."""
        flying = sum(chain.flying for chain in self._chains_of(region))
        if region.done:
            return 0.0
        if not flying:
            return max(1.0, region.expected / PAGE)
        return max(0.0, region.expected / PAGE - flying) if region.expected else None

    def _chains_of(self, region: Region) -> list[_Chain]:
        return [self._chains[head] for head in (region.left, region.right) if head in self._chains]

    def _read_around(self, region: Region, lump: Region) -> None:
        """Let the heads that are stuck in one second begin anew behind it."""
        current = (region.left, region.right)
        for head, chain in list(self._chains.items()):
            if chain.region is region and head not in current:
                self._end(head)
        region.low, region.high = region.left.frontier, region.right.frontier
        self._start_missing(region)
        self.open(lump)

    def _reinforce(self) -> None:
        """Give the widest gap another pair of heads when connections are idle, and requests are not what is scarce."""
        if not self._both_ends or self._scarce or self._flying > self.crew.concurrency - 2:
            return
        if self._splits >= self.tally.pages * _SPLITS_PER_PAGE:
            return
        widest = max(self._regions, key=lambda region: region.expected, default=None)
        if widest is None or widest.expected < _WORTH_SPLITTING:
            return
        at = middle(widest)
        if at is not None:
            self._splits += 1
            self.cut(widest, at)

    # ---- parts

    def _keep(self, chain: _Chain, page: Page, taken: Sequence[int]) -> None:
        if self._known:
            taken = [at for at in taken if self._known.get(page.keys[at].id) != page.keys[at].update_time]
        if not taken:
            return
        whole = len(taken) == len(page)
        records = page.records if whole else [page.records[index] for index in taken]
        keys = page.keys if whole else [page.keys[index] for index in taken]
        self.tally.records += len(keys)
        self._unwritten.append(partial(self._write, chain.stream, chain.order, records, keys, chain.resume_info()))

    def _write(
        self,
        stream: str,
        order: list[Any],
        records: Sequence[bytes | msgspec.Raw],
        keys: Sequence[Key],
        resume_info: Mapping[str, Any],
    ) -> None:
        if self.landing.write(stream, order, records, keys) >= PART_ROWS:
            self.landing.finish(stream, resume_info)
        self._written += 1
        if self._written % _GIVE_BACK_AFTER == 0:
            give_back()

    def _write_while(self, waiting: Callable[[], bool]) -> None:
        """Write what came, in the order in which it came: asking for what comes next is more urgent."""
        while self._unwritten and waiting():
            self._unwritten.popleft()()

    def _close(self, region: Region) -> None:
        """End a region that is read. What is known of the second where its heads met is in two parts, and only the
        second of them can say that nothing of it is left."""
        self._end(region.left)
        if region.axis == "time" and region.left.edge is not None:
            region.right.frontier = min(region.right.frontier, region.left.frontier)
        self._end(region.right)

    def _end(self, head: Head) -> None:
        chain = self._chains.pop(head, None)
        if chain is not None:
            self._unwritten.append(partial(self.landing.finish, chain.stream, chain.resume_info()))


def query(entity: Entity, region: Region, *, ascending: bool) -> dict[str, Any]:
    """The parameters that list a region from one of its ends."""
    parameters = sorting(entity, "update_time" if region.axis == "time" else "id", ascending=ascending)
    if region.second is not None:
        return parameters | {"updated_since": rfc3339(region.second), "updated_until": rfc3339(region.second + 1)}
    if region.axis == "time":
        return parameters | {"updated_since": rfc3339(region.low), "updated_until": rfc3339(region.high)}
    return parameters


def sorting(entity: Entity, by: str, *, ascending: bool) -> dict[str, Any]:
    """The parameters that sort a list; none where it cannot be sorted so."""
    if by not in entity.sort_by:
        return {}
    if entity.sort == "v2":
        return {"sort_by": by, "sort_direction": "asc" if ascending else "desc"}
    return {"sort": f"{by} {'ASC' if ascending else 'DESC'}"}


def rfc3339(second: int) -> str:
    """A second as Pipedrive's windows take it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

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
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.client.paging import Position, Walk
from airflow_provider_pipedrive.errors import PipedriveValidationError
from airflow_provider_pipedrive.extraction.output.parts import PART_ROWS
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading.memory import give_back
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Key, Page, decode, next_position, server_time
from airflow_provider_pipedrive.extraction.reading.ranges import PAGE, Range, RangeScan, fair_share_level, split_point

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
class ReadStats:
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


class RequestPool:
    """The connections that all entities of a job share.

    :param concurrency: requests at once
    :param on_progress: called now and then while a long work continues
    """

    def __init__(self, client: PipedriveClient, concurrency: int, on_progress: Callable[[], None]) -> None:
        self.client = client
        self.concurrency = concurrency
        self.on_progress = on_progress
        self.latest: datetime | None = None
        self.failure: BaseException | None = None
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="pipedrive")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Wait for the requests under way, and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def read(self, entity: Entity, parameters: Mapping[str, Any], stats: ReadStats) -> Page:
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
            stats.pages += 1
            stats.set_aside.update(set_aside)
            stats.tokens += entity.listing.token_cost
            if moment is not None and (self.latest is None or moment > self.latest):
                self.latest = moment
        return Page(records, keys, envelope, moment)

    def submit_then(self, work: Callable[[], T], done: Callable[[T | None, BaseException | None], None]) -> None:
        """Have a thread do some work, and call ``done`` with its result or its error."""

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
                done(None, error)
            else:
                done(result, None)

        self._threads.submit(run)

    def run_all(self, works: Iterable[Callable[[], Any]]) -> list[Any]:
        """Do several things at once; their results in order.

        :raises Exception: what the first of them to fail raised
        """
        futures = [self._threads.submit(work) for work in works]
        waiting = set(futures)
        while waiting:
            waiting = wait(waiting, timeout=1).not_done
            self.on_progress()
        return [future.result() for future in futures]

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do some work meanwhile."""
        return self._threads.submit(work)

    def run_with(self, work: Callable[[], Any], others: Iterable[Callable[[], Any]]) -> list[Any]:
        """Do some work in this thread, and others meanwhile in their own; the results in order."""
        futures = [self._threads.submit(other) for other in others]
        return [work(), *(future.result() for future in futures)]


@dataclass(eq=False)
class _ScanRequest:
    """The requests of one scan, one at a time, and the part that they fill.

    :ivar start: where it began, on the range's axis
    :ivar resumed: whether it continues from a cursor of an earlier run
    :ivar asked: where its present page is
    """

    list_range: Range
    scan: RangeScan
    parameters: Mapping[str, Any]
    walk: Walk
    start: int
    resumed: bool = False
    in_flight: bool = False
    asked: Position = field(default_factory=dict)

    @property
    def stream(self) -> str:
        second = "" if self.list_range.second is None else f"@{self.list_range.second}"
        return f"{self.list_range.axis}{second}:{self.start}:{'asc' if self.scan.ascending else 'desc'}"

    @property
    def order(self) -> list[Any]:
        """Its parts' place among all: by where it reads, from the front before from the back."""
        list_range = self.list_range
        return [list_range.start, self.start, int(not self.scan.ascending)]

    def resume_info(self) -> dict[str, Any]:
        """What its finished parts hold, for a run that continues from there."""
        scan = self.scan
        return {
            "axis": self.list_range.axis,
            "second": self.list_range.second,
            "ascending": scan.ascending,
            "start": self.start,
            "frontier": scan.frontier,
            "boundary": scan.boundary,
            "boundary_ids": list(scan.boundary_ids),
            # Of the page where it met the other scan it has taken a part only: should that scan's part be lost, the
            # page is needed again.
            "position": self.asked if scan.finished else self.walk.position,
        }


class RangeReader:
    """Reads the ranges of one entity into its landing.

    :param parameters: sent with every request
    :param both_ends: False: from the front only, on one connection
    :param known: records to leave out, by id, unless they have another time of last update
    """

    def __init__(
        self,
        pool: RequestPool,
        entity: Entity,
        landing: EntityStaging,
        parameters: Mapping[str, Any],
        stats: ReadStats,
        *,
        bidirectional: bool = True,
        known: Mapping[Identity, datetime] | None = None,
    ) -> None:
        self.pool = pool
        self.entity = entity
        self.landing = landing
        self.stats = stats
        self.parameters = {"limit": min(PAGE, entity.listing.paging.max_limit) if entity.listing.paging else PAGE}
        self.parameters |= parameters
        self._bidirectional = bidirectional
        self._known = known or {}
        self._requests: dict[RangeScan, _ScanRequest] = {}
        self._ranges: list[Range] = []
        self._answers: SimpleQueue[tuple[_ScanRequest, Page | None, BaseException | None]] = SimpleQueue()
        self._in_flight = 0
        self._splits = 0
        self._scarce = False
        self._written = 0
        self._unwritten: deque[Callable[[], None]] = deque()

    # ---- for the one who knows what is to be read

    def open(self, list_range: Range) -> None:
        """Begin to read a range."""
        self._ranges.append(list_range)
        for scan in self._scans(list_range):
            self._start(list_range, scan)

    def adopt(self, list_range: Range, pages: Mapping[RangeScan, tuple[Mapping[str, Any], Page]]) -> None:
        """Begin to read a range whose first pages have been read already, with these parameters."""
        self._ranges.append(list_range)
        for scan, (parameters, page) in pages.items():
            request = self._request(list_range, scan, parameters)
            self._take(request, page, continuing=True)
        self._start_missing(list_range)
        self._ask_for_next()

    def split(self, list_range: Range, at: int) -> None:
        """Split a range that is being read, and set two new scans to work in the middle."""
        rest = list_range.split(at)
        moved = self._requests.get(rest.right)
        if moved is not None:
            moved.list_range = rest
        self._ranges.append(rest)
        self._start(list_range, list_range.right)
        self._start(rest, rest.left)

    def run(self, *, at_last: Callable[[], None] | None = None) -> None:
        """Read on until every range is read.

        :param at_last: called once, when all that seems to be left has been asked for
        :raises PipedriveError: what ended it; all that was read before is in finished parts
        """
        failure: BaseException | None = None
        while self._in_flight:
            self.pool.on_progress()
            most = _MOST_UNWRITTEN_IF_SCARCE if self._scarce else _MOST_UNWRITTEN
            self._write_while(lambda: self._answers.empty() or len(self._unwritten) > most)  # noqa: B023 - called at once
            try:
                request, page, error = self._answers.get(timeout=_LOOK_AGAIN if self._scarce else 1)
            except Empty:
                pass
            else:
                raised = self._answered(request, page, error, continuing=failure is None)
                failure = failure or raised
            if failure is None:
                all_asked = self._ask_for_next()
                self._reinforce()
                if at_last is not None and all_asked:
                    at_last()
                    at_last = None
        self._write_while(lambda: True)
        for request in self._requests.values():
            self.landing.finish(request.stream, request.resume_info())
        self._ranges.clear()
        self._requests.clear()
        if failure is not None:
            raise failure

    # ---- chains

    def _scans(self, list_range: Range) -> list[RangeScan]:
        return [list_range.left, list_range.right] if self._bidirectional else [list_range.left]

    def _request(
        self, list_range: Range, scan: RangeScan, parameters: Mapping[str, Any], position: Position | None = None
    ) -> _ScanRequest:
        walk = Walk(self.entity.listing, self.parameters["limit"], position)
        request = _ScanRequest(list_range, scan, parameters, walk, scan.frontier, resumed=bool(position))
        self._requests[scan] = request
        return request

    def _start(self, list_range: Range, scan: RangeScan) -> None:
        parameters = {**self.parameters, **query(self.entity, list_range, ascending=scan.ascending)}
        self._send(self._request(list_range, scan, parameters, list_range.positions.get(scan.ascending)))

    def _start_missing(self, list_range: Range) -> None:
        for scan in self._scans(list_range):
            if scan not in self._requests and not list_range.done:
                self._start(list_range, scan)

    def _send(self, request: _ScanRequest) -> None:
        request.in_flight = True
        self._in_flight += 1
        parameters = {**request.parameters, **request.walk.position}
        self.pool.submit_then(
            lambda: self.pool.read(self.entity, parameters, self.stats),
            lambda page, error: self._answers.put((request, page, error)),
        )

    def _answered(
        self, request: _ScanRequest, page: Page | None, error: BaseException | None, *, continuing: bool
    ) -> BaseException | None:
        """Take what a request brought; what is to be raised for it."""
        self._in_flight -= 1
        request.in_flight = False
        if self._requests.get(request.scan) is not request:
            return None  # this stretch is read by other requests meanwhile
        if page is None:
            return self._failed(request, error)
        self._take(request, page, continuing=continuing)
        return None

    def _failed(self, request: _ScanRequest, error: BaseException | None) -> BaseException | None:
        """What is to be raised for a request that failed: nothing where only an old cursor is no longer taken."""
        if request.resumed and isinstance(error, PipedriveValidationError):
            log.info("%s: a cursor of the run before is no longer taken: reading again up to it.", self.entity.name)
            request.list_range.positions.pop(request.scan.ascending, None)
            self._start(request.list_range, request.scan)
            return None
        return error

    # ---- pages

    def _take(self, request: _ScanRequest, page: Page, *, continuing: bool) -> None:
        list_range = request.list_range
        request.asked = request.walk.position
        position = next_position(request.walk, page)
        taken = list_range.take(request.scan, page.keys, more=position is not None)
        hot_second = list_range.split_hot_second(request.scan) if position is not None else None
        self._keep(request, page, taken)
        if hot_second is not None and continuing:
            self._read_around(list_range, hot_second)
        if list_range.done:
            self._close(list_range)

    def _ask_for_next(self) -> bool:
        """Ask for the next pages; whether all that seems to be left was asked for before.

        Where the rate limit's window has no room for all of them, the ranges that have most left come first: when it
        opens again, all of them need about as much, and none is left to go on alone.
        """
        pages = {list_range: self._pages_left(list_range) for list_range in self._ranges}
        left = {list_range: number for list_range, number in pages.items() if number}
        unknown = sum(number is None for number in pages.values())
        self._scarce = False
        if not left:
            return not unknown
        room = self.pool.client.room
        usual = sum(left.values()) / len(left)
        level = fair_share_level([*left.values(), *[usual] * unknown], room)
        self._scarce = level > 0
        idle = {
            list_range: [request for request in self._requests_of(list_range) if not request.in_flight]
            for list_range in left
        }
        # What is due to ranges whose scans are all under way stays theirs.
        room -= int(sum(max(0.0, left[list_range] - level) for list_range in left if not idle[list_range]))
        while room > 0 or not self._in_flight:
            able = [
                list_range
                for list_range in left
                if idle[list_range] and left[list_range] > (level if self._in_flight else 0)
            ]
            if not able:
                break
            longest = max(able, key=left.__getitem__)
            self._send(idle[longest].pop(0))
            left[longest] -= 1
            room -= 1
        return False

    def _pages_left(self, list_range: Range) -> float | None:
        """Pages that a range needs besides those under way, which may be going to close its gap; ``None`` where only
        they will show."""
        in_flight = sum(request.in_flight for request in self._requests_of(list_range))
        if list_range.done:
            return 0.0
        if not in_flight:
            return max(1.0, list_range.expected / PAGE)
        return max(0.0, list_range.expected / PAGE - in_flight) if list_range.expected else None

    def _requests_of(self, list_range: Range) -> list[_ScanRequest]:
        return [self._requests[scan] for scan in (list_range.left, list_range.right) if scan in self._requests]

    def _read_around(self, list_range: Range, hot_second: Range) -> None:
        """Let the scans that are stuck in one second start again behind it."""
        current = (list_range.left, list_range.right)
        for scan, request in list(self._requests.items()):
            if request.list_range is list_range and scan not in current:
                self._end(scan)
        list_range.low, list_range.high = list_range.left.frontier, list_range.right.frontier
        self._start_missing(list_range)
        self.open(hot_second)

    def _reinforce(self) -> None:
        """Give the widest gap another pair of scans when connections are idle, and requests are not what is scarce."""
        if not self._bidirectional or self._scarce or self._in_flight > self.pool.concurrency - 2:
            return
        if self._splits >= self.stats.pages * _SPLITS_PER_PAGE:
            return
        widest = max(self._ranges, key=lambda list_range: list_range.expected, default=None)
        if widest is None or widest.expected < _WORTH_SPLITTING:
            return
        at = split_point(widest)
        if at is not None:
            self._splits += 1
            self.split(widest, at)

    # ---- parts

    def _keep(self, request: _ScanRequest, page: Page, taken: Sequence[int]) -> None:
        if self._known:
            taken = [at for at in taken if self._known.get(page.keys[at].id) != page.keys[at].update_time]
        if not taken:
            return
        whole = len(taken) == len(page)
        records = page.records if whole else [page.records[index] for index in taken]
        keys = page.keys if whole else [page.keys[index] for index in taken]
        self.stats.records += len(keys)
        self._unwritten.append(
            partial(self._write, request.stream, request.order, records, keys, request.resume_info())
        )

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

    def _close(self, list_range: Range) -> None:
        """End a range that is read. What is known of the second where its scans met is in two parts, and only the
        second of them can say that nothing of it is left."""
        self._end(list_range.left)
        if list_range.axis == "time" and list_range.left.boundary is not None:
            list_range.right.frontier = min(list_range.right.frontier, list_range.left.frontier)
        self._end(list_range.right)

    def _end(self, scan: RangeScan) -> None:
        request = self._requests.pop(scan, None)
        if request is not None:
            self._unwritten.append(partial(self.landing.finish, request.stream, request.resume_info()))


def query(entity: Entity, list_range: Range, *, ascending: bool) -> dict[str, Any]:
    """The parameters that list a range from one of its ends."""
    parameters = sorting(entity, "update_time" if list_range.axis == "time" else "id", ascending=ascending)
    if list_range.second is not None:
        return parameters | {
            "updated_since": rfc3339(list_range.second),
            "updated_until": rfc3339(list_range.second + 1),
        }
    if list_range.axis == "time":
        return parameters | {"updated_since": rfc3339(list_range.low), "updated_until": rfc3339(list_range.high)}
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

"""Reading an entity's list: many requests at once, every record once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty
from typing import Any

from airflow_provider_pipedrive.client.paging import Position, Walk
from airflow_provider_pipedrive.errors import PipedriveValidationError
from airflow_provider_pipedrive.extraction.reading.awaited import AwaitedPages
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Page, next_position
from airflow_provider_pipedrive.extraction.reading.queries import range_query
from airflow_provider_pipedrive.extraction.reading.ranges import PAGE, Range, RangeScan, fair_share_level, split_point
from airflow_provider_pipedrive.extraction.reading.write_queue import WriteQueue

log = logging.getLogger(__name__)
_WORTH_SPLITTING = 4 * PAGE
_SPLITS_PER_PAGE = 0.03
_MOST_UNWRITTEN = 2
"""Pages that may wait to be written while others are asked for."""
_MOST_UNWRITTEN_IF_SCARCE = 8
"""The same where requests are what is scarce: each must start as soon as it may."""
_LOOK_AGAIN = 0.005
"""Seconds after which the rate limit may have room again for what was held back."""


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
    """Reads ranges of one entity's list into its sink.

    :param bidirectional: False: from the front only, on one connection
    :param known: records to leave out, by id, unless they have another time of last update
    :ivar connections: requests at once: gaps are split until there are so many
    """

    def __init__(
        self,
        reading: EntityRead,
        *,
        bidirectional: bool = True,
        known: Mapping[Identity, datetime] | None = None,
    ) -> None:
        self._pool = reading.pool
        self._entity = reading.entity
        self._stats = reading.stats
        paging = reading.entity.listing.paging
        self.parameters = {"limit": min(PAGE, paging.max_limit) if paging else PAGE, **reading.query}
        self._bidirectional = bidirectional
        self.connections = reading.pool.concurrency
        self._known = known or {}
        self._requests: dict[RangeScan, _ScanRequest] = {}
        self._ranges: list[Range] = []
        self._awaited = AwaitedPages(self._pool, self._entity, self._stats, self._is_wanted)
        self._splits = 0
        self._scarce = False
        self._unwritten = WriteQueue(reading.sink)

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
        while self._awaited:
            self._pool.on_progress()
            most = _MOST_UNWRITTEN_IF_SCARCE if self._scarce else _MOST_UNWRITTEN
            self._unwritten.work_while(lambda: not self._awaited.has_come or len(self._unwritten) > most)  # noqa: B023 - called at once
            failure = self._take_answer(failure)
            if failure is None:
                self._awaited.send_held(len(self._unwritten))
                all_asked = self._ask_for_next()
                self._reinforce()
                if at_last is not None and all_asked:
                    at_last()
                    at_last = None
            else:
                self._awaited.forget_held()
        for request in self._requests.values():
            self._unwritten.finish(request.stream, request.resume_info())
        self._unwritten.end()
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
        walk = Walk(self._entity.listing, self.parameters["limit"], position)
        request = _ScanRequest(list_range, scan, parameters, walk, scan.frontier, resumed=bool(position))
        self._requests[scan] = request
        return request

    def _start(self, list_range: Range, scan: RangeScan) -> None:
        parameters = {**self.parameters, **range_query(self._entity, list_range, ascending=scan.ascending)}
        self._send(self._request(list_range, scan, parameters, list_range.positions.get(scan.ascending)))

    def _start_missing(self, list_range: Range) -> None:
        for scan in self._scans(list_range):
            if scan not in self._requests and not list_range.done:
                self._start(list_range, scan)

    def _send(self, request: _ScanRequest) -> None:
        request.in_flight = True
        self._awaited.ask(request, {**request.parameters, **request.walk.position}, len(self._unwritten))

    def _is_wanted(self, request: _ScanRequest) -> bool:
        """Whether its stretch is not read by other requests meanwhile."""
        return self._requests.get(request.scan) is request

    def _take_answer(self, failure: BaseException | None) -> BaseException | None:
        """Take what has come, if anything came in time; what is to be raised. It keeps no page while it waits."""
        try:
            request, page, error = self._awaited.take(_LOOK_AGAIN if self._scarce else 1)
        except Empty:
            return failure
        raised = self._answered(request, page, error, continuing=failure is None)
        return failure or raised

    def _answered(
        self, request: _ScanRequest, page: Page | None, error: BaseException | None, *, continuing: bool
    ) -> BaseException | None:
        """Take what a request brought; what is to be raised for it."""
        request.in_flight = False
        if not self._is_wanted(request):
            return None
        if page is None:
            return self._failed(request, error)
        self._take(request, page, continuing=continuing)
        return None

    def _failed(self, request: _ScanRequest, error: BaseException | None) -> BaseException | None:
        """What is to be raised for a request that failed: nothing where only an old cursor is no longer taken."""
        if request.resumed and isinstance(error, PipedriveValidationError):
            log.info("%s: a cursor of the run before is no longer taken: reading again up to it.", self._entity.name)
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
        room = self._pool.client.room
        usual = sum(left.values()) / len(left)
        level = fair_share_level([*left.values(), *[usual] * unknown], room)
        self._scarce = level > 0
        idle = {
            list_range: [request for request in self._requests_of(list_range) if not request.in_flight]
            for list_range in left
        }
        # What is due to ranges whose scans are all under way stays theirs.
        room -= int(sum(max(0.0, left[list_range] - level) for list_range in left if not idle[list_range]))
        while room > 0 or not self._awaited:
            able = [
                list_range
                for list_range in left
                if idle[list_range] and left[list_range] > (level if self._awaited else 0)
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
        if not self._bidirectional or self._scarce or len(self._awaited) > self.connections - 2:
            return
        if self._splits >= self._stats.pages * _SPLITS_PER_PAGE:
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
        kept = page if len(taken) == len(page) else page.only(taken)
        self._stats.records += len(kept)
        self._unwritten.write(request.stream, request.order, kept.records, kept.keys, request.resume_info())

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
            self._unwritten.finish(request.stream, request.resume_info())

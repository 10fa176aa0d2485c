"""How a list is read from several places at once. Pure: told what a page held, it says what is still open.

A *range* is a stretch of a list on one axis, whole seconds of the last update or ids, read by two *scans* towards each
other, each following its own cursors. What is between them is the *gap*; where the scans have crossed, the range is
read. A gap can be split: two new scans begin in its middle. Nothing here makes up a cursor, and nothing depends on how
a list orders the records of one second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_pipedrive.client.paging import Position
from airflow_provider_pipedrive.errors import PipedriveResponseError
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Key

Axis = Literal["time", "id"]
PAGE = 500
OPEN_END = 2**62
"""Beyond every second and every id."""
_LEAST_STRETCH = 6  # pages
_QUICKEST_PAGE = 0.0035  # seconds from its last byte until its records are written, raw and narrow
_STEPS = 40


@dataclass(eq=False)
class RangeScan:
    """One walk through a range, from one of its ends.

    :ivar ascending: from the low end, else from the high end
    :ivar frontier: everything between where it began and here, it has taken itself: whoever continues from its parts
        need not know of any other scan
    :ivar boundary: the second beyond, of which it may have taken a part, with the ids of that part
    :ivar density: records per second or id of its last page
    :ivar finished: it has met the other scan, or its list has come to its end
    """

    ascending: bool
    frontier: int
    boundary: int | None = None
    boundary_ids: set[Identity] = field(default_factory=set)
    density: float = 0.0
    finished: bool = False


@dataclass(eq=False)
class Range:
    """A stretch ``[low, high)`` of a list.

    :ivar second: for an axis of ids: the one second of last update that it is about, None for the whole list
    :ivar known: ids that were taken before it was made
    :ivar positions: where an earlier run's scans were, the ascending one under True
    """

    axis: Axis
    low: int
    high: int
    second: int | None = None
    known: set[Identity] = field(default_factory=set)
    positions: dict[bool, Position] = field(default_factory=dict)
    left: RangeScan = field(init=False)
    right: RangeScan = field(init=False)

    def __post_init__(self) -> None:
        self.left = RangeScan(True, self.low)
        self.right = RangeScan(False, self.high)

    @property
    def done(self) -> bool:
        """Whether everything in it has been taken."""
        return self.left.finished or self.right.finished or self.left.frontier >= self.right.frontier

    @property
    def expected(self) -> float:
        """About how many records are still open, going by the last pages of its scans; 0 before the first."""
        if self.done:
            return 0.0
        known = [scan.density for scan in (self.left, self.right) if scan.density]
        return (self.right.frontier - self.left.frontier) * sum(known) / len(known) if known else 0.0

    @property
    def start(self) -> int:
        """Its place among the ranges, in seconds or ids."""
        return self.low if self.second is None else self.second

    def take(self, scan: RangeScan, keys: Sequence[Key], *, more: bool) -> Sequence[int]:
        """Note a page of one scan.

        :param more: whether its list continues after it
        :returns: the positions in ``keys`` that nobody has taken yet
        :raises PipedriveResponseError: the page is not in the order that was asked for
        """
        places = [self._place(key) for key in keys]
        if places != sorted(places, reverse=not scan.ascending):
            raise PipedriveResponseError(
                "Pipedrive answered a page that is not in the order that was asked for: a list cannot be read from "
                "several places at once."
            )
        taken = self._untaken(keys, places)
        if places:
            scan.density = len(places) / (abs(places[-1] - places[0]) + 1)
        if places or not more:  # an empty page that promises more says nothing
            self._advance(scan, [(keys[at].id, places[at]) for at in taken], places[-1] if places and more else None)
        return taken

    def split(self, at: int) -> Range:
        """Give the stretch from ``at`` on to a new range: the present right scan continues there."""
        rest = Range(self.axis, at, self.high, self.second)
        rest.right = self.right
        self.high = at
        self.right = RangeScan(False, at)
        return rest

    def split_hot_second(self, scan: RangeScan) -> Range | None:
        """Where ``scan`` is stuck within one second with more than a page of records: that second as a range of its
        own, to be read by id. The scan must start again behind it."""
        second = scan.boundary
        if self.axis != "time" or self.done or second is None or len(scan.boundary_ids) < PAGE:
            return None
        hot_second = Range("id", 0, OPEN_END, second)
        hot_second.known = {
            identity for each in (self.left, self.right) if each.boundary == second for identity in each.boundary_ids
        }
        for each in (self.left, self.right):
            if each is scan or each.boundary == second:
                beyond = RangeScan(each.ascending, second + 1 if each.ascending else second)
                if each is self.left:
                    self.left = beyond
                else:
                    self.right = beyond
        return hot_second

    def _place(self, key: Key) -> int:
        if self.axis == "id":
            if type(key.id) is not int:
                raise PipedriveResponseError(f"A whole number was expected as id, not {key.id!r}.")
            return key.id
        if key.update_time is None:
            raise PipedriveResponseError("A record without update_time came in a window of last updates.")
        return int(key.update_time.timestamp())

    def _untaken(self, keys: Sequence[Key], places: Sequence[int]) -> Sequence[int]:
        low, high = self.left.frontier, self.right.frontier
        if not places:
            return ()
        first, last = min(places[0], places[-1]), max(places[0], places[-1])
        boundaries = [
            (scan.boundary, scan.boundary_ids) for scan in (self.left, self.right) if scan.boundary is not None
        ]
        if (
            low <= first
            and last < high
            and not self.known
            and not any(first <= boundary <= last for boundary, _ in boundaries)
        ):
            return range(len(places))
        return [
            index
            for index, (key, place) in enumerate(zip(keys, places, strict=True))
            if low <= place < high
            and key.id not in self.known
            and not any(place == boundary and key.id in ids for boundary, ids in boundaries)
        ]

    def _advance(self, scan: RangeScan, taken: Sequence[tuple[Identity, int]], last: int | None) -> None:
        """Move a scan on to the last place of its page, None for the end of its list, but not beyond the other's."""
        other = self.right if scan.ascending else self.left
        reached = last
        if last is None or (last >= other.frontier if scan.ascending else last < other.frontier):
            scan.finished = True
            reached = other.boundary
        if reached is None:
            scan.frontier, scan.boundary = other.frontier, None
        elif self.axis == "id":
            # A list that is read again from its beginning does not open what was taken before.
            scan.frontier = max(scan.frontier, reached + 1) if scan.ascending else min(scan.frontier, reached)
        else:
            ids = {identity for identity, place in taken if place == reached}
            scan.boundary_ids = ids | scan.boundary_ids if scan.boundary == reached else ids
            scan.boundary = reached
            scan.frontier = reached if scan.ascending else reached + 1


def estimate_update_times(front: Sequence[int], back: Sequence[int]) -> list[int]:
    """Seconds of last update as a list may have them, spread like its records.

    What happens between its ends is taken to change steadily from the one to the other. So it is right for a list whose
    records were last updated in the order of their ids, for one whose records are all updated alike, and in between.
    Where it is wrong, ranges that prove long are split while they are read.

    :param front: the seconds of its first page by id
    :param back: of its last
    :returns: sorted; empty where one of the ends has none
    """
    if not front or not back:
        return []
    pairs = list(zip(_quantiles(front), _quantiles(back), strict=True))
    return sorted(int(one + (other - one) * (step + 0.5) / _STEPS) for one, other in pairs for step in range(_STEPS))


def _quantiles(seconds: Sequence[int]) -> list[int]:
    ordered = sorted(seconds)
    return [ordered[int((step + 0.5) * len(ordered) / _STEPS)] for step in range(_STEPS)]


def useful_connections(concurrency: int, took: float) -> int:
    """How many requests at once bring anything: no more than the pages that can be taken while one is under way.

    :param took: seconds of a request
    """
    return max(2, min(concurrency, round(took / _QUICKEST_PAGE)))


def split_points(seconds: Sequence[int], pages: float, connections: int) -> list[int]:
    """Where to cut a list's history, so that all stretches take about as long.

    At most once for every six pages: where two scans meet, half a page is read in vain.

    :param seconds: sorted seconds of last update that stand for all
    :param pages: how many the list has
    :param connections: requests at once
    :returns: the seconds between stretches of about equal size
    """
    stretches = round(min(connections / 2, pages / _LEAST_STRETCH))
    return sorted({seconds[len(seconds) * index // stretches] for index in range(1, stretches)}) if seconds else []


def fair_share_level(pages: Sequence[float], amount: float) -> float:
    """The level to which all ranges can be brought by taking ``amount`` pages from those that have most; 0 where that
    is enough for all of them."""
    ordered = sorted(pages, reverse=True)
    total = 0.0
    for count, (each, following) in enumerate(zip(ordered, [*ordered[1:], 0.0], strict=True), start=1):
        total += each
        if total - amount >= count * following:
            return max(0.0, (total - amount) / count)
    return 0.0


def split_point(list_range: Range) -> int | None:
    """Where to split a gap, so that about as much lies on either side; None where it is too narrow."""
    low, high = list_range.left.frontier + 1, list_range.right.frontier - 1
    if list_range.axis != "time" or high - low < 2:
        return None
    left, right = list_range.left.density or 1e-9, list_range.right.density or 1e-9
    return min(max(low + round((high - low) * right / (left + right)), low + 1), high - 1)

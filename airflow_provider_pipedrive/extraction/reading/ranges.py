"""How a list is read from several places at once. Pure: told what a page held, it says what is still open.

A *region* is a stretch of a list on one axis, whole seconds of the last update or ids, read by two *heads* towards each
other, each following its own cursors. What lies between them is the *gap*; where the heads have crossed, the region is
read. A gap can be split: two new heads begin in its middle. Nothing here makes up a cursor, and nothing depends on how
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
_LEAST_STRETCH = 8  # pages
_STEPS = 40


@dataclass(eq=False)
class Head:
    """One walk through a region, from one of its ends.

    :ivar ascending: from the low end, else from the high end
    :ivar frontier: everything between where it began and here, it has taken itself: whoever goes on from its parts
        need not know of any other head
    :ivar edge: the second beyond, of which it may have taken a part, with the ids of that part
    :ivar density: records per second or id of its last page
    :ivar finished: it has met the other head, or its list has come to its end
    """

    ascending: bool
    frontier: int
    edge: int | None = None
    edge_ids: set[Identity] = field(default_factory=set)
    density: float = 0.0
    finished: bool = False


@dataclass(eq=False)
class Region:
    """A stretch ``[low, high)`` of a list.

    :ivar second: for an axis of ids: the one second of last update that it is about, None for the whole list
    :ivar known: ids that were taken before it was made
    :ivar positions: where an earlier run's heads stood, the ascending one under True
    """

    axis: Axis
    low: int
    high: int
    second: int | None = None
    known: set[Identity] = field(default_factory=set)
    positions: dict[bool, Position] = field(default_factory=dict)
    left: Head = field(init=False)
    right: Head = field(init=False)

    def __post_init__(self) -> None:
        self.left = Head(True, self.low)
        self.right = Head(False, self.high)

    @property
    def done(self) -> bool:
        """Whether everything in it has been taken."""
        return self.left.finished or self.right.finished or self.left.frontier >= self.right.frontier

    @property
    def expected(self) -> float:
        """About how many records are still open, going by the last pages of its heads; 0 before the first."""
        if self.done:
            return 0.0
        known = [head.density for head in (self.left, self.right) if head.density]
        return (self.right.frontier - self.left.frontier) * sum(known) / len(known) if known else 0.0

    @property
    def start(self) -> int:
        """Its place among the regions, in seconds or ids."""
        return self.low if self.second is None else self.second

    def take(self, head: Head, keys: Sequence[Key], *, more: bool) -> Sequence[int]:
        """Note a page of one head.

        :param more: whether its list goes on after it
        :returns: the positions in ``keys`` that nobody has taken yet
        :raises PipedriveResponseError: the page is not in the order that was asked for
        """
        places = [self._place(key) for key in keys]
        if places != sorted(places, reverse=not head.ascending):
            raise PipedriveResponseError(
                "Pipedrive answered a page that is not in the order that was asked for: a list cannot be read from "
                "several places at once."
            )
        taken = self._untaken(keys, places)
        if places:
            head.density = len(places) / (abs(places[-1] - places[0]) + 1)
        if places or not more:  # an empty page that promises more says nothing
            self._advance(head, [(keys[at].id, places[at]) for at in taken], places[-1] if places and more else None)
        return taken

    def split(self, at: int) -> Region:
        """Give the stretch from ``at`` on to a new region: the present right head goes on there."""
        rest = Region(self.axis, at, self.high, self.second)
        rest.right = self.right
        self.high = at
        self.right = Head(False, at)
        return rest

    def carve(self, head: Head) -> Region | None:
        """Where ``head`` is stuck within one second with more than a page of records: that second as a region of its
        own, to be read by id. The head must begin anew behind it."""
        second = head.edge
        if self.axis != "time" or self.done or second is None or len(head.edge_ids) < PAGE:
            return None
        lump = Region("id", 0, OPEN_END, second)
        lump.known = {identity for each in (self.left, self.right) if each.edge == second for identity in each.edge_ids}
        for each in (self.left, self.right):
            if each is head or each.edge == second:
                beyond = Head(each.ascending, second + 1 if each.ascending else second)
                if each is self.left:
                    self.left = beyond
                else:
                    self.right = beyond
        return lump

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
        edges = [(head.edge, head.edge_ids) for head in (self.left, self.right) if head.edge is not None]
        if low <= first and last < high and not self.known and not any(first <= edge <= last for edge, _ in edges):
            return range(len(places))
        return [
            index
            for index, (key, place) in enumerate(zip(keys, places, strict=True))
            if low <= place < high
            and key.id not in self.known
            and not any(place == edge and key.id in ids for edge, ids in edges)
        ]

    def _advance(self, head: Head, taken: Sequence[tuple[Identity, int]], last: int | None) -> None:
        """Move a head on to the last place of its page, None for the end of its list, but not beyond the other's."""
        other = self.right if head.ascending else self.left
        reached = last
        if last is None or (last >= other.frontier if head.ascending else last < other.frontier):
            head.finished = True
            reached = other.edge
        if reached is None:
            head.frontier, head.edge = other.frontier, None
        elif self.axis == "id":
            # A list that is read again from its beginning does not open what was taken before.
            head.frontier = max(head.frontier, reached + 1) if head.ascending else min(head.frontier, reached)
        else:
            ids = {identity for identity, place in taken if place == reached}
            head.edge_ids = ids | head.edge_ids if head.edge == reached else ids
            head.edge = reached
            head.frontier = reached if head.ascending else reached + 1


def likely_seconds(front: Sequence[int], back: Sequence[int]) -> list[int]:
    """Seconds of last update as a list may have them, spread like its records.

    What happens between its ends is taken to change steadily from the one to the other. So it is right for a list whose
    records were last updated in the order of their ids, for one whose records are all updated alike, and in between.
    Where it is wrong, regions that prove long are split while they are read.

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


def cuts(seconds: Sequence[int], pages: float, concurrency: int) -> list[int]:
    """Where to cut a list's history, so that all stretches take about as long.

    At most once for every eight pages: where two heads meet, half a page is read in vain.

    :param seconds: sorted seconds of last update that stand for all
    :param pages: how many the list has
    :param concurrency: requests at once
    :returns: the seconds between stretches of about equal size
    """
    stretches = round(min(concurrency / 2, pages / _LEAST_STRETCH))
    return sorted({seconds[len(seconds) * index // stretches] for index in range(1, stretches)}) if seconds else []


def waterline(pages: Sequence[float], amount: float) -> float:
    """The level to which all regions can be brought by taking ``amount`` pages from those that have most; 0 where that
    is enough for all of them."""
    ordered = sorted(pages, reverse=True)
    total = 0.0
    for count, (each, following) in enumerate(zip(ordered, [*ordered[1:], 0.0], strict=True), start=1):
        total += each
        if total - amount >= count * following:
            return max(0.0, (total - amount) / count)
    return 0.0


def middle(region: Region) -> int | None:
    """Where to split a gap, so that about as much lies on either side; None where it is too narrow."""
    low, high = region.left.frontier + 1, region.right.frontier - 1
    if region.axis != "time" or high - low < 2:
        return None
    left, right = region.left.density or 1e-9, region.right.density or 1e-9
    return min(max(low + round((high - low) * right / (left + right)), low + 1), high - 1)

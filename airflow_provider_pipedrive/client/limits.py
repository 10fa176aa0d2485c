"""Staying below Pipedrive's limits before Pipedrive enforces them.

Limits belong to a credential, not to a client object, so every client of this process that uses the same host and
credential shares one :class:`Limits`, and all processes of a user on one machine share its pace (:mod:`.shared_pace`).
Machines do not see each other, but Pipedrive's answers say what is left of its window: where others fill it too, each
machine takes the share that it had, before any is refused. After a 429 it takes less, and slowly more again.
https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from array import array
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite

from airflow_provider_pipedrive.client.settings import ApiToken, Settings
from airflow_provider_pipedrive.client.shared_pace import SharedPace

WINDOW = 2.0
"""Seconds of Pipedrive's rolling window."""
_SPACING = 1.01  # a request may reach Pipedrive later than it was sent: leave a little room in the window
_WIDTH = WINDOW * _SPACING
_NOTICED = 0.01
"""Seconds of delay that the room left in the window makes up for."""
_CUT = 0.8
_REGAINED = 1.1
_LEAST_SHARE = 0.02
"""A machine's share of the limit shrinks to 80 % after a 429, and grows by a tenth in each window after it."""
_SCARCE, _OTHERS = 0.06, 0.15
"""Machines share a window where less than that part of it is left, and others have used that much. A little of what
seems to be others' may be this machine's own, on its way for longer."""
_LEFT_FREE = 0.03
"""The part that they leave free then, for those that begin."""
_PLENTY, _TAKEN, _PATIENCE = 0.25, 0.3, 3
"""A machine that has a share takes 0.3 of what is left, where that is a quarter of the limit, every third window.
It takes all where nobody else has used any of it: the others have ended. One that takes a share sends one in each
window at least, so it is seen."""
_REMEMBERED = 0.25
"""Seconds for which starts are remembered beyond the window: an answer is held against those when it was asked for."""
LONGEST_PAUSE = 10.0
"""Seconds that a 429 pauses all requests at most."""
_TOGETHER, _MOMENT = 8, 0.02
"""So many starts are reserved at once where as many were asked for within these seconds. For as long, what the shared
file said is believed."""
_FARTHEST = 300.0
_FORMAT, _HEAD = 2.0, 9
_LIMIT, _LEFT = re.compile("[1-9][0-9]{0,5}"), re.compile("[0-9]{1,6}")
SEARCH_LIMIT = 10
API_TOKEN_LIMIT = 20
OAUTH_LIMIT = 80


class RollingWindow:
    """At most ``limit`` starts in any window. Knows no clock: it is told the time."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.starts: array[float] = array("d")  # as the shared file has them

    def next_start(self, earliest: float, share: float = 1.0) -> float:
        """The next free start (seconds on the caller's clock). Where others have a share, starts are spread evenly: a
        burst would meet theirs.

        :param share: the part of the limit that may be used
        """
        if share < 1 and self.starts:
            earliest = max(earliest, self.starts[-1] + _WIDTH / self._part(share))
        return max(earliest, self._free_after(len(self.starts), share))

    def postponed(self, start: float, share: float = 1.0) -> float:
        """The start of a request that has none yet here, no earlier than ``start``: others may have arrived later than
        they were to, and leave the window later too. Those that start after it look for themselves."""
        return max(start, self._free_after(bisect_right(self.starts, start), share))

    def stands(self, start: float, share: float = 1.0) -> bool:
        """Whether a start that was taken is as free as it was then."""
        return self._free_after(bisect_left(self.starts, start), share) <= start

    def room(self, now: float, share: float = 1.0) -> int:
        """How many may start at once."""
        return max(0, self._part(share) - sum(start > now - _WIDTH for start in self.starts))

    def _part(self, share: float) -> int:
        """How many of the limit a share is; one at least."""
        return max(1, int(self.limit * share))

    def _free_after(self, before: int, share: float) -> float:
        """When the first of the starts that fill the window leaves it, after so many starts."""
        limit = self._part(share)
        return self.starts[before - limit] + _WIDTH if before >= limit else float("-inf")

    def take(self, start: float, now: float) -> None:
        """Note that a request starts then; what has left the window ``now`` is forgotten."""
        insort(self.starts, start)  # a search waits for its own window: a later request may start before it
        del self.starts[: bisect_left(self.starts, now - _WIDTH - _REMEMBERED)]

    def between(self, first: float, last: float) -> int:
        """How many started in that time."""
        return bisect_right(self.starts, last) - bisect_left(self.starts, first)

    def settle(self, start: float, arrived: float) -> None:
        """A request that was to start at ``start`` reached Pipedrive only at ``arrived``: it counts from there."""
        if arrived > start and self.give_back(start):
            insort(self.starts, arrived)

    def give_back(self, start: float) -> bool:
        """A request does not start then; whether it is known."""
        place = bisect_left(self.starts, start)
        known = place < len(self.starts) and self.starts[place] == start
        if known:
            del self.starts[place]
        return known


class Pace:
    """When requests may start: the windows, pauses, and this machine's share of the limit. Knows no clock.

    :ivar not_before: nothing starts before that
    :ivar quickest: seconds that the quickest request took
    :ivar learned_limit: requests per window as Pipedrive's headers say, 0 where they have not said it
    """

    def __init__(self, burst_limit: int) -> None:
        self.window = RollingWindow(burst_limit)
        self.search = RollingWindow(SEARCH_LIMIT)
        self.not_before = float("-inf")
        self.learned_limit = 0
        self.quickest = _FARTHEST
        self._answers = 0
        self._share = 1.0
        self._cut_at = float("-inf")

    @property
    def is_warm(self) -> bool:
        """Whether it is known how quick a request can be: those of the first window open connections, and may all be
        slow. They count from their answers."""
        return self._answers >= self.window.limit

    def share(self, now: float) -> float:
        """The part of the limit that this machine takes."""
        windows = min((now - self._cut_at) / WINDOW, _FARTHEST)
        return min(1.0, float(self._share * _REGAINED**windows))

    def reserve(self, now: float, *, search: bool) -> float:
        """When the next request starts."""
        windows = self.windows(search=search)
        earliest = max(now, self.not_before)
        start = max(window.next_start(earliest, self.share(now)) for window in windows)
        for window in windows:
            window.take(start, now)
        return start

    def give_back(self, start: float) -> None:
        """No request starts then."""
        self.window.give_back(start)

    def stands(self, start: float, now: float, *, search: bool) -> bool:
        """Whether a request may start then, for which ``start`` was reserved: there was no pause, and none was held up
        that it must leave room for."""
        share = self.share(now)
        return start >= self.not_before and all(each.stands(start, share) for each in self.windows(search=search))

    def reserve_again(self, start: float, now: float, *, search: bool) -> float:
        """When a request starts for which ``start`` was reserved, now that its time has come."""
        windows = self.windows(search=search)
        for window in windows:
            window.give_back(start)
        if start < self.not_before:
            return self.reserve(now, search=search)
        start = max(window.postponed(start, self.share(now)) for window in windows)
        for window in windows:
            window.take(start, now)
        return start

    def settle(self, start: float, took: float, *, search: bool) -> None:
        """A request took so many seconds: see :meth:`Limits.settle`."""
        self.quickest = min(self.quickest, took)
        arrived = start + took - (self.quickest if self.is_warm else 0.0)
        self._answers += 1
        for window in self.windows(search=search):
            window.settle(start, arrived)

    def pause(self, now: float, until: float) -> None:
        """Let nothing start before ``until``, and take a smaller share from then on: Pipedrive's window is full, which
        others must have filled. All 429s of one window are one sign of that."""
        self.not_before = max(self.not_before, until)
        if now > self._cut_at + _WIDTH:
            self._share, self._cut_at = max(_LEAST_SHARE, self.share(now) * _CUT), now

    def is_crowded(self, start: float, now: float, limit: int, left: int) -> bool:
        """Whether Pipedrive's window is nearly full, and others than this machine have a part in that.

        :param start: of the request whose answer says so
        :param limit: what Pipedrive takes in a window
        :param left: how much of it is left
        """
        return left < limit * _SCARCE and limit - left - self._own(start, now) >= limit * _OTHERS

    def make_room(self, start: float, now: float, limit: int, left: int) -> None:
        """Start nothing until a little is free again, and take the part of the window that this machine had of it. All
        machines see at the same time that it is full: no one is refused. The arguments are those of
        :meth:`is_crowded`."""
        if not self.is_crowded(start, now, limit, left):
            return  # other processes of this machine were the others
        self.not_before = max(self.not_before, now + (_SCARCE - left / limit) * WINDOW)
        if now > self._cut_at + _WIDTH:
            part = self._own(start, now) / (limit - left) * (1 - _LEFT_FREE) * limit / self.window.limit
            self._share, self._cut_at = max(_LEAST_SHARE, min(self.share(now), part)), now

    def is_alone(self, start: float, limit: int, left: int) -> bool:
        """Whether no other than this machine has a part in Pipedrive's window."""
        return limit - left <= self.window.between(start - _WIDTH, start)

    def has_room(self, now: float, limit: int, left: int) -> bool:
        """Whether this machine takes a part of the window only, and much of it is left."""
        return left >= limit * _PLENTY and now > self._cut_at + _PATIENCE * _WIDTH and self.share(now) < 1

    def take_more(self, start: float, now: float, limit: int, left: int) -> None:
        """Take a part of what is left, too, or all where nobody else is there. The arguments are those of
        :meth:`is_crowded`."""
        alone = self.is_alone(start, limit, left)
        part = 1.0 if alone else (self._own(start, now) + left * _TAKEN) / self.window.limit
        if self.has_room(now, limit, left) and part > self.share(now):
            self._share, self._cut_at = min(1.0, part), now

    def _own(self, start: float, now: float) -> int:
        """How many requests of this machine Pipedrive may have counted with one that started then."""
        return self.window.between(start - _WIDTH, now)

    def windows(self, *, search: bool) -> list[RollingWindow]:
        """Those that a request counts in."""
        return [self.window, self.search] if search else [self.window]

    def to_numbers(self) -> array[float]:
        """All of it as numbers, for :meth:`load`."""
        head = [_FORMAT, self.learned_limit, self.not_before, self.quickest, self._share, self._cut_at]
        head += [self._answers, len(self.window.starts), len(self.search.starts)]
        numbers = array("d", [number if isfinite(number) else 0.0 for number in head])
        return numbers + self.window.starts + self.search.starts

    def load(self, numbers: array[float], now: float) -> None:
        """Take over what another process has left. What is too far ahead was left before the machine started again."""
        if len(numbers) < _HEAD or numbers[0] != _FORMAT:
            return
        limit, not_before, quickest, share, cut_at, answers, count, search_count = numbers[1:_HEAD]
        end = _HEAD + int(count)
        starts, searches = numbers[_HEAD:end], numbers[end : end + int(search_count)]
        if any(latest > now + _FARTHEST for latest in (*starts[-1:], *searches[-1:])):
            return
        self.quickest, self._share = quickest, share
        self.learned_limit, self._answers = int(limit), int(answers)
        self.not_before = min(not_before, now + LONGEST_PAUSE)
        self._cut_at = min(cut_at, now)
        self.window.starts, self.search.starts = starts, searches


class Limits:
    """The pace of one credential. Thread-safe.

    :param shared: where processes share the pace; ``None``: this one keeps to it alone
    """

    def __init__(self, burst_limit: int, shared: SharedPace | None = None) -> None:
        self._lock = threading.Lock()
        self._shared = shared
        self._declared = False
        self._pace = Pace(burst_limit)
        self._latest = float("-inf")
        self._unsettled: deque[tuple[float, float, bool]] = deque()
        self._asked: deque[float] = deque(maxlen=_TOGETHER)
        self._ahead: deque[float] = deque()
        self._process = os.getpid()
        self._agreed_at = float("-inf")

    @property
    def burst_limit(self) -> int:
        """Requests per window."""
        return self._pace.window.limit

    @property
    def quickest(self) -> float | None:
        """Seconds that the quickest request took so far; ``None`` before the first."""
        return self._pace.quickest if self._pace.quickest < _FARTHEST else None

    def declare(self, burst_limit: int) -> None:
        """Keep to this many requests per window, whatever Pipedrive's headers allow."""
        with self._lock:
            self._declared = True
            self._pace.window.limit = burst_limit

    def reserve(self, now: float, *, search: bool) -> float:
        """When the next request may start (seconds on the caller's clock).

        Where many follow each other, a few starts are reserved at once: each look at the shared file costs as much as a
        third of a request.
        """
        with self._lock:
            self._asked.append(now)
            if not search and (start := self._reserved_before(now)) is not None:
                return start
        with self._agreed(now) as pace:
            if not search and (start := self._reserved_before(now)) is not None:  # by another thread meanwhile
                return start
            while self._ahead and not search:
                pace.give_back(self._ahead.popleft())
            start, *ahead = [pace.reserve(now, search=search) for _ in range(1 if search else self._wanted(now))]
            self._ahead.extend(ahead)
            self._latest = max(self._latest, start, *ahead)
            return start

    def _reserved_before(self, now: float) -> float | None:
        """A start that was reserved with an earlier one, and has not passed; ``None`` where there is none."""
        if self._process != os.getpid():  # those are the parent's, which this process was forked from
            self._ahead.clear()
            self._process = os.getpid()
        if self._ahead and self._ahead[0] >= max(now - _NOTICED, self._pace.not_before):
            return self._ahead.popleft()
        return None

    def _wanted(self, now: float) -> int:
        """How many starts are reserved at once: as many as were asked for a moment ago, and a fiftieth of the limit at
        most, which is kept from other processes for a moment where it is not used."""
        if self._shared is None or self._pace.share(now) < 1:
            return 1
        lately = sum(asked > now - _MOMENT for asked in self._asked)
        return max(1, min(lately, self.burst_limit // 50))

    def reserve_again(self, start: float, now: float, *, search: bool) -> float:
        """The same start, or a later one where its window is not free: there was a pause, or others were held up.

        :param start: what :meth:`reserve` returned
        """
        with self._lock:
            if now - self._agreed_at < _MOMENT and self._pace.stands(start, now, search=search):
                return start
        with self._agreed(now) as pace:
            start = pace.reserve_again(start, now, search=search)
            self._latest = max(self._latest, start)
            return start

    def room(self, now: float) -> int:
        """How many requests, searches aside, may start at once."""
        with self._agreed(now) as pace:
            return 0 if now < pace.not_before else pace.window.room(now, pace.share(now))

    def settle(self, start: float, answered: float, *, search: bool) -> None:
        """Note when an answer began: one that took longer than the quickest may have been held up on its way, so it
        counts from that much later. Those to come need no less time for their way. Where many are under way, the one
        that starts last settles all: each look at the shared file costs as much as a third of a request.

        :param start: what :meth:`reserve` returned
        :param answered: seconds on the same clock
        """
        took = answered - start
        if not (self._pace.is_warm and 0 <= took - self._pace.quickest < _NOTICED):
            self._unsettled.append((start, took, search))
        if self._unsettled and start >= self._latest:
            with self._agreed(answered):
                pass

    def pause(self, now: float, until: float) -> None:
        """Let nothing start before ``until``: Pipedrive has said that the window is full."""
        with self._agreed(now) as pace:
            pace.pause(now, until)

    def learn(self, headers: Mapping[str, str], start: float, now: float) -> None:
        """Take over what Pipedrive's headers say of the limit, and of what is left of it.

        :param start: when the request was to start whose answer has them
        """
        told, left = headers.get("x-ratelimit-limit", ""), headers.get("x-ratelimit-remaining", "")
        if not _LIMIT.fullmatch(told):
            return
        limit = int(told)
        if not self._declared and limit != self._pace.learned_limit:
            with self._agreed(now) as pace:
                pace.learned_limit = pace.window.limit = limit
        if _LEFT.fullmatch(left) and now - start < _REMEMBERED:
            self._share_window(start, now, limit, int(left))

    def _share_window(self, start: float, now: float, limit: int, left: int) -> None:
        """Share Pipedrive's window with machines that are not seen, by what an answer says is left of it."""
        if self._pace.is_crowded(start, now, limit, left):
            with self._agreed(now) as pace:
                pace.make_room(start, now, limit, left)
        elif self._pace.has_room(now, limit, left):
            with self._agreed(now) as pace:
                pace.take_more(start, now, limit, left)

    @contextmanager
    def _agreed(self, now: float) -> Iterator[Pace]:
        """The pace as all processes know it, with what was to be settled, for a block that changes it."""
        with self._lock:
            self._agreed_at = now
            if self._shared is None:
                self._settle()
                yield self._pace
                return
            with self._shared.locked() as file:
                if file is not None:
                    self._pace.load(self._shared.read(file), now)
                    if self._pace.learned_limit and not self._declared:
                        self._pace.window.limit = self._pace.learned_limit
                self._settle()
                yield self._pace
                if file is not None:
                    self._shared.write(file, self._pace.to_numbers())

    def _settle(self) -> None:
        while self._unsettled:
            start, took, search = self._unsettled.popleft()
            self._pace.settle(start, took, search=search)

    def close(self) -> None:
        """Close the file that is shared."""
        if self._shared is not None:
            self._shared.close()


_shared: dict[str, Limits] = {}
_shared_lock = threading.Lock()


def forget_limits() -> None:
    """Forget all paces that this process shares: what a new process would begin with."""
    with _shared_lock:
        for limits in _shared.values():
            limits.close()
        _shared.clear()


def limits_of(settings: Settings) -> Limits:
    """The limits shared by everything in this process that uses this host and credential."""
    key = hashlib.sha256(f"{settings.origin} {settings.identity}".encode()).hexdigest()
    default = API_TOKEN_LIMIT if isinstance(settings.credential, ApiToken) else OAUTH_LIMIT
    with _shared_lock:
        limits = _shared.setdefault(key, Limits(default, SharedPace(f"pace-{key}")))
    if settings.burst_limit is not None:
        limits.declare(settings.burst_limit)
    return limits

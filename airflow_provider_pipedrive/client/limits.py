"""Staying below Pipedrive's limits before Pipedrive enforces them.

Limits belong to a credential, not to a client object, so every client of this process that uses the same host and
credential shares one :class:`Limits`, and all processes of a user on one machine share its pace (:mod:`.shared_pace`).
Machines do not see each other: after a 429 each takes a smaller share of the limit, and slowly more again.
https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""

from __future__ import annotations

import hashlib
import re
import threading
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from math import isfinite

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.settings import ApiToken, Settings
from airflow_provider_pipedrive.client.shared_pace import SharedPace
from airflow_provider_pipedrive.errors import PipedriveDailyBudgetError

WINDOW = 2.0
"""Seconds of Pipedrive's rolling window."""
_SPACING = 1.02  # a request may reach Pipedrive later than it was sent: leave a little room in the window
_WIDTH = WINDOW * _SPACING
_NOTICED = 0.01
"""Seconds of delay that the room left in the window makes up for."""
_CUT = 0.8
_REGAINED = 1.1
_LEAST_SHARE = 0.02
"""A machine's share of the limit shrinks to 80 % after a 429, and grows by a tenth in each window after it."""
LONGEST_PAUSE = 10.0
"""Seconds that a 429 pauses all requests at most."""
_FARTHEST = 300.0
_FORMAT, _HEAD = 2.0, 9
SEARCH_LIMIT = 10
API_TOKEN_LIMIT = 20
OAUTH_LIMIT = 80


class RollingWindow:
    """At most ``limit`` starts in any window. Knows no clock: it is told the time."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.starts: array[float] = array("d")  # as the shared file has them

    def next_start(self, earliest: float, share: float = 1.0) -> float:
        """The next free start (seconds on the caller's clock).

        :param share: the part of the limit that may be used
        """
        limit = max(1, int(self.limit * share))
        return max(earliest, self.starts[-limit] + _WIDTH) if len(self.starts) >= limit else earliest

    def postponed(self, start: float, share: float = 1.0) -> float:
        """The start of a request that has none yet here, no earlier than ``start``: others may have arrived later than
        they were to, and leave the window later too. Those that start after it look for themselves."""
        limit = max(1, int(self.limit * share))
        before = bisect_right(self.starts, start)
        return max(start, self.starts[before - limit] + _WIDTH) if before >= limit else start

    def room(self, now: float, share: float = 1.0) -> int:
        """How many may start at once."""
        return max(0, max(1, int(self.limit * share)) - sum(start > now - _WIDTH for start in self.starts))

    def take(self, start: float, now: float) -> None:
        """Note that a request starts then; what has left the window ``now`` is forgotten."""
        insort(self.starts, start)  # a search waits for its own window: a later request may start before it
        del self.starts[: bisect_left(self.starts, now - _WIDTH)]

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
    """The pace and the day's tokens of one credential. Thread-safe.

    :param shared: where processes share the pace; ``None``: this one keeps to it alone
    """

    def __init__(self, burst_limit: int, shared: SharedPace | None = None) -> None:
        self._lock = threading.Lock()
        self._shared = shared
        self._declared = False
        self._pace = Pace(burst_limit)
        self._day = ""
        self._spent = 0

    @property
    def burst_limit(self) -> int:
        """Requests per window."""
        return self._pace.window.limit

    def declare(self, burst_limit: int) -> None:
        """Keep to this many requests per window, whatever Pipedrive's headers allow."""
        with self._lock:
            self._declared = True
            self._pace.window.limit = burst_limit

    def reserve(self, now: float, *, search: bool) -> float:
        """When the next request may start (seconds on the caller's clock)."""
        with self._agreed(now) as pace:
            return pace.reserve(now, search=search)

    def reserve_again(self, start: float, now: float, *, search: bool) -> float:
        """The same start, or a later one where its window is not free: there was a pause, or others were held up.

        :param start: what :meth:`reserve` returned
        """
        with self._agreed(now) as pace:
            return pace.reserve_again(start, now, search=search)

    def room(self, now: float) -> int:
        """How many requests, searches aside, may start at once."""
        with self._agreed(now) as pace:
            return 0 if now < pace.not_before else pace.window.room(now, pace.share(now))

    def settle(self, start: float, answered: float, *, search: bool) -> None:
        """Note when an answer began: one that took longer than the quickest may have been held up on its way, so it
        counts from that much later. Those to come need no less time for their way.

        :param start: what :meth:`reserve` returned
        :param answered: seconds on the same clock
        """
        took = answered - start
        if self._pace.is_warm and 0 <= took - self._pace.quickest < _NOTICED:
            return
        with self._agreed(answered) as pace:
            pace.settle(start, took, search=search)

    def pause(self, now: float, until: float) -> None:
        """Let nothing start before ``until``: Pipedrive has said that the window is full."""
        with self._agreed(now) as pace:
            pace.pause(now, until)

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """Take over what Pipedrive's headers say."""
        limit = headers.get("x-ratelimit-limit", "")
        if self._declared or not re.fullmatch(r"[1-9][0-9]{0,5}", limit) or int(limit) == self._pace.learned_limit:
            return
        with self._agreed(now) as pace:
            pace.learned_limit = pace.window.limit = int(limit)

    @contextmanager
    def _agreed(self, now: float) -> Iterator[Pace]:
        """The pace as all processes know it, for a block that changes it."""
        with self._lock:
            if self._shared is None:
                yield self._pace
                return
            with self._shared.locked() as file:
                if file is not None:
                    self._pace.load(self._shared.read(file), now)
                    if self._pace.learned_limit and not self._declared:
                        self._pace.window.limit = self._pace.learned_limit
                yield self._pace
                if file is not None:
                    self._shared.write(file, self._pace.to_numbers())

    def spend(self, tokens: int, now: float, budget: int | None, action: str | None) -> None:
        """Count ``tokens`` against the UTC day.

        :param now: seconds since the epoch
        :raises PipedriveDailyBudgetError: they would go beyond ``budget``; nothing has been counted or sent
        """
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        with self._lock:
            if day > self._day:  # never back: a clock that is set back must not grant the day's budget again
                self._day, self._spent = day, 0
            if budget is not None and self._spent + tokens > budget:
                raise PipedriveDailyBudgetError(
                    f"{action or 'This request'} costs {counted(tokens, 'API token')}, but this process has already "
                    f"spent {self._spent} of the {budget} that the connection's daily_token_budget grants it for {day} "
                    "(UTC). Raise the budget, or run again after midnight UTC.",
                    action=action,
                    retry_after=86400 - now % 86400,
                )
            self._spent += tokens

    def close(self) -> None:
        """Close the file that is shared."""
        if self._shared is not None:
            self._shared.close()

    @property
    def spent(self) -> int:
        """Tokens counted in the present UTC day."""
        return self._spent


_shared: dict[str, Limits] = {}
_shared_lock = threading.Lock()


def forget_limits() -> None:
    """Forget all paces and spent budgets that this process shares: what a new process would begin with."""
    with _shared_lock:
        for limits in _shared.values():
            limits.close()
        _shared.clear()


def limits_of(settings: Settings) -> Limits:
    """The limits shared by everything in this process that uses this host and credential."""
    credential = settings.credential
    identity = (
        f"token {credential.token}"
        if isinstance(credential, ApiToken)
        else f"oauth {credential.client_id} {credential.refresh_token or credential.access_token}"
    )
    key = hashlib.sha256(f"{settings.origin} {identity}".encode()).hexdigest()
    default = API_TOKEN_LIMIT if isinstance(credential, ApiToken) else OAUTH_LIMIT
    with _shared_lock:
        limits = _shared.setdefault(key, Limits(default, SharedPace(f"pace-{key}")))
    if settings.burst_limit is not None:
        limits.declare(settings.burst_limit)
    return limits

"""Staying below Pipedrive's limits before Pipedrive enforces them.

Limits belong to a credential, not to a client object, so every client of this process that uses the same host and
credential shares one :class:`Limits`. Other processes do not see each other: the 429 handling carries that load.
https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""

from __future__ import annotations

import hashlib
import re
import threading
from bisect import bisect_left, insort
from collections.abc import Mapping
from datetime import UTC, datetime

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.settings import ApiToken, Settings
from airflow_provider_pipedrive.errors import PipedriveDailyBudgetError

WINDOW = 2.0
"""Seconds of Pipedrive's rolling window."""
_SPACING = 1.02  # a request may reach Pipedrive later than it was sent: leave a little room in the window
SEARCH_LIMIT = 10
API_TOKEN_LIMIT = 20
OAUTH_LIMIT = 80


class RollingWindow:
    """At most ``limit`` starts in any window. Knows no clock: it is told the time."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._starts: list[float] = []
        self._not_before = 0.0

    def next_start(self, now: float) -> float:
        """The next free start (seconds on the caller's clock)."""
        start = max(now, self._not_before)
        if len(self._starts) >= self.limit:
            start = max(start, self._starts[-self.limit] + WINDOW * _SPACING)
        return start

    def room(self, now: float) -> int:
        """How many may start at once."""
        if now < self._not_before:
            return 0
        return self.limit - sum(start > now - WINDOW * _SPACING for start in self._starts)

    def take(self, start: float) -> None:
        """Note that a request starts then."""
        insort(self._starts, start)  # a search waits for its own window: a later request may start before it
        del self._starts[: -self.limit]

    def settle(self, start: float, arrived: float) -> None:
        """A request that was to start at ``start`` reached Pipedrive only at ``arrived``: it counts from there."""
        place = bisect_left(self._starts, start)
        if place < len(self._starts) and self._starts[place] == start and arrived > start:
            del self._starts[place]
            insort(self._starts, arrived)

    def pause(self, until: float) -> None:
        """Let nothing start before ``until``."""
        self._not_before = max(self._not_before, until)


class Limits:
    """The pace and the day's tokens of one credential. Thread-safe."""

    def __init__(self, burst_limit: int) -> None:
        self._lock = threading.Lock()
        self._declared = False
        self._window = RollingWindow(burst_limit)
        self._search = RollingWindow(SEARCH_LIMIT)
        self._day = ""
        self._spent = 0
        self._quickest = float("inf")

    @property
    def burst_limit(self) -> int:
        """Requests per window."""
        return self._window.limit

    def declare(self, burst_limit: int) -> None:
        """Keep to this many requests per window, whatever Pipedrive's headers allow."""
        with self._lock:
            self._declared = True
            self._window.limit = burst_limit

    def reserve(self, now: float, *, search: bool) -> float:
        """When the next request may start (seconds on the caller's clock)."""
        with self._lock:
            windows = [self._window, self._search] if search else [self._window]
            start = max(window.next_start(now) for window in windows)
            for window in windows:
                window.take(start)
            return start

    def room(self, now: float) -> int:
        """How many requests, searches aside, may start at once."""
        with self._lock:
            return self._window.room(now)

    def settle(self, start: float, answered: float, *, search: bool) -> None:
        """Note when an answer began: one that took longer than the quickest may have been held up on its way, so it
        counts from that much later. Those to come need no less time for their way.

        :param start: what :meth:`reserve` returned
        :param answered: seconds on the same clock
        """
        with self._lock:
            self._quickest = min(self._quickest, answered - start)
            for window in [self._window, self._search] if search else [self._window]:
                window.settle(start, answered - self._quickest)

    def pause(self, until: float) -> None:
        """Let nothing start before ``until``: Pipedrive has said that the window is full."""
        with self._lock:
            self._window.pause(until)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take over what Pipedrive's headers say."""
        with self._lock:
            limit = headers.get("x-ratelimit-limit", "")
            if not self._declared and re.fullmatch(r"[1-9][0-9]{0,5}", limit):
                self._window.limit = int(limit)

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

    @property
    def spent(self) -> int:
        """Tokens counted in the present UTC day."""
        return self._spent


_shared: dict[str, Limits] = {}
_shared_lock = threading.Lock()


def forget_limits() -> None:
    """Forget all paces and spent budgets that this process shares: what a new process would begin with."""
    with _shared_lock:
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
        limits = _shared.setdefault(key, Limits(default))
    if settings.burst_limit is not None:
        limits.declare(settings.burst_limit)
    return limits

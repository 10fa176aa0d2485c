"""The burst limit and the daily budget, with the headers that report them.

https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""

from __future__ import annotations

import math
from collections import defaultdict, deque

from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.state.clock import Clock
from airflow_provider_pipedrive.sandbox.state.settings import PLAN_BURST, Settings

WINDOW = 2.0
SEARCH_LIMIT = 10
UNLIMITED_BURST = 400
UNLIMITED_BUDGET = 150_000
DAY = 86_400

Headers = list[tuple[str, str]]


class Limits:
    """Rolling windows per credential, and the company's tokens of the day."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget all that was spent."""
        self._windows: dict[tuple[str, bool], deque[float]] = defaultdict(deque)
        self._day = self._today()
        self.spent = 0

    def _today(self) -> int:
        return int(self._clock.time() // DAY)

    def _burst_limit(self, credential: str) -> int | None:
        limit = self._settings.burst_limit
        if limit == "lite":
            return PLAN_BURST["oauth" if credential.startswith("oauth:") else "api_token"]
        return limit

    def charge(self, credential: str, is_search: bool, tokens: int) -> Headers:
        """Count one request and answer its headers.

        :raises Refusal: 429; the request counts neither as a request nor in tokens
        """
        now = self._clock.time()
        if self._today() != self._day:
            self._day, self.spent = self._today(), 0
        limit = self._burst_limit(credential)
        windows = [(self._window(credential, False, now), limit)]
        if is_search and limit is not None:
            windows.append((self._window(credential, True, now), min(limit, SEARCH_LIMIT)))
        for window, allowed in windows:
            if allowed is not None and len(window) >= allowed:
                wait = max(1, math.ceil(window[0] + WINDOW - now))
                raise refusals.burst(
                    [*self._burst_headers(allowed, 0, wait), *self._daily_headers(), ("retry-after", str(wait))]
                )
        budget = self._settings.daily_budget
        if budget is not None and self.spent + tokens > budget:
            raise refusals.daily(self.daily_refusal_headers())
        self.spent += tokens
        for window, _ in windows:
            window.append(now)
        window, allowed = windows[-1]
        shown = UNLIMITED_BURST if allowed is None else allowed
        return [*self._burst_headers(shown, max(0, shown - len(window)), 2), *self._daily_headers()]

    def _window(self, credential: str, search: bool, now: float) -> deque[float]:
        window = self._windows[credential, search]
        while window and window[0] <= now - WINDOW:
            window.popleft()
        return window

    @staticmethod
    def _burst_headers(limit: int, remaining: int, reset: int) -> Headers:
        return [
            ("x-ratelimit-limit", str(limit)),
            ("x-ratelimit-remaining", str(remaining)),
            ("x-ratelimit-reset", str(reset)),
        ]

    def _daily_headers(self) -> Headers:
        budget = self._settings.daily_budget
        if budget is None:
            limit, remaining = UNLIMITED_BUDGET, max(1, UNLIMITED_BUDGET - self.spent)
        else:
            limit, remaining = budget, budget - self.spent
        return [
            ("x-daily-ratelimit-token-limit", str(limit)),
            ("x-daily-ratelimit-token-remaining", str(remaining)),
        ]

    def burst_refusal_headers(self) -> Headers:
        """The headers of a 429 by the burst limit."""
        limit = self._settings.burst_limit
        shown = limit if isinstance(limit, int) else PLAN_BURST["oauth"]
        return [*self._burst_headers(shown, 0, 2), *self._daily_headers(), ("retry-after", "2")]

    def daily_refusal_headers(self) -> Headers:
        """The headers of a 429 by the daily budget. ``retry-after`` is the time until midnight UTC."""
        limit = self._settings.daily_budget or UNLIMITED_BUDGET
        until_midnight = DAY - int(self._clock.time() % DAY)
        return [
            *self._burst_headers(UNLIMITED_BURST, UNLIMITED_BURST, 2),
            ("x-daily-ratelimit-token-limit", str(limit)),
            ("x-daily-ratelimit-token-remaining", "0"),
            ("retry-after", str(until_midnight)),
        ]

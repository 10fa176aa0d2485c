"""What a client counts while it works, for whoever wants to watch it from outside."""

from __future__ import annotations

from typing import Final, Protocol

from airflow_provider_pipedrive.client.clock import Clock

COUNTED: Final = {
    "requests": "requests sent, repeats included",
    "tokens": "API tokens that they cost, by Pipedrive's table of costs",
    "rate_limited": "answers 429, of the burst limit and of the day",
    "seconds_waited": "seconds spent waiting for room in the rate limit, and before a request is repeated",
    "records_read": "records on the pages of lists, those of an extraction that come twice included",
    "records_written": "writes that Pipedrive has confirmed, deletions included",
    "rows_rejected": "rows of bulk writes, and groups of merges, that were set aside",
}
"""What is counted, and what it means."""


class Metrics(Protocol):
    """Takes note of what a client counts. Thread-safe."""

    def count(self, name: str, number: float = 1) -> None:
        """Add to a count.

        :param name: one of :data:`COUNTED`
        """


class NoMetrics:
    """Nobody watches."""

    def count(self, name: str, number: float = 1) -> None:
        """Nothing is noted."""


class CountedWaits:
    """A clock that counts the seconds that are waited by it."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self.time = clock.time
        self.monotonic = clock.monotonic

    def sleep(self, seconds: float) -> None:
        """Wait, and count it."""
        self._clock.sleep(seconds)
        self._metrics.count("seconds_waited", seconds)

"""Counting what a client has done, and what it still may."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.metrics import Metrics, NoMetrics
from airflow_provider_pipedrive.client.prepared import PreparedRequest
from airflow_provider_pipedrive.errors import PipedriveTokenCapError


@dataclass
class Usage:
    """What a client has done: ``requests`` sent, ``pages`` and ``records`` read, API ``tokens`` counted, ``seconds``
    spent in requests and waits."""

    requests: int = 0
    pages: int = 0
    records: int = 0
    tokens: int = 0
    seconds: float = 0.0


class Meter:
    """Counts a client's requests. Thread-safe.

    :param metrics: is told of what is counted
    :ivar token_cap: API tokens of :attr:`usage` that may not be exceeded, None for no cap
    :ivar tokens_left: API tokens that the company has left today, where Pipedrive says so
    """

    def __init__(self, metrics: Metrics | None = None) -> None:
        self.metrics = metrics or NoMetrics()
        self.usage = Usage()
        self.token_cap: int | None = None
        self.tokens_left: int | None = None
        self._dated = ("", 0.0)
        self._lock = threading.Lock()

    @property
    def server_ahead(self) -> float | None:
        """Seconds by which Pipedrive's clock is ahead, by the last response; ``None`` before the first."""
        date, read_at = self._dated
        try:
            return parsedate_to_datetime(date).timestamp() - read_at
        except ValueError:
            return None

    def check(self, request: PreparedRequest) -> None:
        """Whether the cap lets a request be sent.

        :raises PipedriveTokenCapError: it does not
        """
        with self._lock:
            self._refuse_above_cap(request)

    def count(self, request: PreparedRequest) -> None:
        """Count a request that is about to be sent.

        :raises PipedriveTokenCapError: others have used up the cap meanwhile
        """
        with self._lock:
            self._refuse_above_cap(request)
            self.usage.tokens += request.cost
            self.usage.requests += 1
        self.metrics.count("requests")
        self.metrics.count("tokens", request.cost)

    def add_seconds(self, seconds: float) -> None:
        """Count time."""
        with self._lock:
            self.usage.seconds += seconds

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """Take note of what a response says of the day and of Pipedrive's clock.

        :param now: seconds since the epoch
        """
        left = headers.get("x-daily-ratelimit-token-remaining", "")
        if left.isdigit():
            self.tokens_left = int(left)
        if "date" in headers:
            self._dated = headers["date"], now

    def _refuse_above_cap(self, request: PreparedRequest) -> None:
        if self.token_cap is not None and self.usage.tokens + request.cost > self.token_cap:
            left = max(self.token_cap - self.usage.tokens, 0)
            raise PipedriveTokenCapError(
                f"The next request costs {counted(request.cost, 'API token')}, and {left or 'nothing'} is left of the "
                "run's max_tokens. What was read so far is kept: run it again, with a higher max_tokens or on another "
                "day, and it continues there.",
                action=request.operation.key,
                retryable=True,
            )

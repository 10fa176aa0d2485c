"""Repeating a request: after which errors, how often, and with how long a wait in between."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import tenacity

from airflow_provider_pipedrive.client.limits import WINDOW
from airflow_provider_pipedrive.client.responses import LONGEST_WAIT, Operation, may_repeat, wait_before
from airflow_provider_pipedrive.errors import PipedriveBurstLimitError, PipedriveError

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from airflow_provider_pipedrive.client.clock import Clock
    from airflow_provider_pipedrive.client.limits import Limits

log = logging.getLogger(__name__)
T = TypeVar("T")
BURST_PATIENCE = 120.0
"""Seconds that one request waits for room in the rate limit, which it may share with many other processes: a 429 was
not carried out, so it counts as no attempt."""


def with_retries(call: Operation, attempt: Callable[[int], T], *, max_attempts: int, limits: Limits, clock: Clock) -> T:
    """``attempt`` until it succeeds, may not be repeated, or has been tried often enough.

    :param attempt: is told how many full rate-limit windows have been waited
    :param max_attempts: how often it may fail, full windows aside; 1: they are not waited for either
    :param limits: is told to pause while a window is full
    :raises PipedriveError: what the last attempt raised
    """
    waits = _Waits(max_attempts, limits, clock)
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, PipedriveError) and may_repeat(call, error)),
        stop=waits.are_enough,
        wait=waits.next,
        sleep=clock.sleep,
        before_sleep=_log_retry(call),
        reraise=True,
    )(lambda: attempt(waits.windows))


class _Waits:
    """What one request has waited for so far.

    :ivar windows: full windows of the rate limit
    """

    def __init__(self, max_attempts: int, limits: Limits, clock: Clock) -> None:
        self.windows = 0
        self._bursts = 0
        self._waited_for_room = 0.0
        self._max_attempts = max_attempts
        self._limits = limits
        self._clock = clock

    def next(self, state: RetryCallState) -> float:
        """Seconds to wait before the next attempt."""
        error = _error_of(state)
        seconds = wait_before(error, state.attempt_number - self._bursts) if isinstance(error, PipedriveError) else 0.0
        spread = seconds / 4  # so that workers don't come back together
        if isinstance(error, PipedriveBurstLimitError):
            self._bursts += 1
            self.windows += int(seconds // WINDOW)
            spread = min(WINDOW * self._bursts, LONGEST_WAIT)  # the more of them there are, the wider
            self._limits.pause(self._clock.monotonic() + seconds)
        seconds += random.uniform(0, spread)
        self._waited_for_room += seconds
        return seconds

    def are_enough(self, state: RetryCallState) -> bool:
        """Whether there is no further attempt."""
        if isinstance(_error_of(state), PipedriveBurstLimitError):
            return self._max_attempts == 1 or self._waited_for_room > BURST_PATIENCE
        return state.attempt_number - self._bursts >= self._max_attempts


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _log_retry(call: Operation) -> Callable[[RetryCallState], None]:
    def say(state: RetryCallState) -> None:
        error = _error_of(state)
        seconds = state.next_action.sleep if state.next_action else 0.0
        if isinstance(error, PipedriveBurstLimitError):  # what shares a credential meets it all day
            log.info("%s: the rate limit's window is full: trying again in %.1f s.", call, seconds)
        else:
            log.warning("%s: trying again in %.1f s after: %s", call, seconds, error)

    return say

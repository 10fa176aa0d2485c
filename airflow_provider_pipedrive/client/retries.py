"""Sending a request again: after which errors, how often, and with how long a wait in between."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tenacity

from airflow_provider_pipedrive.client.limits import WINDOW
from airflow_provider_pipedrive.client.responses import LONGEST_WAIT, Operation
from airflow_provider_pipedrive.errors import (
    PipedriveBurstLimitError,
    PipedriveConnectionError,
    PipedriveEndpointRemovedError,
    PipedriveError,
    PipedriveNotFoundError,
    PipedriveResponseError,
    PipedriveServerError,
)

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from airflow_provider_pipedrive.client.clock import Clock
    from airflow_provider_pipedrive.client.limits import Limits

log = logging.getLogger(__name__)
BURST_PATIENCE = 120.0
"""Seconds that one request waits for room in the rate limit, which it may share with many other processes: a 429 was
not carried out, so it counts as no attempt."""


def may_repeat(operation: Operation, error: PipedriveError) -> bool:
    """Whether the client may send the same request again at once.

    A write is repeated only when nothing can have happened. Pipedrive has no idempotency keys: a repeated create makes
    a second record. A repeated update leaves the same state, unless somebody has changed the record meanwhile: then it
    takes that back, so it is left to the task's own retries (:attr:`Operation.may_be_run_again`). What is deleted twice
    is deleted: see :func:`is_gone_already`.
    """
    if isinstance(error, PipedriveBurstLimitError):
        return True
    if isinstance(error, PipedriveConnectionError) and error.nothing_sent:
        return error.retryable
    if isinstance(error, PipedriveServerError | PipedriveConnectionError | PipedriveResponseError):
        return (operation.is_read or operation.is_delete) and error.retryable
    return False


def may_have_happened(error: PipedriveError) -> bool:
    """Whether Pipedrive may have carried out a request that failed so."""
    if isinstance(error, PipedriveConnectionError):
        return not error.nothing_sent
    is_redirect = error.status is not None and 300 <= error.status < 400
    return isinstance(error, PipedriveServerError | PipedriveResponseError) and not is_redirect


def is_gone_already(operation: Operation, error: PipedriveError) -> bool:
    """Whether an error to a repeated request says that there is nothing left to delete."""
    is_missing = isinstance(error, PipedriveNotFoundError) and not isinstance(error, PipedriveEndpointRemovedError)
    return operation.is_delete and is_missing


def wait_before(error: PipedriveError, attempt: int) -> float:
    """Seconds to wait before the repeat that follows the ``attempt``-th try (1, 2, ...), without jitter."""
    if error.retry_after is not None:
        return min(error.retry_after, LONGEST_WAIT)
    return float(min(0.5 * 2 ** (attempt - 1), LONGEST_WAIT))


@dataclass
class Tries:
    """What the attempts at one request have come to.

    :param may_be_done: one of them, or an earlier run, may have been carried out though no clear answer came
    :param windows_waited: full windows of the rate limit
    """

    may_be_done: bool = False
    windows_waited: int = 0


def attempts(operation: Operation, tries: Tries, max_attempts: int, limits: Limits, clock: Clock) -> tenacity.Retrying:
    """An iterator over the attempts at a request, each a context in which it is sent.

    It ends when an attempt succeeds, and raises what the last one raised.

    :param tries: takes note of failed attempts
    :param max_attempts: how often it may fail, full windows aside; 1: they are not waited for either
    :param limits: is told to pause while a window is full
    """
    rules = _Rules(operation, tries, max_attempts, limits, clock)
    return tenacity.Retrying(
        retry=rules.allow_another,
        stop=rules.are_exhausted,
        wait=rules.wait,
        sleep=clock.sleep,
        before_sleep=rules.log,
        reraise=True,
    )


class _Rules:
    """Whether and when one request is sent again."""

    def __init__(self, operation: Operation, tries: Tries, max_attempts: int, limits: Limits, clock: Clock) -> None:
        self._operation = operation
        self._tries = tries
        self._bursts = 0
        self._waited_for_room = 0.0
        self._max_attempts = max_attempts
        self._limits = limits
        self._clock = clock

    def allow_another(self, state: RetryCallState) -> bool:
        """Whether sending it again does no harm."""
        error = _error_of(state)
        if not isinstance(error, PipedriveError):
            return False
        self._tries.may_be_done = self._tries.may_be_done or may_have_happened(error)
        return may_repeat(self._operation, error)

    def wait(self, state: RetryCallState) -> float:
        """Seconds to wait before the next attempt."""
        error = _error_of(state)
        seconds = wait_before(error, state.attempt_number - self._bursts) if isinstance(error, PipedriveError) else 0.0
        spread = seconds / 4  # so that workers don't come back together
        paused = 0.0
        if isinstance(error, PipedriveBurstLimitError):
            self._bursts += 1
            self._tries.windows_waited += int(seconds // WINDOW)
            spread = min(WINDOW * self._bursts, LONGEST_WAIT)  # the more of them there are, the wider
            now = self._clock.monotonic()
            # Nor do machines, which do not see each other.
            paused = seconds + random.uniform(0, WINDOW / 2)  # nosec B311 # spreads retries
            self._limits.pause(now, now + paused)
        seconds = max(paused, seconds + random.uniform(0, spread))  # nosec B311 # spreads retries
        self._waited_for_room += seconds
        return seconds

    def are_exhausted(self, state: RetryCallState) -> bool:
        """Whether there is no further attempt."""
        if isinstance(_error_of(state), PipedriveBurstLimitError):
            return self._max_attempts == 1 or self._waited_for_room > BURST_PATIENCE
        return state.attempt_number - self._bursts >= self._max_attempts

    def log(self, state: RetryCallState) -> None:
        """Report the wait."""
        error = _error_of(state)
        seconds = state.next_action.sleep if state.next_action else 0.0
        if isinstance(error, PipedriveBurstLimitError):  # what shares a credential meets it all day
            log.info("%s: the rate limit's window is full: trying again in %.1f s.", self._operation, seconds)
        else:
            log.warning("%s: trying again in %.1f s after: %s", self._operation, seconds, error)


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None

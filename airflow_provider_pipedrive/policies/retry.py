"""Retries by what Pipedrive's errors say. Airflow has retry policies since 3.3: on older ones, this module cannot be
imported (an ``ImportError``)."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING

try:
    from airflow.sdk import RetryDecision, RetryPolicy
except ImportError as error:
    raise ImportError("PipedriveRetryPolicy needs Airflow 3.3 or newer: older ones have no retry policies.") from error

from airflow_provider_pipedrive.errors import PipedriveBurstLimitError, PipedriveDailyBudgetError, PipedriveError
from airflow_provider_pipedrive.operators.task_support import next_tokens

if TYPE_CHECKING:
    from airflow.sdk import Context

BURST_WAIT = 2.0
"""Seconds after which Pipedrive's window has room again, where the answer does not say when.
https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting"""
BURST_SPREAD = 10.0
"""Seconds over which tasks that were refused together come back."""


class PipedriveRetryPolicy(RetryPolicy):
    """Decide by the error whether a failed task tries again, and after how long.

    - A permanent error fails the task at once, whatever ``retries`` says.
    - A full window of the rate limit is over in seconds, and is waited for that long.
    - The day's API tokens come back at once: the next try is when Pipedrive says so, else after midnight UTC. A second
      try that finds none either is followed by one an hour later.
    - Any other temporary error waits as Pipedrive asks, else the task's own ``retry_delay``.

    An error of another library is left to the next policy or to the task's own settings, unless one of Pipedrive's is
    its stated cause (``raise ... from error``). No policy gives a task more tries than its ``retries``.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """The decision for one failure.

        :param exception: what the task raised
        :param try_number: of the try that failed, from 1 on
        """
        error = _pipedrive_error(exception)
        if error is None:
            return RetryDecision.default()
        reason = f"{type(error).__name__}: {error}"
        if not error.retryable:
            return RetryDecision.fail(reason)
        seconds = _seconds_to_wait(error, try_number)
        return RetryDecision.retry(None if seconds is None else timedelta(seconds=seconds), reason)


def _pipedrive_error(exception: BaseException | None) -> PipedriveError | None:
    """The error of Pipedrive's that an exception is, or that it states as its cause."""
    while exception is not None and not isinstance(exception, PipedriveError):
        exception = exception.__cause__
    return exception


def _seconds_to_wait(error: PipedriveError, try_number: int) -> float | None:
    """Seconds until the next try; ``None`` for the task's own ``retry_delay``."""
    if isinstance(error, PipedriveBurstLimitError):
        return max(error.retry_after or 0.0, BURST_WAIT) + random.uniform(0, BURST_SPREAD)  # nosec B311 # spreads retries
    if isinstance(error, PipedriveDailyBudgetError):
        now = time.time()
        return next_tokens(now, error.retry_after, in_vain=try_number > 1) - now
    return error.retry_after

"""When somebody who waits for something is to be asked for again. Pure: times are seconds of any one clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from airflow_provider_pipedrive.errors import PipedriveBurstLimitError, PipedriveDailyBudgetError, PipedriveError

SHORTEST_INTERVAL: Final = 1.0
"""Seconds between two requests for the same, at the least."""
LONGEST_BACK_OFF: Final = 3600.0
"""Seconds between two attempts at the most, unless Pipedrive itself asks for more."""
BUDGET_UNKNOWN: Final = 900.0
"""Seconds of silence after a spent daily budget where Pipedrive does not say when it is renewed."""
_MOST_DOUBLINGS: Final = 12


@dataclass(frozen=True)
class Schedule:
    """When one subscriber is due.

    :ivar interval: seconds between two rounds
    :ivar due: when the next one is
    :ivar failures: how many rounds in a row have failed, limits aside
    """

    interval: float
    due: float
    failures: int = 0

    def after_success(self, now: float) -> Schedule:
        """Due with all others of the same interval."""
        return replace(self, due=next_on_grid(now, self.interval), failures=0)

    def after_failure(self, now: float, error: Exception) -> Schedule:
        """Due later: when a limit has passed, and after other errors the later the more there were in a row."""
        failures = self.failures if is_limit(error) else self.failures + 1
        pause = pause_after(error) if isinstance(error, PipedriveError) else 0.0
        if not is_limit(error):
            pause = max(pause, min(self.interval * 2 ** min(failures, _MOST_DOUBLINGS), LONGEST_BACK_OFF))
        return replace(self, due=max(next_on_grid(now, self.interval), now + pause), failures=failures)


def next_on_grid(now: float, interval: float) -> float:
    """The next moment that is a multiple of ``interval``."""
    return (now // interval + 1) * interval


def is_limit(error: Exception) -> bool:
    """Whether an error passes by itself, at a time that is known: the burst limit, the day's API tokens."""
    return isinstance(error, PipedriveDailyBudgetError | PipedriveBurstLimitError)


def pause_after(error: PipedriveError) -> float:
    """Seconds of silence that Pipedrive asks for."""
    if error.retry_after is not None:
        return error.retry_after
    return BUDGET_UNKNOWN if isinstance(error, PipedriveDailyBudgetError) else 0.0

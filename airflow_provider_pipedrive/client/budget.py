"""How much of a day's API tokens may be spent here, and what is left to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.day import DAY, Day
from airflow_provider_pipedrive.errors import PipedriveDailyBudgetError


@dataclass(frozen=True)
class Budget:
    """Bounds of a day's spending.

    :param daily: API tokens that may be spent in a UTC day, by all that keep the same ledger; ``None``: no bound
    :param left_to_others: the part of the day's tokens, from 0 to 1, that is not touched: of what Pipedrive says that
        the company has, and of ``daily``
    """

    daily: int | None = None
    left_to_others: float = 0.0

    @property
    def bounds(self) -> bool:
        """Whether there is anything to check."""
        return self.daily is not None or self.left_to_others > 0

    def check(self, day: Day, tokens: int, action: str | None, now: float) -> None:
        """Whether so many tokens may be spent.

        :param now: seconds since the epoch
        :raises PipedriveDailyBudgetError: they may not
        """
        reason = self._over_daily(day, tokens, now) or self._over_share(day, tokens)
        if reason:
            raise PipedriveDailyBudgetError(
                f"{action or 'This request'} costs {counted(tokens, 'API token')}, but {reason}. Raise the limit, or "
                "run again after midnight UTC.",
                action=action,
                retry_after=DAY - now % DAY,
            )

    def _over_daily(self, day: Day, tokens: int, now: float) -> str:
        if self.daily is None or day.spent_by_all + tokens <= self.daily * (1 - self.left_to_others):
            return ""
        less = f", of which {self.left_to_others:.0%} is left to others" if self.left_to_others else ""
        return (
            f"Airflow has already spent {day.spent_by_all} of the {self.daily} that the connection's "
            f"daily_token_budget grants it for {datetime.fromtimestamp(now, UTC).date()} (UTC){less}"
        )

    def _over_share(self, day: Day, tokens: int) -> str:
        left = day.company_left
        if left is None or not self.left_to_others or left - tokens >= day.limit * self.left_to_others:
            return ""
        return (
            f"the company has {left} of its {day.limit} of today left, and {self.left_to_others:.0%} is left to others "
            "(reserved_share, or dag_shares, of the connection)"
        )


def left_to_others(reserved_share: float, dag_shares: Mapping[str, float], dag_id: str) -> float:
    """The part of a day's tokens that a DAG does not touch.

    :param reserved_share: the part that no DAG touches
    :param dag_shares: by patterns of DAG ids, up to which part of the day they may go; the first that matches counts
    """
    share = next((share for pattern, share in dag_shares.items() if fnmatchcase(dag_id, pattern)), 1.0)
    return max(reserved_share, round(1 - share, 9))

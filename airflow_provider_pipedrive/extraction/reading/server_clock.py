"""Pipedrive's clock, finer than its answers tell it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class ServerClock:
    """Pipedrive's clock. Each answer has its ``Date``, in whole seconds, so it is late by less than a second and the
    answer's way. Of many answers, the one that was least late counts.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None

    def note(self, moment: datetime | None) -> None:
        """Note the date of an answer that has just come, where it has one."""
        if moment is not None:
            ahead = moment.timestamp() - time.monotonic()
            self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)

    @property
    def now(self) -> datetime | None:
        """The time there, not later than it is; None before the first answer."""
        return None if self._ahead is None else datetime.fromtimestamp(time.monotonic() + self._ahead, UTC)

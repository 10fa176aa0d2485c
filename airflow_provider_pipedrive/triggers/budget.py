"""Waits, without a worker, until the day's API tokens are expected to be there again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

_STEP = 60.0
"""Seconds slept at a time: a clock may be set, and a machine may sleep."""


class PipedriveBudgetTrigger(BaseTrigger):
    """One event, at a given time. Begun again elsewhere, or running twice, it does the same.

    :param until: seconds since the epoch
    """

    def __init__(self, *, until: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and its arguments."""
        return f"{__name__}.{type(self).__name__}", {"until": self.until}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event when the time has come."""
        while (left := self.until - time.time()) > 0:
            await asyncio.sleep(min(max(left, 1.0), _STEP))
        yield TriggerEvent({"until": self.until})  # type: ignore[no-untyped-call]

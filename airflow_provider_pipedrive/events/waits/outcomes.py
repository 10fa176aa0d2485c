"""What one look at Pipedrive has shown of a wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider_pipedrive.errors import PipedriveDailyBudgetError, PipedriveError


@dataclass(frozen=True)
class WaitOutcome:
    """What one look has shown of a wait.

    :ivar kind: ``success``: it has happened. ``waiting``: not yet. ``gone``: a record that was waited for is no longer
        there. ``failed``: a condition of failure holds
    :ivar result: what has happened
    :ivar reason: a sentence, for ``gone`` and ``failed``
    """

    kind: Literal["success", "waiting", "gone", "failed"]
    result: Any = None
    reason: str = ""


WAITING = WaitOutcome("waiting")
Record = dict[str, Any]
Memory = dict[str, Any]
"""What earlier looks have shown, as JSON: it travels with a trigger."""

SHORTEST_INTERVAL = 1.0
"""Seconds between two looks, at the least."""
BUDGET_UNKNOWN = 900.0
"""Seconds of silence after a spent daily budget where Pipedrive does not say when it is renewed."""


def pause_after(error: PipedriveError) -> float:
    """Seconds of silence that a limit asks for."""
    if error.retry_after is not None:
        return error.retry_after
    return BUDGET_UNKNOWN if isinstance(error, PipedriveDailyBudgetError) else 0.0

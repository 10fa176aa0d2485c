"""What one look at Pipedrive has shown of a wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


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

"""What one look at Pipedrive has shown of a wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Outcome:
    """``met``: it has happened, ``result`` tells what. ``waiting``: not yet. ``gone``: a record that was waited for is
    no longer there. ``failed``: a condition of failure holds. ``reason`` is a sentence for the last two."""

    kind: Literal["met", "waiting", "gone", "failed"]
    result: Any = None
    reason: str = ""


WAITING = Outcome("waiting")
Record = dict[str, Any]
Memory = dict[str, Any]
"""What earlier looks have shown, as JSON: it travels with a trigger."""

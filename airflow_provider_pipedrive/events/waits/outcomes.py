"""What a check has shown of a wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple


@dataclass(frozen=True)
class WaitOutcome:
    """What a check has shown of a wait.

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
Memory = Mapping[str, Any]
"""What earlier checks have shown, as JSON: it travels with a trigger. Nobody changes it; a check makes a new one."""


class Judged(NamedTuple):
    """What a check has shown of a wait, and what to remember of it."""

    outcome: WaitOutcome
    memory: Memory

"""What an account has spent of a day's API tokens, as one machine's ledger has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

DAY = 86_400
"""Seconds. Pipedrive's day ends at a midnight that it does not name; UTC's is taken for it.
https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting"""


@dataclass
class Day:
    """One day's numbers.

    :ivar rows: API tokens by who has spent them and on what: ``connection/DAG/task/what``
    :ivar limit: the company's tokens of the day as Pipedrive's headers say, 0 where they have not said it
    :ivar left: what was left of them when an answer said so last
    :ivar since: tokens counted here since then
    :ivar told: when that was, in seconds since the epoch
    :ivar elsewhere: tokens that other machines have spent, as they last left word of it
    :ivar exchanged: when word was left for them, in seconds since the epoch
    """

    rows: dict[str, int] = field(default_factory=dict)
    limit: int = 0
    left: int = 0
    since: int = 0
    told: float = 0.0
    elsewhere: int = 0
    exchanged: float = 0.0

    @property
    def spent(self) -> int:
        """Tokens counted on this machine."""
        return sum(self.rows.values())

    @property
    def spent_by_all(self) -> int:
        """Tokens counted on all machines, as far as known."""
        return self.spent + self.elsewhere

    @property
    def company_left(self) -> int | None:
        """What the company has left; ``None`` where Pipedrive has not said it today."""
        return max(0, self.left - self.since) if self.limit else None

    def add(self, rows: Mapping[str, int]) -> None:
        """Count tokens."""
        for row, tokens in rows.items():
            self.rows[row] = self.rows.get(row, 0) + tokens
            self.since += tokens

    def learn(self, limit: int, left: int, now: float) -> None:
        """Take over what an answer says of the company's day."""
        self.limit, self.left, self.since, self.told = limit, left, 0, now

    def to_json(self) -> bytes:
        """For :meth:`of`, with an end of its own."""
        return json.dumps(vars(self), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def of(cls, content: bytes) -> Self | None:
        """What :meth:`to_json` has written, whatever stands behind it; ``None`` where it cannot be read."""
        try:
            return cls.from_dict(json.loads(content.partition(b"\n")[0]))
        except ValueError:
            return None

    @classmethod
    def from_dict(cls, given: Any) -> Self | None:
        """The numbers that another process has left; ``None`` where they are not those of a day."""
        if not isinstance(given, dict) or not isinstance(rows := given.get("rows"), dict):
            return None
        if not all(isinstance(tokens, int) and row.count("/") == 3 for row, tokens in rows.items()):
            return None
        numbers = {name: given.get(name, 0) for name in vars(cls()) if name != "rows"}
        if not all(isinstance(number, int | float) for number in numbers.values()):
            return None
        return cls(rows=rows, **numbers)

"""What reading an entity came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow_provider_pipedrive.extraction.reading.pages import Identity
from airflow_provider_pipedrive.extraction.reading.sink import StoredPart

CATCH_UP = "catch_up"
"""Streams of what was read after the walk, and wins over it."""


@dataclass
class ReadOutcome:
    """What reading an entity came to.

    :ivar strategy: how it was read
    :ivar completeness: why it is whole
    :ivar watermark: the greatest time of last update that was seen
    :ivar rank: for every record that a catch-up pass read again, the number of the pass that has its last state
    :ivar removed: records that were archived or deleted meanwhile, with the time where it is known
    """

    strategy: str
    completeness: dict[str, Any]
    watermark: datetime | None = None
    rank: dict[Identity, int] = field(default_factory=dict)
    removed: dict[Identity, datetime | None] = field(default_factory=dict)
    deleted: dict[Identity, datetime | None] = field(default_factory=dict)

    def dropped(self, part: StoredPart) -> Sequence[int]:
        """Numbers of the rows of a part that something newer has taken the place of."""
        own = catch_up_number(part.stream)
        if not self.rank and not self.removed:
            return ()
        rank, removed = self.rank, self.removed
        # A catch-up pass lists by last update: what was edited while it went on comes again further back.
        last = {identity: row for row, identity in enumerate(part.ids)} if own else {}
        return [
            row
            for row, identity in enumerate(part.ids)
            if identity in removed or rank.get(identity, own) > own or last.get(identity, row) > row
        ]


def catch_up_stream(number: int) -> str:
    """The stream of a catch-up pass."""
    return f"{CATCH_UP}:{number}"


def catch_up_number(stream: str) -> int:
    """0 for what the walk itself read, else the number of the catch-up pass."""
    return int(stream.split(":")[1]) if stream.startswith(CATCH_UP) else 0

"""What a list is like, going by its first and its last page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_pipedrive.errors import PipedriveResponseError
from airflow_provider_pipedrive.extraction.reading.pages import Key
from airflow_provider_pipedrive.extraction.reading.ranges import PAGE


@dataclass(frozen=True)
class ListProfile:
    """What the first and the last page by id say of a list.

    :ivar highest: the greatest id
    :ivar absent: about how many ids below it are not in the list
    :ivar never_updated: the share of records without a time of last update
    """

    highest: int
    absent: float
    never_updated: float

    @classmethod
    def of(cls, front: Sequence[Key], back: Sequence[Key]) -> ListProfile:
        """Of the page at the front, and the one at the back (greatest id first)."""
        keys = [*front, *back]
        if not keys:
            return cls(0, 0.0, 0.0)
        highest = _number(back[0] if back else front[-1])
        span = (_number(front[-1]) if front else 0) + (highest - _number(back[-1]) + 1 if back else 0)
        holes = max(0.0, 1 - len(keys) / max(span, 1))
        return cls(highest, holes * highest, sum(key.update_time is None for key in keys) / len(keys))

    @property
    def pages(self) -> float:
        """About how many pages the list has."""
        return (self.highest - self.absent) / PAGE

    @property
    def unseen(self) -> float:
        """About how many ids would have to be asked for by name."""
        return self.absent + self.never_updated * (self.highest - self.absent)


def _number(key: Key) -> int:
    if not isinstance(key.id, int):
        raise PipedriveResponseError(f"A whole number was expected as id, not {key.id!r}.")
    return key.id

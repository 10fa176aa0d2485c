"""What counts as a deal's move: judged on the deal as it is, and on its history where that is not enough.

A deal shows only where it is and when it was last moved. One that was moved twice between two checks has passed through
a stage that no check sees: then its changelog is read.
https://developers.pipedrive.com/changelog/post/new-codechangelogcode-endpoints
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Self

from airflow_provider_pipedrive.client.times import read_time, write_time
from airflow_provider_pipedrive.client.whole_numbers import whole_number
from airflow_provider_pipedrive.events.waits.outcomes import Memory, Record

CLOSED_TIMES = {"won": "won_time", "lost": "lost_time"}
_SHOWN = ("title", "value", "currency", "owner_id", "person_id", "org_id")


@dataclass(frozen=True)
class StageChange:
    """A move in a deal's changelog."""

    time: datetime
    old: int | None
    new: int | None


History = Callable[[Record], Iterable[StageChange]]
"""The moves of a deal, the newest first."""


class JudgedMove(NamedTuple):
    """What a deal has done, if it fits, and what to remember of the deal."""

    move: Record | None
    seen: Memory


@dataclass(frozen=True)
class Movement:
    """What a deal is waited to do; ids only.

    :param reaches: come to one of these stages
    :param leaves: go from one of these stages; with ``reaches``: in the same move
    :param moves: go to any other stage
    :param statuses: become ``won``, ``lost`` or ``open``
    :param passed_through: count a stage too that the deal has only passed through between two checks
    :param names: of stages, for the result
    :param pipelines: of stages, by the ids of both
    """

    reaches: tuple[int, ...] = ()
    leaves: tuple[int, ...] = ()
    moves: bool = False
    statuses: tuple[str, ...] = ()
    passed_through: bool = True
    names: Mapping[str, str] = field(default_factory=dict)
    pipelines: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From its fields as JSON."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**fields)

    def by_deal(self, deal: Record, since: datetime, seen: Memory, history: History) -> JudgedMove:
        """What one deal that is waited for has done.

        Where it is counts whenever it came there; ``since`` bounds what is looked up in its history, and what
        ``moves`` and a move from one stage to another mean.

        :param seen: what the last check has shown of this deal
        """
        before = seen.get("stage")
        seen = {**seen, "stage": deal["stage_id"], "status": deal.get("status")}
        if self.statuses:
            return JudgedMove(self._closed(deal, before) if deal.get("status") in self.statuses else None, seen)
        came_from = before if before != deal["stage_id"] else None
        moved = moved_at(deal)
        if (self.reaches and not self.leaves and deal["stage_id"] in self.reaches) or (
            self.leaves and not self.reaches and deal["stage_id"] not in self.leaves
        ):
            return JudgedMove(self._happened(deal, came_from, moved), seen)
        if moved is None or moved < since:
            return JudgedMove(None, seen)
        if self.moves:
            return JudgedMove(self._happened(deal, came_from, moved), seen)
        return self._in_history(deal, moved, since, seen, history)

    def by_any(self, deal: Record, since: datetime, seen: Memory, history: History) -> JudgedMove:
        """What any deal has done since ``since``.

        A deal that was created in a stage has reached it, but has not moved.
        """
        if self.statuses:
            closed = read_time(deal.get(CLOSED_TIMES.get(str(deal.get("status")), "")))
            fits = deal.get("status") in self.statuses and closed is not None and closed >= since
            return JudgedMove(self._closed(deal, None) if fits else None, seen)
        moved, added = moved_at(deal), read_time(deal.get("add_time"))
        is_new = moved is None and added is not None and added >= since
        if is_new and deal["stage_id"] in self.reaches and not self.leaves:
            return JudgedMove(self._happened(deal, None, added), seen)
        if moved is None or moved < since:
            return JudgedMove(None, seen)
        if self.moves or (deal["stage_id"] in self.reaches and not self.leaves):
            return JudgedMove(self._happened(deal, None, moved), seen)
        return self._in_history(deal, moved, since, seen, history)

    def _in_history(self, deal: Record, moved: datetime, since: datetime, seen: Memory, history: History) -> JudgedMove:
        """The latest move since ``since`` that fits; a history is read once for each last move."""
        needed = self.passed_through or (self.leaves and (self.reaches or deal["stage_id"] not in self.leaves))
        if not needed or seen.get("examined") == write_time(moved):
            return JudgedMove(None, seen)
        for change in history(deal):
            if change.time < since:
                break
            if self._fits(change):
                return JudgedMove(self._happened(deal, change.old, change.time, change.new), seen)
        return JudgedMove(None, {**seen, "examined": write_time(moved)})

    def _fits(self, change: StageChange) -> bool:
        return (not self.leaves or change.old in self.leaves) and (not self.reaches or change.new in self.reaches)

    def _happened(self, deal: Record, from_id: int | None, time: datetime | None, to_id: int | None = None) -> Record:
        to_id = deal["stage_id"] if to_id is None else to_id
        return {
            "deal_id": deal["id"],
            "from_stage_id": from_id,
            "from_stage": self.names.get(str(from_id)),
            "to_stage_id": to_id,
            "to_stage": self.names.get(str(to_id)),
            "time": write_time(time) if time else None,
            "stage_id": deal["stage_id"],
            "pipeline_id": deal.get("pipeline_id"),
            "status": deal.get("status"),
            **{name: deal.get(name) for name in _SHOWN},
        }

    def _closed(self, deal: Record, before: int | None) -> Record:
        time = read_time(deal.get(CLOSED_TIMES.get(str(deal.get("status")), "update_time")))
        return self._happened(deal, before, time)


def moved_at(deal: Record) -> datetime | None:
    """When a deal was last moved; ``None`` where it never was, which Pipedrive may write as its creation's time."""
    moved, added = read_time(deal.get("stage_change_time")), read_time(deal.get("add_time"))
    return None if moved is None or (added is not None and moved <= added) else moved


def stage_changes(changelog: Iterable[Record]) -> Iterator[StageChange]:
    """The moves among a deal's changes, as ``getDealChangelog`` lists them."""
    for change in changelog:
        time = read_time(change.get("time"))
        if change.get("field_key") == "stage_id" and time is not None:
            yield StageChange(time, _id(change.get("old_value")), _id(change.get("new_value")))


def _id(value: Any) -> int | None:
    return whole_number(value)

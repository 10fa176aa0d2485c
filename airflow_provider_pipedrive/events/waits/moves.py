"""Waits for any deal to make a move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.client.times import read_time, write_time
from airflow_provider_pipedrive.events.waits.histories import Histories
from airflow_provider_pipedrive.events.waits.movement import History, JudgedMove, Movement
from airflow_provider_pipedrive.events.waits.outcomes import WAITING, Memory, Record, WaitOutcome
from airflow_provider_pipedrive.events.waits.specs import (
    LOOKBACK,
    Checked,
    Wait,
    WaitSpec,
    clock_difference,
    frozen,
    is_deleted,
)
from airflow_provider_pipedrive.events.waits.times import on_server

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient


@dataclass(frozen=True)
class AnyDealWait(WaitSpec):
    """Any deal that makes a move from ``since`` on.

    :param pipeline_id: of a pipeline's deals
    :param owner_id: of a user's deals
    :param filter_id: of the deals that a filter lists
    """

    kind = "moves"
    movement: Movement
    since: str
    local_clock: bool = False
    pipeline_id: int | None = None
    owner_id: int | None = None
    filter_id: int | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the data of :meth:`to_json`, without its kind."""
        plain = {name: frozen(value) for name, value in data.items()}
        return cls(**{**plain, "movement": Movement.from_json(data["movement"])})

    @property
    def tokens(self) -> int:
        """Of one page of the changed deals."""
        return get_action("getDeals").token_cost

    @property
    def begins(self) -> str | None:
        """The caller's ``since``."""
        return None if self.local_clock else self.since

    def judge(self, deal: Record, since: datetime, seen: Memory, history: History) -> JudgedMove:
        """What a changed deal has done, if it fits; the reader asks the filter."""
        if is_deleted(deal) or (self.owner_id is not None and deal.get("owner_id") != self.owner_id):
            return JudgedMove(None, seen)
        stages = (*self.movement.reaches, *self.movement.leaves)
        # A deal that has left a stage for another pipeline counts: stages say themselves where they belong.
        if self.pipeline_id is not None and not stages and deal.get("pipeline_id") != self.pipeline_id:
            return JudgedMove(None, seen)
        return self.movement.by_any(deal, since, seen, history)

    @classmethod
    def check(cls, client: PipedriveClient, waits: Sequence[Wait], *, alone: bool) -> list[Checked]:
        """The deals changed since what the waits have seen, in one walk; a filter's are looked up in it."""
        ahead = clock_difference(client, waits)
        histories = Histories(client)
        searches = [_Search(wait, wait.spec, ahead) for wait in waits if isinstance(wait.spec, AnyDealWait)]
        changed: dict[int, datetime] = {}
        newest = min(search.checked_until for search in searches)
        for deal in client.iterate(
            "getDeals", {"updated_since": write_time(newest - LOOKBACK), "sort_by": "update_time"}
        ):
            updated = read_time(deal.get("update_time"))
            if updated is not None:
                changed[deal["id"]] = updated
                newest = max(newest, updated)
            for search in searches:
                search.judge(deal, histories.of(search.wait))
        _only_in_filters(client, searches, changed)
        return [search.checked(newest, changed) for search in searches]


class _Search:
    """One wait during a check, with the moves found so far."""

    def __init__(self, wait: Wait, spec: AnyDealWait, ahead: float) -> None:
        self.wait = wait
        self.spec = spec
        self.since = on_server(spec.since, spec.local_clock, ahead)
        self.checked_until = max(self.since, read_time(wait.memory.get("checked_until")) or self.since)
        self.moves: dict[int, Record] = {}
        self._seen: dict[str, Memory] = dict(wait.memory.get("deals", {}))

    def judge(self, deal: Record, history: History) -> None:
        """Keep the deal's move if it fits."""
        key = str(deal["id"])
        move, seen = self.spec.judge(deal, self.since, self._seen.get(key, {}), history)
        self._seen[key] = seen
        if move is not None:
            self.moves[deal["id"]] = move

    def checked(self, checked_until: datetime, read: Mapping[int, datetime]) -> Checked:
        """The outcome; the next check begins at ``checked_until``, and what was not read again needs no remembering."""
        deals = {key: seen for key, seen in self._seen.items() if seen and int(key) in read}
        wait = replace(self.wait, memory={"checked_until": write_time(checked_until), "deals": deals})
        return Checked(wait, WaitOutcome("success", _by_time(self.moves)) if self.moves else WAITING)


def _by_time(moves: Mapping[int, Record]) -> list[Record]:
    return sorted(moves.values(), key=lambda move: (move["time"] or "", move["deal_id"]))


def _only_in_filters(client: PipedriveClient, searches: list[_Search], changed: Mapping[int, datetime]) -> None:
    """Take out the moves of deals that a wait's filter does not list."""
    candidates: dict[int, set[int]] = defaultdict(set)
    for search in searches:
        if search.spec.filter_id is not None:
            candidates[search.spec.filter_id] |= search.moves.keys()
    listed = {
        filter_id: _listed_by_filter(client, filter_id, ids, changed) for filter_id, ids in candidates.items() if ids
    }
    for search in searches:
        if search.spec.filter_id is not None and search.moves:
            search.moves = {key: move for key, move in search.moves.items() if key in listed[search.spec.filter_id]}


def _listed_by_filter(
    client: PipedriveClient, filter_id: int, ids: set[int], changed: Mapping[int, datetime]
) -> set[int]:
    """Those of ``ids`` that a filter lists.

    A filter's list takes no other narrowing, but an order: the deals in question changed last, so that they come first.
    """
    oldest = min(changed[deal_id] for deal_id in ids if deal_id in changed)
    parameters = {"filter_id": filter_id, "sort_by": "update_time", "sort_direction": "desc"}
    listed = set()
    for deal in client.iterate("getDeals", parameters):
        updated = read_time(deal.get("update_time"))
        if updated is not None and updated < oldest:
            break
        listed.add(deal["id"])
    return listed & ids

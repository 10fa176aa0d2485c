"""Which stages deals went through, exactly: ``stage_history``.

Pipedrive has no bulk list of stage changes. The changelog of each deal has them, at 20 API tokens a deal. In a window
it is read of the deals whose ``stage_change_time`` is in it; a snapshot reads it of the open deals, or of those that
its parameters choose.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from functools import partial
from typing import Any

import msgspec

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.times import write_time
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome
from airflow_provider_pipedrive.extraction.reading.pages import Key, as_dict, timestamp
from airflow_provider_pipedrive.extraction.reading.plans import ChangelogsPlan, load_plan, save_plan
from airflow_provider_pipedrive.extraction.reading.queries import rfc3339, sorting
from airflow_provider_pipedrive.extraction.reading.update_window import UpdateWindow

log = logging.getLogger(__name__)
STREAM = "deals"
_PART_DEALS = 1_000


class ByChangelogs:
    """Reads the changelogs of the deals that moved in the window, or of the chosen ones.

    A run that ends early, because its tokens or the day's are spent, continues with the next deal. It takes days, and
    deals that are done move again: those moves are in the window after it.
    """

    def __init__(self, reading: EntityRead) -> None:
        self._reading = reading
        self._sink = reading.sink

    def read(self) -> ReadOutcome:
        """Read them.

        :raises PipedriveError: what ended it; what was read is in finished parts
        """
        reading, sink = self._reading, self._sink
        plan = load_plan(sink, ChangelogsPlan)
        if plan is None:
            plan = self._plan()
            save_plan(sink, plan)
        done = max((part.resume_info["deals"] for part in sink.finished), default=0)
        self._announce(len(plan.deals), done)
        while done < len(plan.deals):
            group = plan.deals[done : done + reading.pool.concurrency]
            try:
                found = reading.pool.run_all(partial(_changelog, reading, deal) for deal in group)
            except BaseException:
                sink.finish(STREAM, {"deals": done})
                raise
            self._keep(found, done)
            reading.stats.records += len(group)
            reading.pool.on_progress()
            done += len(group)
            if done % _PART_DEALS < reading.pool.concurrency:
                sink.finish(STREAM, {"deals": done})
        sink.finish(STREAM, {"deals": done})
        return ReadOutcome(plan.strategy, {"kind": "deals", "deals": done}, watermark=sink.newest)

    def _plan(self) -> ChangelogsPlan:
        reading = self._reading
        deals = sorted(_moved(reading, reading.window) if reading.window else _chosen(reading))
        if reading.window is not None:
            return ChangelogsPlan(deals, **reading.window.bounds)
        return ChangelogsPlan(deals, until=reading.until.astimezone(UTC).isoformat() if reading.until else None)

    def _announce(self, deals: int, done: int) -> None:
        cost = (deals - done) * self._reading.entity.listing.token_cost
        log.info("The stage history of %s costs about %s.", counted(deals - done, "deal"), counted(cost, "API token"))
        self._reading.stats.expected = deals

    def _keep(self, changelogs: Iterable[Iterable[Mapping[str, Any]]], place: int) -> None:
        """Write some deals' moves, all of them or none."""
        window, until = self._reading.window, self._reading.until
        moves = [(move, key_of(move)) for changelog in changelogs for move in changelog]
        if window is not None:
            moves = [
                (move, key)
                for move, key in moves
                if window.holds(key.update_time) and window.known.get(key.id) != key.update_time
            ]
        elif until is not None:
            moves = [(move, key) for move, key in moves if key.update_time is None or key.update_time < until]
        records = [msgspec.json.encode(move) for move, _ in moves]
        self._sink.write(STREAM, [place], records, [key for _, key in moves])


def key_of(move: Mapping[str, Any]) -> Key:
    """What tells a move apart, and when it was."""
    return Key(f"{move['deal_id']} {move['changed_at']} {move['to_stage_id']}", timestamp(move["changed_at"]))


class _Deal(msgspec.Struct):
    id: int
    stage_change_time: str | None = None


_deal = msgspec.json.Decoder(_Deal)


def _chosen(reading: EntityRead) -> Iterator[int]:
    """The deals that the parameters choose; without any, the open ones."""
    deals = ENTITIES[str(reading.entity.changelog_of)]
    for page in reading.pages(dict(reading.parameters) or {"status": "open"}, deals):
        yield from (key.id for key in page.keys if isinstance(key.id, int))


def _moved(reading: EntityRead, window: UpdateWindow) -> Iterator[int]:
    """The deals that moved in a window; one whose last move has been landed costs nothing again."""
    landed = {(int(str(known).split()[0]), moment) for known, moment in window.known.items()}
    for entity in _lists(ENTITIES[str(reading.entity.changelog_of)]):
        order = sorting(entity, "update_time", ascending=True)
        for page in reading.pages({**order, "updated_since": rfc3339(window.low), **reading.parameters}, entity):
            found = [(deal.id, timestamp(deal.stage_change_time)) for deal in map(_deal.decode, page.records)]
            yield from (deal for deal, moved in found if window.holds(moved) and (deal, moved) not in landed)


def _lists(entity: Entity) -> list[Entity]:
    return [entity, ENTITIES[entity.archived_in]] if entity.archived_in else [entity]


def _changelog(reading: EntityRead, deal: int) -> list[dict[str, Any]]:
    """A deal's moves, the oldest first."""
    changes = [as_dict(record)[0] for page in reading.pages({"id": deal}) for record in page.records]
    moves = [
        {
            "deal_id": deal,
            "from_stage_id": _stage(change.get("old_value")),
            "to_stage_id": _stage(change.get("new_value")),
            "changed_at": write_time(moment) if moment else None,
            "user_id": change.get("actor_user_id"),
            "change_source": change.get("change_source"),
        }
        for change in changes
        if change.get("field_key") == "stage_id"
        for moment in [timestamp(change.get("time"))]
    ]
    return sorted(moves, key=lambda move: str(move["changed_at"]))


def _stage(value: Any) -> int | None:
    text = str(value) if value is not None else ""
    return int(text) if text.isdigit() else None

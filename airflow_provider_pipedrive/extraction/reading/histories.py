"""Which stages deals went through.

Pipedrive has no bulk list of stage changes. There are two ways to them:

- ``stage_history``, exact: the changelog of each deal, 20 API tokens a deal. Only of deals whose ``stage_change_time``
  lies in the window; a snapshot reads it for the open deals, or for those that its parameters choose.
- ``observed_stage_history``, free: what the stages of two successive readings of ``deals`` say. Of several moves in
  between only the last is seen.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.extraction.entities import EXACT, HISTORIES, OBSERVED
from airflow_provider_pipedrive.extraction.output.formats import read_rows
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading.increments import Window
from airflow_provider_pipedrive.extraction.reading.listing import pages_of
from airflow_provider_pipedrive.extraction.reading.pages import Key, as_dict, timestamp
from airflow_provider_pipedrive.extraction.reading.snapshot import ReadOutcome
from airflow_provider_pipedrive.extraction.reading.walk import ReadStats, RequestPool, rfc3339, sorting
from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.extraction.storage.files import read_json, write_json
from airflow_provider_pipedrive.extraction.watermarks import CLAIMS_KEPT, change

log = logging.getLogger(__name__)
_COMMON = (
    Column("deal_id", "integer"),
    Column("from_stage_id", "integer", description="The stage that it left"),
    Column("to_stage_id", "integer", description="The stage that it came to"),
    Column("changed_at", "timestamp", description="When it moved"),
)
COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = MappingProxyType(
    {
        EXACT: (
            *_COMMON,
            Column("user_id", "integer", description="Who moved it"),
            Column("change_source", "string", description="By which means: app, api, ..."),
        ),
        OBSERVED: (
            *_COMMON,
            Column("observed", "boolean", description="Always true: seen in the deals, not in a changelog"),
        ),
    }
)
STREAM = "deals"
_Move = tuple[int, int, int, Any]
"""A deal, the stage that it left, the one that it came to, and when."""
_PART_DEALS = 1_000


class _Deal(msgspec.Struct):
    id: int
    stage_change_time: str | None = None


_deal = msgspec.json.Decoder(_Deal)


def read_stage_history(
    pool: RequestPool,
    landing: EntityStaging,
    window: Window | None,
    parameters: Mapping[str, Any],
    stats: ReadStats,
    until: datetime | None = None,
) -> ReadOutcome:
    """Read the changelogs of the deals that moved in the window, or of the chosen ones.

    A run that ends early, because its tokens or the day's are spent, continues with the next deal. It takes days, and
    deals that are done move again: those moves are in the window after it.

    :param window: None to read whole histories
    :param parameters: which deals; by default, without a window, the open ones
    :param until: where whole histories end, None where they are read up to the present
    """
    plan = landing.load()
    if plan is None:
        plan = {"strategy": "changelogs", "deals": sorted(_moved(pool, window, parameters, stats))}
        if window is not None:
            plan |= {"window": True, **window.bounds}
        elif until is not None:
            plan |= {"until": until.astimezone(UTC).isoformat()}
        landing.save(plan)
    deals: list[int] = plan["deals"]
    done = max((part.resume_info["deals"] for part in landing.finished), default=0)
    cost = HISTORIES[EXACT].listing.token_cost
    missing = len(deals) - done
    log.info("The stage history of %s costs about %s.", counted(missing, "deal"), counted(missing * cost, "API token"))
    stats.expected = len(deals)
    while done < len(deals):
        group = deals[done : done + pool.concurrency]
        try:
            found = pool.run_all(partial(_changelog, pool, HISTORIES[EXACT], deal, stats) for deal in group)
        except BaseException:
            landing.finish(STREAM, {"deals": done})
            raise
        _keep(landing, found, done, window, until)
        stats.records += len(group)
        pool.on_progress()
        done += len(group)
        if done % _PART_DEALS < pool.concurrency:
            landing.finish(STREAM, {"deals": done})
    landing.finish(STREAM, {"deals": done})
    return ReadOutcome("changelogs", {"kind": "deals", "deals": len(deals)}, watermark=landing.newest)


def observe(
    landing: EntityStaging, deals: EntityStaging, dropped: Mapping[str, set[int]], state: Any, run: str
) -> ReadOutcome:
    """Write what the stages of the deals say when they are held against those of the reading before.

    The stages that are seen now take the place of those before, so they say so once only. What a run has seen is kept
    under its name: a run that is repeated lands it again, and what has moved since.

    :param deals: where the deals have been read to
    :param dropped: by part, the numbers of rows that something newer has taken the place of
    :param state: the file that keeps the stages; :func:`keep_observed` renews it
    :param run: the run's name
    """
    landing.load()
    landing.forget({part.name for part in landing.finished})
    landing.save({"strategy": "observed"})
    kept = _Stages.of(read_json(state))
    now = dict(kept.stages)
    moves = set(kept.moves.get(run, ()))
    for deal in _rows(deals, dropped):
        stage = deal.get("stage_id")
        if type(deal.get("id")) is not int or type(stage) is not int:
            continue
        known = kept.stages.get(deal["id"])
        if known is not None and known != stage:
            moves.add((deal["id"], known, stage, deal.get("stage_change_time") or deal.get("update_time")))
        now[deal["id"]] = stage
    found = sorted(moves, key=lambda move: (move[0], str(move[3])))
    records = [
        {"deal_id": deal, "from_stage_id": left, "to_stage_id": stage, "changed_at": at, "observed": True}
        for deal, left, stage, at in found
    ]
    _write(landing, "observed", records)
    landing.finish("observed", {})
    write_json(landing.folder / _SEEN, _Stages(now, {run: found}).to_json())
    about = {"kind": "observed", "deals": len(now), "seen_before": len(kept.stages)}
    return ReadOutcome("observed", about, landing.newest)


def keep_observed(landing: EntityStaging, state: Any) -> None:
    """Let the stages that :func:`observe` saw be those that the next reading is held against."""
    seen = _Stages.of(read_json(landing.folder / _SEEN))
    change(state, lambda kept: _Stages.of(kept).then(seen).to_json())


def has_observed(state: Any, run: str) -> bool:
    """Whether it is known what a run has seen."""
    return run in _Stages.of(read_json(state)).moves


def stages_seen(stages: Mapping[int, int]) -> dict[str, Any]:
    """What :func:`keep_observed` would keep of these stages by deal, and of no moves."""
    return _Stages(stages, {}).to_json()


_SEEN = "stages.json"


@dataclass(frozen=True)
class _Stages:
    """The stage of each deal as it was seen last, and the moves that the latest runs have seen, the last one last."""

    stages: Mapping[int, int]
    moves: Mapping[str, Sequence[_Move]]

    def then(self, seen: _Stages) -> _Stages:
        """With what a run has seen."""
        moves = {run: moved for run, moved in self.moves.items() if run not in seen.moves} | dict(seen.moves)
        return _Stages({**self.stages, **seen.stages}, dict(list(moves.items())[-CLAIMS_KEPT:]))

    def to_json(self) -> dict[str, Any]:
        stages = {str(deal): stage for deal, stage in self.stages.items()}
        return {"stages": stages, "runs": [{"run": run, "moves": moved} for run, moved in self.moves.items()]}

    @classmethod
    def of(cls, data: Mapping[str, Any] | None) -> _Stages:
        if data is None:
            return cls({}, {})
        moves = {seen["run"]: [(deal, left, to, at) for deal, left, to, at in seen["moves"]] for seen in data["runs"]}
        return cls({int(deal): stage for deal, stage in data["stages"].items()}, moves)


def _moved(pool: RequestPool, window: Window | None, parameters: Mapping[str, Any], stats: ReadStats) -> Iterator[int]:
    if window is None:
        given = dict(parameters) or {"status": "open"}
        for page in pages_of(pool, ENTITIES["deals"], given, stats):
            yield from (key.id for key in page.keys if isinstance(key.id, int))
        return
    landed = {(int(str(known).split()[0]), moment) for known, moment in window.known.items()}
    between = {"updated_since": rfc3339(window.low), **parameters}
    for name in ("deals", "archived_deals"):
        entity = ENTITIES[name]
        given = {**sorting(entity, "update_time", ascending=True), **between}
        for page in pages_of(pool, entity, given, stats):
            found = [(deal.id, timestamp(deal.stage_change_time)) for deal in map(_deal.decode, page.records)]
            # A deal whose last move has been landed costs nothing again.
            yield from (deal for deal, moved in found if window.holds(moved) and (deal, moved) not in landed)


def _keep(
    landing: EntityStaging,
    changelogs: Iterable[Iterable[Mapping[str, Any]]],
    place: int,
    window: Window | None,
    until: datetime | None,
) -> None:
    """Write some deals' moves, all of them or none."""
    moves = [move for changelog in changelogs for move in changelog]
    if window is not None:
        moves = [move for move in moves if window.holds(_at(move)) and window.known.get(_identity(move)) != _at(move)]
    elif until is not None:
        moves = [move for move in moves if (moved := _at(move)) is None or moved < until]
    _write(landing, STREAM, moves, [place])


def _identity(move: Mapping[str, Any]) -> str:
    return f"{move['deal_id']} {move['changed_at']} {move['to_stage_id']}"


def _at(move: Mapping[str, Any]) -> datetime | None:
    return timestamp(move["changed_at"])


def _changelog(pool: RequestPool, entity: Entity, deal: int, stats: ReadStats) -> list[dict[str, Any]]:
    """A deal's moves, the oldest first."""
    changes = [as_dict(record)[0] for page in pages_of(pool, entity, {"id": deal}, stats) for record in page.records]
    moves = [
        {
            "deal_id": deal,
            "from_stage_id": _stage(change.get("old_value")),
            "to_stage_id": _stage(change.get("new_value")),
            "changed_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None,
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


def _write(
    landing: EntityStaging, stream: str, records: Iterable[Mapping[str, Any]], order: list[Any] | None = None
) -> None:
    found = list(records)
    keys = [Key(_identity(move), _at(move)) for move in found]
    landing.write(stream, order or [0], [msgspec.json.encode(record) for record in found], keys)


def _rows(deals: EntityStaging, dropped: Mapping[str, set[int]]) -> Iterator[dict[str, Any]]:
    for part in deals.finished:
        left_out = dropped.get(part.name, set())
        for number, row in enumerate(read_rows(deals.target / part.name, deals.format)):
            if number not in left_out:
                yield row

"""Which stages deals went through, as far as two successive readings of the deals show it: ``observed_stage_history``.

It costs nothing, and of several moves in between only the last is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from airflow_provider_pipedrive.extraction.output.formats import read_rows
from airflow_provider_pipedrive.extraction.output.names import format_of
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading.changelogs import key_of
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome
from airflow_provider_pipedrive.extraction.reading.plans import ObservedPlan, save_plan
from airflow_provider_pipedrive.extraction.storage.files import read_json, write_json
from airflow_provider_pipedrive.extraction.watermarks import CLAIMS_KEPT, change

_STREAM = "observed"
_SEEN = "stages.json"
_Move = tuple[int, int, int, Any]
"""A deal, the stage that it left, the one that it came to, and when."""


def observe(
    staging: EntityStaging, deals: EntityStaging, dropped: Mapping[str, set[int]], state: Any, run: str
) -> ReadOutcome:
    """Write what the stages of the deals say when they are held against those of the reading before.

    The stages that are seen now take the place of those before, so they say so once only. What a run has seen is kept
    under its name: a run that is repeated lands it again, and what has moved since.

    :param deals: where the deals have been read to
    :param dropped: by part, the numbers of rows that something newer has taken the place of
    :param state: the file that keeps the stages; :func:`keep_observed` renews it
    :param run: the run's name
    """
    staging.load()
    staging.forget({part.name for part in staging.finished})
    plan = ObservedPlan()
    save_plan(staging, plan)
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
    staging.write(_STREAM, [0], [msgspec.json.encode(record) for record in records], [key_of(each) for each in records])
    staging.finish(_STREAM, {})
    write_json(staging.folder / _SEEN, _Stages(now, {run: found}).to_json())
    about = {"kind": "observed", "deals": len(now), "seen_before": len(kept.stages)}
    return ReadOutcome(plan.strategy, about, staging.newest)


def keep_observed(staging: EntityStaging, state: Any) -> None:
    """Let the stages that :func:`observe` saw be those that the next reading is held against."""
    seen = _Stages.of(read_json(staging.folder / _SEEN))
    change(state, lambda kept: _Stages.of(kept).then(seen).to_json())


def has_observed(state: Any, run: str) -> bool:
    """Whether it is known what a run has seen."""
    return run in _Stages.of(read_json(state)).moves


def stages_seen(stages: Mapping[int, int]) -> dict[str, Any]:
    """What :func:`keep_observed` would keep of these stages by deal, and of no moves."""
    return _Stages(stages, {}).to_json()


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


def _rows(deals: EntityStaging, dropped: Mapping[str, set[int]]) -> Iterator[dict[str, Any]]:
    for part in deals.finished:
        left_out = dropped.get(part.name, set())
        for number, row in enumerate(read_rows(deals.source(part.name), format_of(part.name))):
            if number not in left_out:
                yield row

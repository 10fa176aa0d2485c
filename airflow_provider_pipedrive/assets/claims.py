"""Which run of a DAG has which of an asset's stored events: each exactly one. Pure.

A run claims all events that are stored when its task first starts and that no run before has claimed. The claim is
written down before anything is read from it, so that a repeated or cleared run finds its own events again, and the next
run those after them.

Events are told apart by time, and near the end of a claim by their ids: a row may become visible a moment after another
that has a later time. Hence the boundary.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

BOUNDARY_WIDTH: Final = timedelta(seconds=120)
"""How much later than an event with a later time another may become visible: clocks differ, transactions take time."""
MOST_BYTES: Final = 48 * 1024
"""Of all claims as JSON. Airflow's state stores take 64 KiB; the oldest claims go first."""


@dataclass(frozen=True)
class Row:
    """A stored asset event."""

    id: int
    time: datetime
    extra: Any


@dataclass(frozen=True)
class Claim:
    """One run's claim.

    :ivar run: its run id
    :ivar since: the end of the claim before; ``None`` for the first
    :ivar until: the time of its last event
    :ivar before: ids of the events near ``since`` that earlier runs have
    :ivar boundary: ids of the events near ``until`` that this run or earlier ones have
    """

    run: str
    since: datetime | None
    until: datetime | None
    before: frozenset[int] = frozenset()
    boundary: frozenset[int] = frozenset()

    @property
    def read_from(self) -> datetime | None:
        """The time from which its events must be looked for."""
        return None if self.since is None else self.since - BOUNDARY_WIDTH

    def has(self, row: Row) -> bool:
        """Whether an event is in it."""
        if self.until is None or row.time > self.until or self.is_earlier(row):
            return False
        return row.time <= self.until - BOUNDARY_WIDTH or row.id in self.boundary

    def is_earlier(self, row: Row) -> bool:
        """Whether an earlier run has an event. One that became visible late is a later run's, whatever its time."""
        return row.id in self.before or (self.read_from is not None and row.time <= self.read_from)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "run": self.run,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "before": sorted(self.before),
            "boundary": sorted(self.boundary),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Claim:
        """From :meth:`to_json`'s data."""
        return cls(
            data["run"],
            datetime.fromisoformat(data["since"]) if data["since"] else None,
            datetime.fromisoformat(data["until"]) if data["until"] else None,
            frozenset(data["before"]),
            frozenset(data["boundary"]),
        )


@dataclass(frozen=True)
class Claims:
    """The latest claims of one consumer, the last one last."""

    claims: tuple[Claim, ...] = field(default=())

    def of(self, run: str) -> Claim | None:
        """A run's claim, if it has one that is still known."""
        return next((claim for claim in self.claims if claim.run == run), None)

    def base(self, run: str, since: datetime | None) -> Claim:
        """The claim that a new run makes before it has looked: it begins where the last one ends.

        :param since: where the first of all claims begins
        """
        if not self.claims:
            return Claim(run, since, None)
        last = self.claims[-1]
        return Claim(run, last.until, None, last.boundary)

    def and_then(self, claim: Claim) -> Claims:
        """With one more; the oldest are let go where they become too many."""
        kept = [*self.claims, claim]
        while len(kept) > 1 and len(json.dumps(Claims(tuple(kept)).to_json())) > MOST_BYTES:
            kept.pop(0)
        return Claims(tuple(kept))

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"claims": [claim.to_json() for claim in self.claims]}

    @classmethod
    def from_json(cls, data: Any) -> Claims:
        """From :meth:`to_json`'s data, or ``None``."""
        return cls(tuple(Claim.from_json(claim) for claim in data["claims"])) if data else cls()


def claimed(base: Claim, rows: Iterable[Row]) -> tuple[Claim, list[Row]]:
    """The claim on all of ``rows`` that no run before has, and these.

    :param base: see :meth:`Claims.base`
    :param rows: all events from :attr:`Claim.read_from` on
    """
    rows = list(rows)
    fresh = [row for row in rows if not base.is_earlier(row)]
    until = max((row.time for row in fresh), default=base.since)
    if until is not None and base.since is not None:
        until = max(until, base.since)
    boundary = base.before | {row.id for row in fresh}
    if until is not None:
        near = {row.id for row in rows if row.time > until - BOUNDARY_WIDTH}
        boundary &= near
    return Claim(base.run, base.since, until, base.before, frozenset(boundary)), fresh

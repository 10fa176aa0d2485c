"""How far a job has read, and which run reads which window: a watermark for each entity, kept with the data.

The watermark is the greatest time of last update that was landed, on Pipedrive's clock. It moves only after the data is
published. A run that reads on from it first claims its window: it writes down where the window begins and ends, under
the run's name. A retry of the run, or the run when it is cleared, finds its claim and reads the same window again; a
run that has none begins at the watermark. So a claim that was never completed costs nothing: the next run's window
covers it too.

Every change is a compare-and-swap, so that runs that begin or end at the same moment lose nothing of each other's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow_provider_pipedrive.extraction.reading.pages import Identity
from airflow_provider_pipedrive.extraction.storage.disk import STATE
from airflow_provider_pipedrive.extraction.storage.files import files, folder_path, read_json
from airflow_provider_pipedrive.extraction.storage.versioned import Versioned, read_versioned, replace_versioned

MOST_AT_BOUNDARY = 10_000
"""Records of a watermark's last seconds that are kept; with more, as after a bulk import, those come twice. The claims
of an entity have as many between them."""
CLAIMS_KEPT: Final = 50
"""Runs whose windows are remembered, of each entity."""
_MOST_CONFLICTS = 100
"""Each conflict means that another run has got through; so many in a row, and the storage compares wrongly."""

Boundary = Mapping[Identity, datetime]


@dataclass(frozen=True)
class Watermark:
    """How far one entity has been read.

    :ivar until: everything last updated before it has been landed
    :ivar boundary: the records of its last seconds, by id with their time, which the next window brings again
    """

    until: datetime
    boundary: Boundary = field(default_factory=dict)


@dataclass(frozen=True)
class WindowClaim:
    """The window that belongs to a run.

    :ivar run: the run's name
    :ivar since: where it begins: the watermark as it was then; ``None`` for the whole list
    :ivar until: where it ends: the time when it was claimed
    :ivar boundary: the records of the last seconds before ``since`` that earlier runs have landed
    :ivar completed: whether the run has published it
    """

    run: str
    since: datetime | None
    until: datetime
    boundary: Boundary = field(default_factory=dict)
    completed: bool = False


@dataclass(frozen=True)
class Reading:
    """How far an entity has been read, and the windows of the latest runs, the last one last. Pure.

    :ivar watermark: ``None`` before the first run has ended, or where it was forgotten
    """

    watermark: Watermark | None = None
    claims: tuple[WindowClaim, ...] = ()

    def of(self, run: str) -> WindowClaim | None:
        """A run's claim, if it has one that is still known."""
        return next((claim for claim in self.claims if claim.run == run), None)

    def claimed(self, run: str, until: datetime) -> Reading:
        """With a claim of that run, from the watermark on; as it is where the run has one."""
        if self.of(run) is not None:
            return self
        since, boundary = (None, {}) if self.watermark is None else (self.watermark.until, self.watermark.boundary)
        return replace(self, claims=(*self.claims, WindowClaim(run, since, until, boundary))[-CLAIMS_KEPT:])

    def completed(self, claim: WindowClaim, newest: datetime | None, landed: Boundary, lookback: float) -> Reading:
        """With a run's window published.

        The watermark stays where the claim was completed before (the window was read again), and where it has been set
        back to before the window since: between it and the window there would be a gap.

        :param newest: the greatest time of last update in it
        :param landed: the records of its last seconds, by id with their time
        :param lookback: seconds that the next window reaches back
        """
        known = self.of(claim.run)
        if known is not None and known.completed:
            return self
        done = replace(claim, completed=True)
        claims = tuple(done if each is known else each for each in self.claims)
        if known is None:  # so many runs have begun since that it was let go
            claims = (*claims, done)
        return Reading(self._moved(claim, newest, landed, lookback), claims[-CLAIMS_KEPT:])

    def _moved(
        self, claim: WindowClaim, newest: datetime | None, landed: Boundary, lookback: float
    ) -> Watermark | None:
        before = self.watermark
        if newest is None or (before is not None and newest < before.until):
            return before
        if claim.since is not None and (before is None or before.until < claim.since):
            return before
        boundary = {**(before.boundary if before else {}), **landed}
        first = newest - timedelta(seconds=lookback)
        # What was updated in a second that was not over when it was read may be updated in that second once more.
        over = claim.until.replace(microsecond=0)
        return Watermark(newest, {identity: moment for identity, moment in boundary.items() if first <= moment < over})

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        left = MOST_AT_BOUNDARY
        claims: list[dict[str, Any]] = []
        for claim in reversed(self.claims):
            kept = claim.boundary if len(claim.boundary) <= left else {}
            left -= len(kept)
            claims.append(
                {
                    "run": claim.run,
                    "since": _text(claim.since),
                    "until": _text(claim.until),
                    "completed": claim.completed,
                    "boundary": _pairs(kept),
                }
            )
        boundary = (
            self.watermark.boundary if self.watermark and len(self.watermark.boundary) <= MOST_AT_BOUNDARY else {}
        )
        return {
            "until": _text(self.watermark.until) if self.watermark else None,
            "boundary": _pairs(boundary),
            "claims": claims[::-1],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Reading:
        """From :meth:`to_json`'s data, or ``None``."""
        if data is None:
            return cls()
        watermark = Watermark(_moment(data["until"]), _boundary(data["boundary"])) if data["until"] else None
        claims = (
            WindowClaim(
                claim["run"],
                _moment(claim["since"]) if claim["since"] else None,
                _moment(claim["until"]),
                _boundary(claim["boundary"]),
                claim["completed"],
            )
            for claim in data["claims"]
        )
        return cls(watermark, tuple(claims))


class Watermarks:
    """The watermarks of one job folder, of one connection.

    :param path: the job's folder: a local path, or one in object storage that knows its file system
    :ivar scope: what a watermark belongs to besides the entity: the account, the user, the names of columns,
        the parameters that narrow its list down
    """

    def __init__(self, path: Any, scope: Mapping[str, Any]) -> None:
        self._folder = folder_path(path) / STATE / "watermarks"
        self.scope = dict(scope)
        self._seen: dict[str, Versioned] = {}

    def get(self, entity: str) -> Watermark | None:
        """The watermark of an entity; None before its first."""
        return self.reading(entity).watermark

    def reading(self, entity: str) -> Reading:
        """How far an entity has been read, and by which runs."""
        self._seen[entity] = read_versioned(self._file(entity))
        return Reading.from_json(self._seen[entity].value)

    def set(self, entity: str, watermark: Watermark) -> None:
        """Move an entity's watermark; the claims of earlier runs stay theirs."""
        self._change(entity, lambda reading: replace(reading, watermark=watermark))

    def forget(self, entity: str) -> None:
        """Remove an entity's watermark: the next run begins as the first; the claims of earlier runs stay theirs."""
        self._change(entity, lambda reading: replace(reading, watermark=None))

    def claim(self, entity: str, run: str, until: datetime) -> WindowClaim:
        """The window of a run: the one that it has claimed before, or one from the watermark to ``until``."""
        claim = self._change(entity, lambda reading: reading.claimed(run, until)).of(run)
        assert claim is not None  # it is the last one, or was there
        return claim

    def complete(
        self, entity: str, claim: WindowClaim, newest: datetime | None, landed: Boundary, lookback: float
    ) -> None:
        """Say that a run's window is published: see :meth:`Reading.completed`."""
        self._change(entity, lambda reading: reading.completed(claim, newest, landed, lookback))

    def name(self, entity: str) -> str:
        """What tells an entity's watermark of this scope from others of the folder."""
        scope = hashlib.sha256(repr(sorted(self.scope.items())).encode()).hexdigest()[:12]
        return f"{entity}-{scope}"

    def _change(self, entity: str, do: Callable[[Reading], Reading]) -> Reading:
        about = {"entity": entity, "scope": self.scope}
        seen = self._seen.pop(entity, None)
        kept = change(self._file(entity), lambda data: {**about, **do(Reading.from_json(data)).to_json()}, seen)
        if kept.version is not None:
            self._seen[entity] = kept
        return Reading.from_json(kept.value)

    def _file(self, entity: str) -> Any:
        return self._folder / f"{self.name(entity)}.json"


def change(
    file: Any,
    do: Callable[[dict[str, Any] | None], dict[str, Any]],
    seen: Versioned | None = None,
) -> Versioned:
    """Change a JSON file by compare-and-swap: what others write meanwhile is not lost.

    :param do: what is to be in it, going by what is; it may be asked more than once
    :param seen: what was in it a moment ago, with its version: a request less in object storage
    """
    for _ in range(_MOST_CONFLICTS):
        before = seen or read_versioned(file)
        seen = None
        after = do(before.value)
        if after == before.value:
            return before
        if (written := replace_versioned(file, after, before.version)) is not None:
            return written
    raise OSError(f"{file} was changed by others {_MOST_CONFLICTS} times in a row.")


def listed(path: Any) -> list[dict[str, Any]]:
    """Every watermark of a job folder, of whatever scope, with the claims on it."""
    folder = folder_path(path) / STATE / "watermarks"
    names = sorted(found.name for found in files(folder) if found.name.endswith(".json"))
    kept = [read_json(folder / name) or {} for name in names]
    return [{name: watermark[name] for name in ("entity", "until", "scope", "claims")} for watermark in kept]


def _text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _pairs(boundary: Boundary) -> list[list[Any]]:
    return [[identity, moment.isoformat()] for identity, moment in boundary.items()]


def _boundary(pairs: Iterable[tuple[Identity, str]]) -> dict[Identity, datetime]:
    return {identity: _moment(text) for identity, text in pairs}

"""How far a job has read: a mark for each entity, kept beside the data.

It is the greatest time of last update that was landed, on Pipedrive's clock, and moves only after the data is
published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_provider_pipedrive.client.extraction.pages import Identity
from airflow_provider_pipedrive.client.extraction.storage import STATE, files, read_json, remove, write_json

MOST_EDGE = 10_000
"""Records of a mark's last seconds that are kept; with more, as after a bulk import, those come twice."""


@dataclass(frozen=True)
class Mark:
    """How far one entity has been read.

    :ivar until: everything last updated before it has been landed
    :ivar edge: the records of its last seconds, by id with their time, which the next window brings again
    """

    until: datetime
    edge: Mapping[Identity, datetime] = field(default_factory=dict)


class Marks:
    """The marks of one job folder, of one connection.

    :param path: the job's folder
    :param scope: what a mark belongs to beside the entity: the account, the user, the names of columns,
        the parameters that narrow its list down
    """

    def __init__(self, path: Any, scope: Mapping[str, Any]) -> None:
        self._folder = path / STATE / "marks"
        self._scope = dict(scope)

    def get(self, entity: str) -> Mark | None:
        """The mark of an entity; None before its first."""
        kept = read_json(self._file(entity))
        if kept is None:
            return None
        edge = {identity: datetime.fromisoformat(moment) for identity, moment in kept.get("edge", ())}
        return Mark(datetime.fromisoformat(kept["until"]), edge)

    def set(self, entity: str, mark: Mark) -> None:
        """Move an entity's mark."""
        edge = mark.edge if len(mark.edge) <= MOST_EDGE else {}
        write_json(
            self._file(entity),
            {
                "entity": entity,
                "until": mark.until.astimezone(UTC).isoformat(),
                "scope": self._scope,
                "edge": [[identity, moment.isoformat()] for identity, moment in edge.items()],
            },
        )

    def forget(self, entity: str) -> None:
        """Remove an entity's mark: the next run begins as the first."""
        remove(self._file(entity))

    def _file(self, entity: str) -> Any:
        scope = hashlib.sha256(repr(sorted(self._scope.items())).encode()).hexdigest()[:12]
        return self._folder / f"{entity}-{scope}.json"


def listed(path: Any) -> list[dict[str, Any]]:
    """Every mark of a job folder, of whatever scope."""
    folder = path / STATE / "marks"
    kept = [read_json(folder / name) or {} for name in sorted(found.name for found in files(folder))]
    return [{name: mark[name] for name in ("entity", "until", "scope")} for mark in kept]

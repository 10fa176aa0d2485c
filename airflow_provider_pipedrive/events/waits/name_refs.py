"""Names in a wait that are still to be looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

Ref = int | str
"""An id, or a name."""


@dataclass(frozen=True)
class NameRefs:
    """What a wait names by name or id, still to be looked up. Plain data.

    :ivar reaches: stages
    :ivar leaves: stages
    :ivar pipeline: that the stages belong to
    :ivar user: a deal's owner, or a file's uploader, by id, name or e-mail address
    :ivar filter_id: of a filter that has to be there
    """

    reaches: tuple[Ref, ...] = ()
    leaves: tuple[Ref, ...] = ()
    pipeline: Ref | None = None
    user: Ref | None = None
    filter_id: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "reaches": list(self.reaches),
            "leaves": list(self.leaves),
            "pipeline": self.pipeline,
            "user": self.user,
            "filter_id": self.filter_id,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From :meth:`to_json`'s data."""
        return cls(tuple(data["reaches"]), tuple(data["leaves"]), data["pipeline"], data["user"], data["filter_id"])

"""The parts of one entity while a run lasts: those being written, and the finished ones with what is known of them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from airflow_provider_pipedrive.extraction.definition import MB
from airflow_provider_pipedrive.extraction.output.part_writer import Part, PartWriter
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Key

PART_ROWS = 5_000
"""Rows of a part, at least of one that several scans fill. What a killed run loses is less than one part, where each
scan has its own, less than one for each."""
WHOLE = 16 * MB
"""Bytes from which a part is published as it is. One that several scans fill has so many, and more in a long run. It
still goes to object storage in one piece, in time next to the reading."""
MOST_ROWS = 100_000
"""Rows of a part that several scans fill, however small they are."""
MOST_AT_BOUNDARY = 2_000
"""Records of a part's last seconds that are kept; with more, as after a bulk import, those come twice."""


@dataclass
class FinishedPart:
    """A finished part that is not published yet.

    :ivar order: its place among the parts, for an order that does not depend on who was faster
    :ivar resume_info: what the reader of the part wants to know of it when it continues
    :ivar ids: the identity of every row, in the file's order
    :ivar newest: the greatest time of last update in it
    :ivar boundary: the records of its last two minutes of updates, which a window that reaches back brings again
    """

    name: str
    stream: str
    order: list[Any]
    part: Part
    resume_info: dict[str, Any]
    ids: Sequence[Identity] = ()
    newest: datetime | None = None
    boundary: Mapping[Identity, datetime] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """As it is kept in a file of its own, from which :meth:`decoded` makes it again."""
        return msgspec.json.encode(
            {
                "stream": self.stream,
                "order": self.order,
                "rows": self.part.rows,
                "bytes": self.part.bytes,
                "sha256": self.part.sha256,
                "nulled_values": dict(self.part.nulled_values),
                "nulled_rows": dict(self.part.nulled_rows),
                "resume_info": self.resume_info,
                "boundary": [[identity, moment.isoformat()] for identity, moment in self.boundary.items()],
                "newest": self.newest.isoformat() if self.newest else None,
                "ids": list(self.ids),
            }
        )

    @classmethod
    def decoded(cls, name: str, content: bytes) -> FinishedPart:
        """The part of that name, from what :meth:`encoded` made of it."""
        known = msgspec.json.decode(content)
        part = Part(known["rows"], known["bytes"], known["sha256"], known["nulled_values"], known["nulled_rows"])
        return cls(
            name,
            known["stream"],
            known["order"],
            part,
            known["resume_info"],
            _compact(known["ids"]),
            datetime.fromisoformat(known["newest"]) if known["newest"] else None,
            {identity: datetime.fromisoformat(text) for identity, text in known["boundary"]},
        )


@dataclass
class OpenPart:
    """A part being written, and what is to be known of it when it is finished."""

    writer: PartWriter
    name: str
    order: list[Any]
    ids: list[Identity] | array[int] = field(default_factory=lambda: array("q"))
    rows: int = 0
    newest: datetime | None = None
    boundary: dict[Identity, datetime] = field(default_factory=dict)

    def note(self, keys: Sequence[Key], boundary_width: timedelta) -> None:
        """Note the records that were appended.

        :param boundary_width: how far before the newest one a record is kept by its time
        """
        times = [key.update_time for key in keys if key.update_time is not None]
        if times:
            self.newest = max(times) if self.newest is None else max(self.newest, *times)
            first = self.newest - boundary_width
            if max(times) >= first:
                self.boundary.update(
                    {key.id: key.update_time for key in keys if key.update_time and key.update_time >= first}
                )
            if len(self.boundary) > MOST_AT_BOUNDARY:
                kept = {identity: moment for identity, moment in self.boundary.items() if moment >= first}
                self.boundary = kept if len(kept) <= MOST_AT_BOUNDARY else {}
        ids = [key.id for key in keys]
        numbers = [identity for identity in ids if isinstance(identity, int)]
        if isinstance(self.ids, array) and len(numbers) == len(ids):
            self.ids.extend(numbers)
        else:  # ids that are texts, such as leads'
            self.ids = [*self.ids, *ids]
        self.rows += len(keys)

    def finished(self, stream: str, resume_info: Mapping[str, Any]) -> FinishedPart:
        """End the file, which is still to appear."""
        part = self.writer.end()
        return FinishedPart(
            self.name, stream, self.order, part, dict(resume_info), self.ids, self.newest, self.boundary
        )


def _compact(ids: list[Identity]) -> Sequence[Identity]:
    numbers = [identity for identity in ids if isinstance(identity, int)]
    return array("q", numbers) if len(numbers) == len(ids) else ids

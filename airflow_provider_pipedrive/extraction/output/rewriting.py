"""Files of an entity that are written again: put together, without the rows that no longer count; and those of deleted
records."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from airflow_provider_pipedrive.client.times import write_time
from airflow_provider_pipedrive.extraction.output.formats import (
    columns_in,
    open_copy,
    open_part,
    read_rows,
    without_rows,
)
from airflow_provider_pipedrive.extraction.output.names import PartNames, format_of, kind_of
from airflow_provider_pipedrive.extraction.output.part_uploads import PartUploads
from airflow_provider_pipedrive.extraction.output.part_writer import Part, PartWriter
from airflow_provider_pipedrive.extraction.output.parts import PART_ROWS
from airflow_provider_pipedrive.extraction.reading.pages import Identity
from airflow_provider_pipedrive.extraction.storage.files import make_folder

RowKey = tuple[str, ...]


@dataclass(frozen=True)
class TombstoneColumn:
    """A column of the file of tombstones."""

    name: str
    type: str
    items: str | None = None
    description: str = ""
    labels: Mapping[str, str] | None = None


class PartRewriter:
    """Writes files of an entity's folder again.

    :param target: the folder
    :param format: of what is published
    :param names: gives the new files their names
    :param whole_bytes: a part that has so many is published as it is
    :param most_bytes: a file that has so many gets no further parts
    :param uploads: knows where the parts are that are not published yet, and takes what is to be
    """

    def __init__(
        self,
        target: Any,
        format: str,  # noqa: A002 - the users' word
        names: PartNames,
        *,
        whole_bytes: int,
        most_bytes: int,
        uploads: PartUploads,
    ) -> None:
        self._target = target
        self._format = format
        self._names = names
        self._whole_bytes = whole_bytes
        self._most_bytes = most_bytes
        self._uploads = uploads

    def published(self, parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The parts as they are published: those that are large or have no neighbour as they are, the others put
        together in their order, a new file where one is large enough.

        :param parts: their entries in the publication, with the numbers of the rows that do not count as ``drop``
        """
        found: list[dict[str, Any]] = []
        with _Together(self._new, self._most_bytes, self._uploads) as together:
            for part, is_whole in zip(parts, self._are_whole(parts), strict=True):
                if is_whole:
                    found += together.closed()
                    self._uploads.publish(part["name"])
                    found.append({name: part[name] for name in ("name", "rows", "bytes", "sha256")})
                else:
                    found += together.add(self._uploads.source(part["name"]), part)
            found += together.closed()
        self._uploads.settle()
        return found

    def _are_whole(self, parts: Sequence[Mapping[str, Any]]) -> Iterator[bool]:
        """Of each part whether it is published as it is."""
        fit = [not part["drop"] and format_of(part["name"]) == self._format for part in parts]
        large = [fits and part["bytes"] >= self._whole_bytes for fits, part in zip(fit, parts, strict=True)]
        for at, fits in enumerate(fit):
            yield large[at] or (fits and all(large[max(at - 1, 0) : at] + large[at + 1 : at + 2]))

    def _new(self, columns: Any) -> tuple[str, PartWriter]:
        name = self._names.next("part")
        return name, open_copy(self._target / name, self._format, columns)

    def without_keys(
        self, part: Mapping[str, Any], columns: Sequence[str], read_again: Container[RowKey]
    ) -> dict[str, Any] | None:
        """A file without the rows that were read again; None where that are all.

        :param part: its entry in a manifest
        :param columns: of the key
        """
        drop = frozenset(
            number
            for number, found in enumerate(self.keys(part["name"], columns))
            if found is not None and found in read_again
        )
        if not drop:
            return dict(part)
        if len(drop) == part["rows"]:
            return None
        name = self._names.next(kind_of(part["name"]), format_of(part["name"]))
        left = without_rows(self._target / part["name"], self._target / name, part["rows"], drop)
        return {**part, **_entry(name, left)}

    def keys(self, name: str, columns: Sequence[str]) -> Iterator[RowKey | None]:
        """The key of every row of a file; None for a row that has none."""
        for row in read_rows(self._target / name, format_of(name)):
            found = [row.get(column) for column in columns]
            yield None if None in found else tuple(map(str, found))

    def tombstones(self, deleted: Mapping[Identity, datetime | None]) -> list[dict[str, Any]]:
        """A file of deleted records; none where there are none."""
        if not deleted:
            return []
        whole = all(isinstance(identity, int) for identity in deleted)
        columns = (TombstoneColumn("id", "integer" if whole else "string"), TombstoneColumn("deleted_at", "timestamp"))
        name = self._names.next("tombstones")
        make_folder(self._target)
        part = open_part(self._target / name, self._format, columns)
        rows = [
            {"id": identity, "deleted_at": write_time(moment) if moment else None}
            for identity, moment in sorted(deleted.items(), key=lambda item: str(item[0]))
        ]
        for start in range(0, len(rows), PART_ROWS):
            part.write(rows[start : start + PART_ROWS])
        return [_entry(name, part.close())]


class _Together:
    """Rows of several parts in one file, and in another one when that is large enough or their columns differ.

    :param begin: begins a file of these columns
    """

    def __init__(self, begin: Callable[[Any], tuple[str, PartWriter]], most_bytes: int, uploads: PartUploads) -> None:
        self._begin = begin
        self._uploads = uploads
        self._most_bytes = most_bytes
        self._open: tuple[str, PartWriter] | None = None
        self._columns: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._open is not None:
            self._open[1].abort()

    def add(self, source: Any, part: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Append the rows of a part that count; the file that ended for it."""
        columns, ended = columns_in(source), []
        if self._open is not None and (self._open[1].size >= self._most_bytes or columns != self._columns):
            ended = self.closed()
        if self._open is None:
            self._open, self._columns = self._begin(columns), columns
        self._open[1].copy(source, part["rows"], frozenset(part["drop"]))
        return ended

    def closed(self) -> list[dict[str, Any]]:
        """End the file that is being written, if there is one."""
        if self._open is None:
            return []
        name, writer = self._open
        self._open = None
        part = writer.end()
        self._uploads.publish_new(writer)
        return [_entry(name, part)]


def _entry(name: str, part: Part) -> dict[str, Any]:
    """What a manifest says of a file."""
    return {"name": name, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256}

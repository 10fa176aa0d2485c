"""Files of an entity that are written again, without the rows that no longer count, and those of deleted records."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_provider_pipedrive.client.times import write_time
from airflow_provider_pipedrive.extraction.output.encoders import Encoder
from airflow_provider_pipedrive.extraction.output.formats import open_part, read_rows, without_rows
from airflow_provider_pipedrive.extraction.output.names import PartNames, format_of, kind_of
from airflow_provider_pipedrive.extraction.output.part_writer import Part
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
    :param names: gives the new files their names
    """

    def __init__(self, target: Any, format: str, encoder: Encoder, names: PartNames) -> None:  # noqa: A002 - the users' word
        self._target = target
        self._format = format
        self._encoder = encoder
        self._names = names

    def counting_rows(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """A part as it is published: another file where some of its rows do not count.

        :param part: its entry in the publication, with the numbers of those rows as ``drop``
        """
        if not part["drop"]:
            return {name: part[name] for name in ("name", "rows", "bytes", "sha256")}
        name = self._names.next("part")
        source, target = self._target / part["name"], self._target / name
        written = without_rows(source, target, self._format, self._encoder.columns, frozenset(part["drop"]))
        return _entry(name, written)

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
        name = self._names.next(kind_of(part["name"]))
        source, target = self._target / part["name"], self._target / name
        return {**part, **_entry(name, without_rows(source, target, format_of(part["name"]), None, drop))}

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


def _entry(name: str, part: Part) -> dict[str, Any]:
    """What a manifest says of a file."""
    return {"name": name, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256}

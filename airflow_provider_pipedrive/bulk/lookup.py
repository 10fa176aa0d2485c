"""Creations that were sent and not answered: which of them Pipedrive has made.

Pipedrive has no idempotency keys. The newest records are read back to the time at which the first of these creations
was sent; a record that has the very values, and that no other operation has made, is the one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.journal import Journal, from_json, to_json
from airflow_provider_pipedrive.bulk.records import has, link_of, moment_of
from airflow_provider_pipedrive.bulk.related import made_id
from airflow_provider_pipedrive.bulk.targets import LINK_OF, Target, target_of
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.lists import sure_records

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.client.fields import FieldBook

log = logging.getLogger(__name__)
_TELLING = ("name", "title", "subject", "content", "product_id", "person_id", "user_id")
_NOTHING = ("", "")
MARGIN = timedelta(seconds=60)
"""By how much the clocks of Pipedrive's servers may differ."""


class Lookup:
    """Settles the creations of unknown outcome in a journal."""

    def __init__(self, client: PipedriveClient, books: Mapping[str, FieldBook], journal: Journal) -> None:
        self._client = client
        self._books = books
        self._journal = journal

    def settle(self) -> None:
        """Creations that are found are done; the others are planned again."""
        open_ones = self._journal.run(
            "SELECT operation, entity, fields, note FROM operations WHERE state IN ('sent', 'lost') ORDER BY operation"
        ).fetchall()
        for entity in sorted({entity for _number, entity, _fields, _note in open_ones}):
            mine = {number: from_json(fields) for number, each, fields, _note in open_ones if each == entity}
            since = min(datetime.fromisoformat(note) for _number, each, _fields, note in open_ones if each == entity)
            found = self._found(target_of(entity), mine, since - MARGIN)
            with self._journal.transaction():
                for number in mine:
                    if number in found:
                        self._journal.run(
                            "UPDATE operations SET state = 'done', id = ?, note = ? WHERE operation = ?",
                            [to_json(found[number][0]), found[number][1], number],
                        )
                    else:
                        self._journal.run("UPDATE operations SET state = 'planned' WHERE operation = ?", [number])
            log.info(
                "%s: of %s without a clear answer, %d took place.", entity, counted(len(mine), "creation"), len(found)
            )

    def _found(
        self, target: Target, wanted: Mapping[int, Mapping[str, Any]], since: datetime
    ) -> dict[int, tuple[Any, str | None]]:
        found: dict[int, tuple[Any, str | None]] = {}
        alike: dict[tuple[str, str], list[int]] = {}
        for number, fields in wanted.items():
            alike.setdefault(_told_by(fields), []).append(number)
        for record in self.newest(target, wanted, since):
            identity = record[target.record_id]
            known = self._journal.one(
                "SELECT 1 FROM operations WHERE entity = ? AND id = ? AND state = 'done' AND action = 'create'",
                [target.entity, to_json(identity)],
            )
            if known:
                continue
            for number in (number for told in _tells(record) for number in alike.get(told, ())):
                if number not in found and self._is_made_of(target, record, wanted[number]):
                    found[number] = (identity, record.get("update_time"))
                    break
        return found

    def newest(
        self, target: Target, wanted: Mapping[int, Mapping[str, Any]], since: datetime
    ) -> Iterator[Mapping[str, Any]]:
        """The records that were made since a time, and perhaps older ones; of links, all of the deals of ``wanted``."""
        if target.is_link:
            for deal in sorted({fields[LINK_OF] for fields in wanted.values()}):
                links = sure_records(self._client, target.listed, {"id": deal})
                yield from (link_of(record, deal) for record in links)
            return
        for record in self._client.iterate(target.listed, target.newest):
            added = moment_of(record.get("add_time"))
            if added is not None and added < since:
                return
            yield record

    def _is_made_of(self, target: Target, record: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
        book = self._books[target.entity]
        if target.is_link and record[LINK_OF] != fields[LINK_OF]:
            return False
        values = {name: made_id(self._journal, value) for name, value in fields.items() if name in book.fields}
        return all(has(book.fields[name], record, value, flat=target.flat) for name, value in values.items())


def _told_by(fields: Mapping[str, Any]) -> tuple[str, str]:
    """By what a creation is recognised: what it is called, or what it links; a few have neither."""
    return next(((name, _trimmed(fields[name])) for name in _TELLING if fields.get(name) is not None), _NOTHING)


def _tells(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """All that a record may be recognised by: it has more than what it was made of."""
    yield from ((name, _trimmed(record[name])) for name in _TELLING if record.get(name) is not None)
    yield _NOTHING


def _trimmed(value: Any) -> str:
    return str(value).strip()

"""What is there: one priced reading of the records, of which only those that rows mean are kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.job import BulkJob
from airflow_provider_pipedrive.bulk.journal import Journal, from_json, to_json
from airflow_provider_pipedrive.bulk.matching import KeyPart, keys_of_record
from airflow_provider_pipedrive.bulk.reading import Columns
from airflow_provider_pipedrive.bulk.records import MOST_KEYS, by_ids, by_keys, link_of
from airflow_provider_pipedrive.bulk.targets import LINK_OF, PARTICIPANTS
from airflow_provider_pipedrive.bulk.within import Within
from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client.field_kinds import Field
from airflow_provider_pipedrive.client.fields import PRIMARY, FieldBook
from airflow_provider_pipedrive.client.lists import sure_records
from airflow_provider_pipedrive.client.paging import sorted_by_id
from airflow_provider_pipedrive.errors import PipedriveNotFoundError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
MOST_CUSTOM_FIELDS = 15
"""Custom fields that a list can be asked for. https://developers.pipedrive.com/docs/api/v1/Deals#getDeals"""
_PAGE = 500
PRODUCTS = "products_count"
"""Of a deal: how many products it has. Where there are some, its value is computed from them."""


class RecordIndex:
    """Finds the records that rows mean, and what they have in the fields that rows write."""

    def __init__(
        self, client: PipedriveClient, job: BulkJob, book: FieldBook, journal: Journal, columns: Columns
    ) -> None:
        self._client = client
        self._job = job
        self._target = job.target
        self._book = book
        self._journal = journal
        self._columns = columns
        self._fields = self._written()
        self._known_rows: set[int] = set()
        self._within = Within(job, book, columns)

    def read(self) -> None:
        """Read what is needed, and keep it in the journal."""
        if self._job.diff == "state" and self._take_state():
            return
        if self._target.is_link:
            self._keep(self._of_deals(), archived=False)
        elif self._by_id and self._job.mode != "mirror":
            ids = [found for (found,) in self._journal.each("SELECT json_extract(fields, '$.id') FROM rows")]
            self._keep(by_ids(self._client, self._target, ids, self._parameters), archived=False)
        elif self._job.mode == "mirror" or len(self._columns.key) != 1:
            self._keep_all(self._client.iterate(self._target.listed, self._parameters))
        else:
            self._keep_by_key(self._columns.key[0])
        if self._within.filter_id is not None:
            self._keep_within_filter(self._within.filter_id)

    def _take_state(self) -> bool:
        """Take what the last run in this folder has written for what is there.

        A row that no run has written yet, or that has another address or number, of which a record may have several, is
        looked for in Pipedrive.

        :returns: whether that is true of no row
        """
        rows = self._journal.each(
            "SELECT rows.row, rows.fields, state.id, state.fields FROM rows JOIN state ON state.key = rows.key"
        )
        with self._journal.transaction():
            for row, text, identity, written in rows:
                fields, before = from_json(text), from_json(written)
                if all(fields.get(name) == before.get(name) for name in PRIMARY if name in fields):
                    entries = {PRIMARY[name]: _entries(before[name]) for name in PRIMARY if before.get(name)}
                    self._journal.run(
                        "INSERT INTO matches VALUES (?, ?, 0, NULL, ?, NULL)",
                        [row, identity, to_json({**before, **entries})],
                    )
        missing = self._journal.one("SELECT count(*) FROM rows WHERE row NOT IN (SELECT row FROM matches)")
        self._known_rows = {row for (row,) in self._journal.each("SELECT row FROM matches")}
        return not missing and self._job.mode != "mirror"

    # ---- which records

    @property
    def _by_id(self) -> bool:
        return [part.field.key for part in self._columns.key] == ["id"]

    def _keep_by_key(self, part: KeyPart) -> None:
        keys = self._journal.run(
            "SELECT key FROM rows WHERE row NOT IN (SELECT row FROM matches) LIMIT ?", [MOST_KEYS + 1]
        ).fetchall()
        fields = [] if part.by_domain else self._target.search_fields(part.field)
        how, found = by_keys(self._client, self._target, [key for (key,) in keys], fields, self._parameters)
        if how == "index":
            self._keep_all(found)
        else:
            self._keep(found, archived=False)
            self._journal.set(lookup=how)

    def _keep_all(self, living: Iterable[Mapping[str, Any]]) -> None:
        self._keep(living, archived=False)
        if self._target.archived:
            self._keep(self._client.iterate(self._target.archived, self._parameters), archived=True)
        self._journal.set(lookup="index")

    def _of_deals(self) -> Iterator[Mapping[str, Any]]:
        """The links of every deal that rows name; of a mirror also of those that it is limited to."""
        deals = {from_json(fields).get(LINK_OF) for (fields,) in self._journal.each("SELECT fields FROM rows")}
        deals |= self._within.deals
        for deal in sorted(deal for deal in deals if isinstance(deal, int)):
            try:
                for record in sure_records(self._client, self._target.listed, {"id": deal}):
                    yield link_of(record, deal)
            except PipedriveNotFoundError:
                log.warning("%s: there is no deal %d.", self._job.entity, deal)

    # ---- what is asked for

    def _written(self) -> list[Field]:
        """The fields that any row writes."""
        found = self._journal.run("SELECT DISTINCT each.key FROM rows, json_each(rows.fields) AS each")
        keys: dict[str, None] = dict.fromkeys(key for (key,) in found)
        if isinstance(self._job.on_remove, Mapping):
            keys.update(dict.fromkeys(self._columns.field(name).key for name in self._job.on_remove))
        keys.update({PRIMARY[key]: None for key in list(keys) if key in PRIMARY})
        if self._job.entity == "activities" and "person_id" in keys:
            keys[PARTICIPANTS] = None
        return [self._book.fields[key] for key in keys if key in self._book.fields]

    @property
    def _parameters(self) -> dict[str, Any]:
        custom = {field.key for field in self._fields if field.custom}
        custom |= {part.field.key for part in self._columns.key if part.field.custom}
        custom |= {field.key for field in self._within.fields if field.custom}
        parameters: dict[str, Any] = {**sorted_by_id(ACTIONS[self._target.listed])}
        if self._target.takes_fields and len(custom) <= MOST_CUSTOM_FIELDS:
            known = [field.key for field in self._book.fields.values() if field.custom]
            if custom or known:  # with none, all would come: one is less
                parameters["custom_fields"] = sorted(custom) or known[:1]
        if self._job.entity == "deals" and any(field.key == "value" for field in self._fields):
            parameters["include_fields"] = [PRODUCTS]
        return parameters

    # ---- what is kept

    def _keep(self, records: Iterable[Mapping[str, Any]], *, archived: bool) -> None:
        records = iter(records)
        while page := list(islice(records, _PAGE)):
            with self._journal.transaction():
                for record in page:
                    self._keep_one(record, archived=archived or bool(record.get("is_archived")))

    def _keep_one(self, record: Mapping[str, Any], *, archived: bool) -> None:
        if record.get("is_deleted") or record.get("active_flag") is False:
            return
        identity = record[self._target.record_id]
        rows: set[int] = set()
        for key in keys_of_record(self._columns.key, record, flat=self._target.flat):
            row = self._journal.one("SELECT row FROM rows WHERE key = ?", [key])
            if row is not None:
                rows.add(row)
        if rows & self._known_rows:
            return  # the state says what is there
        before = None
        for row in sorted(rows):
            before = before or to_json(self._before(record))
            self._journal.run(
                "INSERT INTO matches VALUES (?, ?, ?, ?, ?, ?)",
                [row, to_json(identity), archived, record.get("add_time"), before, record.get("update_time")],
            )
        if not rows and self._job.mode == "mirror" and not archived and self._within.holds(record):
            self._keep_extra(record, identity)

    def _keep_extra(self, record: Mapping[str, Any], identity: Any) -> None:
        """A record that no row means is to be removed, unless its row was set aside."""
        keys = sorted(keys_of_record(self._columns.key, record, flat=self._target.flat))
        if any(self._journal.one("SELECT 1 FROM spared WHERE key = ?", [key]) for key in keys):
            return
        self._journal.run(
            "INSERT OR IGNORE INTO extras VALUES (?, ?, ?)",
            [to_json(identity), keys[0] if keys else None, to_json(self._before(record))],
        )

    def _before(self, record: Mapping[str, Any]) -> dict[str, Any]:
        found = {field.key: field.kind.current(field, record, flat=self._target.flat) for field in self._fields}
        if self._target.is_link:
            found[LINK_OF] = record[LINK_OF]
        if record.get(PRODUCTS):
            found[PRODUCTS] = record[PRODUCTS]
        return found

    def _keep_within_filter(self, filter_id: Any) -> None:
        parameters = {**self._parameters, "filter_id": filter_id}
        with self._journal.transaction():
            for record in self._client.iterate(self._target.listed, parameters):
                identity = record[self._target.record_id]
                if not self._journal.one("SELECT 1 FROM matches WHERE id = ?", [to_json(identity)]):
                    self._keep_extra(record, identity)


def _entries(value: str) -> list[dict[str, Any]]:
    """An address or number that is known to be the primary one."""
    return [{"value": value, "primary": True}]

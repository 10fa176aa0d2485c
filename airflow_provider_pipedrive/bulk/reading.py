"""Rows in: each converted to what Pipedrive takes, or rejected with the reason, before anything is written."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow_provider_pipedrive.bulk.journal import Journal, row_to_json, to_json
from airflow_provider_pipedrive.bulk.matching import KeyPart, key_of_row, shown_key
from airflow_provider_pipedrive.bulk.missing_labels import DELETED, MissingLabels, deleted_options
from airflow_provider_pipedrive.bulk.targets import LINK_OF
from airflow_provider_pipedrive.catalog.advice import nearest
from airflow_provider_pipedrive.client.field_kinds import KINDS, Field
from airflow_provider_pipedrive.client.field_values import Reference, is_missing, native, without_fraction
from airflow_provider_pipedrive.client.fields import PRIMARY
from airflow_provider_pipedrive.client.values import InvalidValue
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.bulk.job import BulkJob
    from airflow_provider_pipedrive.client.fields import FieldBook

log = logging.getLogger(__name__)
_BATCH = 500
_LARGEST_ID = 2**53
"""JSON's numbers are exact up to here."""
_REFERENCE = "$reference"
_CHOSEN = ("option", "options", "choice")
"""Kinds of which a label may become a new option."""


class Columns:
    """Which field each of the rows' columns is, and what rows are matched on.

    :raises PipedriveParameterError: a column or a part of ``match_on`` is no field
    """

    def __init__(self, job: BulkJob, book: FieldBook) -> None:
        self._job = job
        self._book = book
        self._fields: dict[str, Field | None] = {}
        self._spelled = {_folded(column): column for column in job.mapping or ()}
        self._seen: set[str] = set()
        if job.mapping is not None:
            for column, name in job.mapping.items():
                self._fields[column] = self.field(name)
        self.protected = {
            self.field(name).key if name not in self._fields else self._key_of(name) for name in job.only_if_empty
        }
        self.key = [self._part(name) for name in job.matched_on]

    def _key_of(self, column: str) -> str:
        found = self._fields[column]
        return found.key if found else column

    def field(self, name: str) -> Field:
        """The field that a name means.

        :raises PipedriveParameterError: there is none
        """
        if name.strip().lower() == "id":
            return Field("id", "id", KINDS["text" if self._job.target.flat else "integer"])
        if self._job.target.is_link and name.strip().lower() in (LINK_OF, "deal"):
            return Field(LINK_OF, LINK_OF, KINDS["deal"])
        return self._book.find(name)

    def of(self, column: Any) -> Field | None:
        """The field of a column; None where the mapping leaves it out."""
        if column not in self._fields:
            if self._job.mapping is not None:
                spelled = self._spelled.get(_folded(column))
                self._fields[column] = self._fields[spelled] if spelled else None
            else:
                self._fields[column] = self.field(str(column))
        return self._fields[column]

    def of_row(self, row: Mapping[str, Any]) -> dict[str, Field]:
        """The fields of a row's columns, without those that the mapping leaves out.

        :raises PipedriveParameterError: two columns mean one field
        """
        self._seen.update(row)
        found: dict[str, Field] = {}
        for column in row:
            exact = self._spelled.get(_folded(column), column)
            field = self.of(column)
            if field is not None and (column == exact or exact not in row):
                found[column] = field
        taken: dict[str, str] = {}
        for column, field in found.items():
            key = PRIMARY.get(field.key, field.key)
            if key in taken:
                raise PipedriveParameterError(f"Two columns mean the field {field}: {taken[key]!r} and {column!r}.")
            taken[key] = column
        return found

    def refuse_misspelled(self) -> None:
        """Hold the mapping against the columns that the rows had.

        :raises PipedriveParameterError: it names a column that no row has, and a row has one much like it
        """
        had = {_folded(column): str(column) for column in self._seen}
        free = {folded: column for folded, column in had.items() if folded not in self._spelled}
        for folded, column in self._spelled.items():
            if not had or folded in had:
                continue
            if near := nearest(column, free.values(), cutoff=0.75):
                raise PipedriveParameterError(
                    f"mapping names the column {column!r}, which no row has. Did you mean {near[0]!r}?"
                )
            log.warning("%s: no row has the column %r, which mapping names.", self._job.entity, column)

    def _part(self, name: str) -> KeyPart:
        alias = name.strip().lower()
        if alias == "domain" and self._job.entity in ("persons", "organizations"):
            key = "email" if self._job.entity == "persons" else "website"
            return KeyPart(name, self.field(key), by_domain=True)
        if alias == "name" and self._job.entity in ("deals", "leads"):
            return KeyPart(name, self.field("title"))
        found = self.field(name)
        if found.key in PRIMARY.values():
            short = next(short for short, whole in PRIMARY.items() if whole == found.key)
            found = self.field(short)
        return KeyPart(name, found)


class RowReader:
    """Converts rows and keeps them in the journal."""

    def __init__(self, job: BulkJob, book: FieldBook, journal: Journal, columns: Columns) -> None:
        self._job = job
        self._book = book
        self._journal = journal
        self._columns = columns
        self.labels = MissingLabels(job)

    def read(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Read all rows.

        :returns: how many there were
        :raises PipedriveParameterError: a column is no field, or a label is no option
        """
        if not isinstance(rows, Iterable) or isinstance(rows, str | bytes | Mapping):
            raise PipedriveParameterError(
                f"rows must be a list, or another iterable, of dicts of column to value, not {rows!r:.80}."
            )
        number, batch = 0, []
        digest = Digest()
        for number, row in enumerate(rows, 1):
            if not isinstance(row, Mapping):
                raise PipedriveParameterError(f"Row {number} must be a dict of column to value, not {row!r:.80}.")
            given = row_to_json(row)
            digest.add(given)
            batch.append((number, row, given))
            if len(batch) == _BATCH:
                self._keep(batch)
                batch = []
        self._keep(batch)
        self._columns.refuse_misspelled()
        self.labels.refuse()
        self._journal.set(digest=digest.text, rows=number)
        return number

    def _keep(self, batch: list[tuple[int, Mapping[str, Any], str]]) -> None:
        if self._job.missing_options == "create":
            self._expect_options(row for _number, row, _given in batch)
        with self._journal.transaction():
            for number, row, given in batch:
                self._keep_one(number, row, given)

    def _keep_one(self, number: int, row: Mapping[str, Any], given: str) -> None:
        try:
            fields = self._converted(row, number)
            key = self._key(fields)
            self._refuse_incomplete(fields)
        except _Rejected as rejected:
            self._journal.reject(number, str(rejected), rejected.field, given)
            self._spare(row)
            return
        if key is not None:
            first = self._journal.one("SELECT row FROM rows WHERE key = ?", [key])
            if first is not None:
                self._journal.reject(number, f"row {first} has the same key, {shown_key(key)}", None, given)
                return
        self._journal.run("INSERT INTO rows VALUES (?, ?, ?, ?)", [number, key, given, to_json(fields)])

    def _spare(self, row: Mapping[str, Any]) -> None:
        """The record of a row that is set aside is still in the rows: a mirror does not remove it."""
        wanted = {part.field.key for part in self._columns.key}
        columns = self._columns.of_row(row).items()
        try:
            fields = self._converted({column: row[column] for column, field in columns if field.key in wanted})
            key = self._key(fields)
        except _Rejected:
            return
        if key is not None:
            self._journal.spare(key)

    def _converted(self, row: Mapping[str, Any], number: int | None = None) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        pipeline = None
        named = self._columns.of_row(row)
        for column, field in sorted(named.items(), key=lambda item: item[1].key != "pipeline_id"):
            value = row[column]
            if isinstance(value, str) and not value.strip() and self._job.empty == "ignore":
                continue
            value = None if isinstance(value, str) and not value.strip() else value
            try:
                fields[field.key] = self._value(field, value, pipeline)
            except InvalidValue as invalid:
                fields[field.key] = self._in_place(number, column, field, value, invalid)
            if field.key == "pipeline_id" and isinstance(fields[field.key], int):
                pipeline = fields[field.key]
        return self._with_currency(fields)

    def _with_currency(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A deal's value was given as money: its currency is a field of its own."""
        if not (self._job.entity == "deals" and isinstance(money := fields.get("value"), Mapping)):
            return fields
        currency = money["currency"] or fields.get("currency")
        if currency != (fields.get("currency") or currency):
            raise _Rejected(f"value is in {currency}, but currency is {fields['currency']}", "value")
        return {**fields, "value": money["value"], **({"currency": currency} if currency else {})}

    def _value(self, field: Field, value: Any, pipeline: int | None) -> Any:
        if field.kind is KINDS["stage"] and pipeline is not None and not is_missing(value):
            return self._book.directory.stage_id(value, pipeline)
        kind = KINDS["money"] if field.key == "value" and self._job.entity == "deals" else field.kind
        found = kind.to_wire(self._book, field, self._in_zone(field, self._as_key(field, value)))
        if field.key == "id":
            found = _identity(found, uuid=self._job.target.flat)
        if isinstance(found, Reference):
            return {_REFERENCE: [found.kind, found.text]}
        return found

    def _in_place(self, number: int | None, column: str, field: Field, value: Any, invalid: InvalidValue) -> Any:
        """What is kept of a value that does not fit: nothing of a label that is missing in Pipedrive; the ids of
        options that were deleted, until it is known whether the record has them.

        :raises _Rejected: it is something else
        """
        fault = invalid.about(f"{column} ({field})" if column != str(field) else column)
        if not field.kind.has_labels or (
            self._job.missing_options != "null" and (isinstance(value, Mapping) or "several are called" in str(invalid))
        ):
            raise _Rejected(fault, str(field)) from None
        ids = None if self._is_key(field) else deleted_options(self._book, field, value)
        if ids is not None:
            return {DELETED: ids, "value": str(value), "fault": fault}
        if number is not None:
            self.labels.add(number, str(field), str(value), fault)
        return None

    def _is_key(self, field: Field) -> bool:
        return any(part.field.key == field.key for part in self._columns.key)

    def _as_key(self, field: Field, value: Any) -> Any:
        """A number in a text that rows are matched on: a table's column with gaps has 5.0 for the key ``5``."""
        return without_fraction(value) if self._is_key(field) else native(value)

    def _in_zone(self, field: Field, value: Any) -> Any:
        """A time without a zone in that of the job."""
        if self._job.zone is None or field.kind.name not in ("datetime", "date"):
            return value
        moment = native(value)
        if isinstance(moment, str) and len(moment.strip()) > len("2026-01-31"):
            try:
                moment = datetime.fromisoformat(moment.strip())
            except ValueError:
                return value
        naive = isinstance(moment, datetime) and moment.tzinfo is None
        return moment.replace(tzinfo=self._job.zone) if naive else value

    def _key(self, fields: Mapping[str, Any]) -> str | None:
        if not self._columns.key:
            return None
        key = key_of_row(self._columns.key, {name: _plain_reference(value) for name, value in fields.items()})
        if key is None:
            missing = next(
                part
                for part in self._columns.key
                if part.of_row({name: _plain_reference(value) for name, value in fields.items()}) is None
            )
            raise _Rejected(f"{missing.name}, which rows are matched on, is empty", str(missing.field))
        return key

    def _refuse_incomplete(self, fields: Mapping[str, Any]) -> None:
        if self._job.mode != "create":
            return
        for name in missing_for_creation(self._job, fields):
            raise _Rejected(f"{name} must be given to create a record of {self._job.entity}", name)

    # ---- labels

    def _expect_options(self, rows: Iterable[Mapping[str, Any]]) -> None:
        wanted: dict[str, dict[str, str]] = {}
        for row in rows:
            for column, value in row.items():
                field = self._columns.of(column)
                if field is None or field.kind.name not in _CHOSEN or is_missing(value) or value == "":
                    continue
                for label in self._new_labels(field, value):
                    wanted.setdefault(field.key, {}).setdefault(_folded(label), label)
        for key, labels in wanted.items():
            field = self._book.fields[key]
            self._book.expect_options(field, list(labels.values()))

    def _new_labels(self, field: Field, value: Any) -> Iterator[str]:
        """The labels in a row's value that no option has yet."""
        value = field.kind.given(value)
        items = value if isinstance(value, list | tuple | set) else [value]
        if field.kind.has_many and isinstance(value, str):
            if _fits(self._book, field, value):
                return
            items = [part for part in re.split(r"[,;]", value) if part.strip()]
        known = {_folded(label) for label in self._book.fields[field.key].options.values()}
        for item in items:
            if (
                not is_missing(item)
                and str(item).strip()
                and _folded(item) not in known
                and not _fits(self._book, field, item)
            ):
                yield str(item).strip()


def missing_for_creation(job: BulkJob, fields: Mapping[str, Any]) -> list[str]:
    """The fields without which no record can be made, and that a row does not have."""
    missing = [name for name in job.target.required if fields.get(name) is None]
    if job.target.is_link and fields.get(LINK_OF) is None:
        missing.append(LINK_OF)
    if job.entity == "leads" and fields.get("person_id") is None and fields.get("organization_id") is None:
        missing.append("person_id or organization_id")
    if job.entity == "notes" and not any(
        fields.get(f"{name}_id") for name in ("deal", "person", "org", "lead", "project", "task")
    ):
        missing.append("deal_id, person_id, org_id, lead_id, project_id or task_id")
    return missing


def _identity(value: Any, *, uuid: bool) -> Any:
    """A record's id, in the form in which Pipedrive writes it.

    :raises InvalidValue: no record can have it
    """
    if value is None:
        return None
    if uuid:
        try:
            return str(UUID(str(value)))
        except ValueError:
            raise InvalidValue(f"the id of a lead, a UUID, not {value!r:.60}") from None
    if not 0 < value <= _LARGEST_ID:
        raise InvalidValue(f"the id of a record, not {value}")
    return value


def _fits(book: FieldBook, field: Field, value: Any) -> bool:
    try:
        field.kind.to_wire(book, field, value)
    except InvalidValue:
        return False
    return True


def _folded(column: Any) -> str:
    return " ".join(str(column).split()).casefold()


class _Rejected(Exception):
    """A row is set aside."""

    def __init__(self, reason: str, field: str | None) -> None:
        super().__init__(reason)
        self.field = field


class Digest:
    """What tells a set of rows from another."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, given: str) -> None:
        """One more row, as :func:`row_to_json` writes it."""
        self._hash.update(given.encode())

    @property
    def text(self) -> str:
        """In hexadecimal."""
        return self._hash.hexdigest()


def reference_in(value: Any) -> tuple[str, str] | None:
    """Kind and text of a record that is meant by its name, where a value is that."""
    if isinstance(value, Mapping) and _REFERENCE in value:
        kind, text = value[_REFERENCE]
        return kind, text
    return None


def _plain_reference(value: Any) -> Any:
    found = reference_in(value)
    return found[1] if found else value

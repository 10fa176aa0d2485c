"""Rows in: each converted to what Pipedrive takes, or rejected with the reason, before anything is written."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.journal import Journal, to_json
from airflow_provider_pipedrive.bulk.matching import KeyPart, key_of_row, shown_key
from airflow_provider_pipedrive.bulk.targets import LINK_OF
from airflow_provider_pipedrive.client.field_values import Reference, is_missing, to_wire
from airflow_provider_pipedrive.client.fields import PRIMARY, Field
from airflow_provider_pipedrive.client.values import Unfit
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.bulk.job import BulkJob
    from airflow_provider_pipedrive.client.fields import FieldBook

log = logging.getLogger(__name__)
_BATCH = 500
_REFERENCE = "$reference"
_RULES = {"email": "email", "phone": "phone", "domain": "domain"}


class Columns:
    """Which field each of the rows' columns is, and what rows are matched on.

    :raises PipedriveParameterError: a column or a part of ``match_on`` is no field
    """

    def __init__(self, job: BulkJob, book: FieldBook) -> None:
        self._job = job
        self._book = book
        self._fields: dict[str, Field | None] = {}
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
            return Field("id", "id", "text" if self._job.target.flat else "integer")
        if self._job.target.is_link and name.strip().lower() in (LINK_OF, "deal"):
            return Field(LINK_OF, LINK_OF, "deal")
        return self._book.find(name)

    def of(self, column: Any) -> Field | None:
        """The field of a column; None where the mapping leaves it out."""
        if column not in self._fields:
            if self._job.mapping is not None:
                self._fields[column] = None
            else:
                self._fields[column] = self.field(str(column))
        return self._fields[column]

    def _part(self, name: str) -> KeyPart:
        alias = name.strip().lower()
        if alias == "domain" and self._job.entity in ("persons", "organizations"):
            key = "email" if self._job.entity == "persons" else "website"
            return KeyPart(name, self.field(key), "domain")
        if alias == "name" and self._job.entity in ("deals", "leads"):
            return KeyPart(name, self.field("title"), "value")
        found = self.field(name)
        if found.key in PRIMARY.values():
            short = next(short for short, whole in PRIMARY.items() if whole == found.key)
            found = self.field(short)
        return KeyPart(name, found, _RULES.get(found.key, "value"))


class RowReader:
    """Converts rows and keeps them in the journal."""

    def __init__(self, job: BulkJob, book: FieldBook, journal: Journal, columns: Columns) -> None:
        self._job = job
        self._book = book
        self._journal = journal
        self._columns = columns
        self._missing_labels: dict[str, dict[str, str]] = {}

    def read(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Read all rows.

        :returns: how many there were
        :raises PipedriveParameterError: a column is no field, or a label is no option
        """
        number, batch = 0, []
        digest = Digest()
        for number, row in enumerate(rows, 1):
            if not isinstance(row, Mapping):
                raise PipedriveParameterError(f"Row {number} must be a dict of column to value, not {row!r:.80}.")
            digest.add(row)
            batch.append((number, row))
            if len(batch) == _BATCH:
                self._keep(batch)
                batch = []
        self._keep(batch)
        self._refuse_missing_labels()
        self._journal.set(digest=digest.text, rows=number)
        return number

    def _keep(self, batch: list[tuple[int, Mapping[str, Any]]]) -> None:
        if self._job.missing_options == "create":
            self._add_options(row for _number, row in batch)
        with self._journal.transaction():
            for number, row in batch:
                self._keep_one(number, row)

    def _keep_one(self, number: int, row: Mapping[str, Any]) -> None:
        given = to_json(row)
        try:
            fields = self._converted(row)
            key = self._key(fields)
            self._refuse_incomplete(fields)
        except _Rejected as rejected:
            self._journal.reject(number, str(rejected), rejected.field, given)
            return
        if key is not None:
            first = self._journal.one("SELECT row FROM rows WHERE key = ?", [key])
            if first is not None:
                self._journal.reject(number, f"row {first} has the same key, {shown_key(key)}", None, given)
                return
        self._journal.run("INSERT INTO rows VALUES (?, ?, ?, ?)", [number, key, given, to_json(fields)])

    def _converted(self, row: Mapping[str, Any]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        pipeline = None
        named = {column: self._columns.of(column) for column in row}
        for column, field in sorted(named.items(), key=lambda item: getattr(item[1], "key", "") != "pipeline_id"):
            value = row[column]
            if field is None or (isinstance(value, str) and not value.strip() and self._job.empty == "ignore"):
                continue
            if field.key in fields:
                raise PipedriveParameterError(f"Two columns mean the field {field}: {column!r} is one of them.")
            value = None if isinstance(value, str) and not value.strip() else value
            fields[field.key] = self._value(column, field, value, pipeline)
            if field.key == "pipeline_id" and isinstance(fields[field.key], int):
                pipeline = fields[field.key]
        return fields

    def _value(self, column: str, field: Field, value: Any, pipeline: int | None) -> Any:
        try:
            if field.kind == "stage" and pipeline is not None and not is_missing(value):
                return self._book.directory.stage_id(value, pipeline)
            if field.kind == "datetime" and self._job.zone and isinstance(value, datetime) and value.tzinfo is None:
                value = value.replace(tzinfo=self._job.zone)
            found = to_wire(self._book, field, value)
        except Unfit as unfit:
            if field.kind in ("option", "options", "labels"):
                return self._missing_label(column, field, value, unfit)
            raise _Rejected(
                f"{column} ({field}) must be {unfit}" if column != str(field) else f"{column} must be {unfit}",
                str(field),
            ) from None
        if isinstance(found, Reference):
            return {_REFERENCE: [found.kind, found.text]}
        return found

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

    def _missing_label(self, column: str, field: Field, value: Any, unfit: Unfit) -> Any:
        if self._job.missing_options == "null":
            return None
        if isinstance(value, Mapping) or "several are called" in str(unfit):
            raise _Rejected(f"{column} must be {unfit}", str(field)) from None
        self._missing_labels.setdefault(str(field), {}).setdefault(str(value), str(unfit))
        return None

    def _refuse_missing_labels(self) -> None:
        if not self._missing_labels:
            return
        shown = [
            f"{name} must be {reason}" for name, found in self._missing_labels.items() for reason in found.values()
        ]
        more = f", and {len(shown) - 20} more" if len(shown) > 20 else ""
        raise PipedriveParameterError(
            f"Nothing was written, because labels are missing in Pipedrive: {'; '.join(shown[:20])}{more}. Correct "
            'them, or set missing_options="create" or "null".'
        )

    def _add_options(self, rows: Iterable[Mapping[str, Any]]) -> None:
        wanted: dict[str, dict[str, None]] = {}
        for row in rows:
            for column, value in row.items():
                field = self._columns.of(column)
                if field is None or field.kind not in ("option", "options") or is_missing(value) or value == "":
                    continue
                for label in value if isinstance(value, list | tuple | set) else [value]:
                    try:
                        to_wire(self._book, field, label)
                    except Unfit:
                        wanted.setdefault(field.key, {})[str(label).strip()] = None
        for key, labels in wanted.items():
            log.info("%s: adding the options %s to the field %s.", self._job.entity, ", ".join(labels), key)
            if not self._job.dry_run:
                self._book.add_options(self._book.fields[key], list(labels))


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


class _Rejected(Exception):
    """A row is set aside."""

    def __init__(self, reason: str, field: str | None) -> None:
        super().__init__(reason)
        self.field = field


class Digest:
    """What tells a set of rows from another."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, row: Mapping[str, Any]) -> None:
        """One more row."""
        self._hash.update(to_json({str(name): row[name] for name in row}).encode("utf-8", "surrogatepass"))

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

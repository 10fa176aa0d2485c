"""What is to be done: rows held against the records that they mean. Only what differs is written, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.index import PRODUCTS
from airflow_provider_pipedrive.bulk.job import BulkJob
from airflow_provider_pipedrive.bulk.journal import Journal, from_json, to_json
from airflow_provider_pipedrive.bulk.matching import shown_key
from airflow_provider_pipedrive.bulk.missing_labels import DELETED, MissingLabels, ids_in
from airflow_provider_pipedrive.bulk.reading import Columns, missing_for_creation
from airflow_provider_pipedrive.bulk.related import named
from airflow_provider_pipedrive.bulk.targets import LINK_OF, PARTICIPANTS
from airflow_provider_pipedrive.client.field_kinds import Field, PrimaryEntry
from airflow_provider_pipedrive.client.field_values import Reference, is_empty
from airflow_provider_pipedrive.client.fields import PRIMARY
from airflow_provider_pipedrive.client.values import InvalidValue
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.fields import FieldBook

_WRITE, _REMOVE = 1, 2
"""Phases: what is made for others to refer to comes first (0), what is removed last."""
_Match = tuple[Any, bool, str | None, dict[str, Any]]
"""A record that a row means: id, archived, time of creation, what it has."""


_ROWS_AND_MATCHES = """
SELECT rows.row, rows.key, given, fields, id, archived, added, before FROM rows LEFT JOIN matches USING (row)
ORDER BY row, added, length(id), id"""
_ROWS_WITH_DELETED = "SELECT row, fields FROM rows WHERE row > ? AND instr(fields, ?) ORDER BY row LIMIT 500"


class Difference:
    """Plans the operations of a run."""

    def __init__(
        self, job: BulkJob, book: FieldBook, journal: Journal, columns: Columns, labels: MissingLabels
    ) -> None:
        self._job = job
        self._book = book
        self._journal = journal
        self._columns = columns
        self._labels = labels
        self.unchanged = 0

    def plan(self) -> None:
        """Decide on every row, and keep what is to be done.

        :raises PipedriveParameterError: a label is not an option
        """
        with self._journal.transaction():
            for _row, lines in groupby(self._journal.each(_ROWS_AND_MATCHES), itemgetter(0)):
                self._plan_row(list(lines))
            for identity, key, before in self._journal.each("SELECT * FROM extras ORDER BY id"):
                self._plan_removal(None, key, from_json(identity), from_json(before))
        self._labels.refuse()
        self._labels.tell()
        self._keep_ids()
        self._journal.set(unchanged=self.unchanged)

    def _plan_row(self, lines: Sequence[tuple[Any, ...]]) -> None:
        """Decide on a row.

        :param lines: the row with each of the records that it means, or without any
        """
        row, key, given, text = lines[0][:4]
        fields = from_json(text)
        if key is None:  # rows that are not matched are all new
            self._plan_creation(row, None, given, fields)
            return
        found = _matches(lines)
        living = [match for match in found if not match[1]]
        if found and not living:
            self._journal.reject(
                row, f"the record {found[0][0]} with the key {shown_key(key)} is archived", None, given
            )
        elif len(living) > 1 and self._job.on_ambiguous == "reject":
            ids = ", ".join(str(match[0]) for match in living)
            self._journal.reject(row, f"several records have the key {shown_key(key)}: {ids}", None, given)
        elif living:
            chosen = self._chosen(living)
            for identity, *_ in chosen:
                first = self._journal.one("SELECT row FROM chosen WHERE id = ?", [to_json(identity)])
                if first is not None:
                    self._journal.reject(row, f"row {first} means the same record, {identity}", None, given)
                    return
            for identity, _archived, _added, before in chosen:
                self._journal.run("INSERT INTO chosen VALUES (?, ?)", [to_json(identity), row])
                self._plan_match(row, key, given, fields, identity, before)
        else:
            self._plan_without_match(row, key, given, fields)

    def _chosen(self, living: Sequence[_Match]) -> Sequence[_Match]:
        if self._job.on_ambiguous == "all" or len(living) == 1:
            return living
        ordered = sorted(living, key=lambda match: (match[2] or "", str(match[0]).zfill(20)))
        return [ordered[-1] if self._job.on_ambiguous == "newest" else ordered[0]]

    def _plan_without_match(self, row: int, key: str, given: str, fields: dict[str, Any]) -> None:
        if self._job.mode == "delete":
            self.unchanged += 1  # it is gone already
        elif self._job.mode == "update" or "id" in fields:
            self._journal.reject(row, f"there is no record with the key {shown_key(key)}", None, given)
        else:
            self._plan_creation(row, key, given, fields)

    def _plan_match(
        self, row: int, key: str, given: str, fields: dict[str, Any], identity: Any, before: dict[str, Any]
    ) -> None:
        if self._job.mode == "create":
            self._journal.reject(row, f"the record {identity} has the key {shown_key(key)} already", None, given)
        elif self._job.mode == "delete":
            self._plan_removal(row, key, identity, before)
        else:
            changed = self._changed(self._settled(row, fields, before), before)
            emptied = [name for name in self._job.target.required if name in changed and is_empty(changed[name])]
            if emptied:
                self._journal.reject(row, f"{emptied[0]} cannot be emptied", emptied[0], given)
            elif "value" in changed and before.get(PRODUCTS):
                self._journal.reject(row, "Pipedrive computes the deal's value from its products", "value", given)
            elif changed and self._job.target.update is None:
                self.unchanged += 1
            elif changed:
                self._keep("update", row, key, identity, changed, before)
            else:
                self.unchanged += 1

    # ---- one record

    def _changed(self, fields: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that differ, as they are to be written."""
        changed: dict[str, Any] = {}
        for name, after in fields.items():
            if name in ("id", LINK_OF) and name not in self._book.fields:
                continue
            if name in self._columns.protected and not is_empty(before.get(name)):
                continue
            field = self._book.fields[name]
            if isinstance(field.kind, PrimaryEntry):
                merged = field.kind.merged(before.get(PRIMARY[name]) or [], after)
                if merged is not None:
                    changed[PRIMARY[name]] = merged
                continue
            after = field.kind.completed(after, self._currency(before.get(name)))
            if self._is_own_key(field, before.get(name), after) or field.kind.same(before.get(name), after):
                continue
            changed[name] = after
        return changed

    def _settled(self, row: int, fields: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """The fields without those whose options were deleted and are what the record has; others are missing."""
        settled: dict[str, Any] = {}
        for name, after in fields.items():
            field = self._book.fields.get(name)
            ids = ids_in(after) if field is not None and field.kind.has_labels else None
            if field is None or ids is None:
                settled[name] = after
            elif not field.kind.same(before.get(name), ids):
                if isinstance(after, Mapping):
                    self._labels.add(row, str(field), after["value"], after["fault"])
                settled[name] = None if isinstance(after, Mapping) else after
        return settled

    def _keep_ids(self) -> None:
        """Put ids in place of what stood for them, for a later run that compares with these rows."""
        last = 0
        while chunk := self._journal.run(_ROWS_WITH_DELETED, [last, DELETED]).fetchall():
            with self._journal.transaction():
                for last, text in chunk:  # where the next chunk begins
                    fields = {name: _with_ids(value) for name, value in from_json(text).items()}
                    self._journal.run("UPDATE rows SET fields = ? WHERE row = ?", [to_json(fields), last])

    def _is_own_key(self, field: Field, before: Any, after: Any) -> bool:
        """What a record was found by is not written again because of its capital letters or spaces."""
        own = any(part.field.key == field.key and not part.by_domain for part in self._columns.key)
        return own and field.kind.key(before) == field.kind.key(after)

    def _currency(self, before: Any) -> Callable[[], str | None]:
        """The currency of an amount without one: what the record has, or the user's."""
        has = before.get("currency") if isinstance(before, Mapping) else None
        return lambda: has or self._book.directory.me.get("default_currency")

    def _plan_creation(self, row: int, key: str | None, given: str, fields: dict[str, Any]) -> None:
        fields = self._settled(row, fields, {})
        missing = missing_for_creation(self._job, fields)
        if missing:
            self._journal.reject(row, f"{missing[0]} must be given to create the record", missing[0], given)
            return
        made: dict[str, Any] = {}
        for name, value in fields.items():
            if is_empty(value):
                continue
            if name in PRIMARY:
                made[PRIMARY[name]] = [{"value": value, "primary": True, "label": "work"}]
            else:
                field = self._book.fields.get(name)
                made[name] = field.kind.completed(value, self._currency(None)) if field else value
        self._keep("create", row, key, None, made, {})

    def _plan_removal(self, row: int | None, key: str | None, identity: Any, before: dict[str, Any]) -> None:
        how = self._job.on_remove
        if how == "delete":
            self._keep("delete", row, key, identity, {}, before, phase=_REMOVE)
            return
        fields = {"is_archived": True} if how == "archive" else self._instead(how)
        changed = fields if how == "archive" else self._changed(fields, before)
        if changed:
            self._keep("archive" if how == "archive" else "update", row, key, identity, changed, before, phase=_REMOVE)
        else:
            self.unchanged += 1

    def _instead(self, how: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in how.items():
            field = self._columns.field(name)
            try:
                found[field.key] = field.kind.to_wire(self._book, field, value)
            except InvalidValue as invalid:
                raise PipedriveParameterError(f"on_remove: {name} must be {invalid}") from None
            if isinstance(found[field.key], Reference):
                raise PipedriveParameterError(f"on_remove: {name} must be given by its id, not {value!r}.")
        return found

    def _keep(
        self,
        action: str,
        row: int | None,
        key: str | None,
        identity: Any,
        fields: Mapping[str, Any],
        before: Mapping[str, Any],
        *,
        phase: int = _WRITE,
    ) -> None:
        shown = {name: before.get(name) for name in (fields or before)}
        if PARTICIPANTS in before and "person_id" in fields:
            shown[PARTICIPANTS] = before[PARTICIPANTS]
        if self._job.target.is_link and action != "create":
            shown[LINK_OF] = before[LINK_OF]
        self._journal.run(
            "INSERT INTO operations (row, phase, action, entity, key, id, fields, before) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [row, phase, action, self._job.entity, key, None if identity is None else to_json(identity),
             to_json(fields), to_json(shown)],
        )  # fmt: skip


def _matches(lines: Sequence[tuple[Any, ...]]) -> list[_Match]:
    unique = {
        identity: (from_json(identity), bool(archived), added, from_json(before))
        for *_row, identity, archived, added, before in lines
        if identity is not None
    }
    return list(unique.values())


def _with_ids(value: Any) -> Any:
    return value[DELETED] if isinstance(value, Mapping) and DELETED in value else value


def described(book: FieldBook, entity: str, journal: Journal) -> Iterator[dict[str, Any]]:
    """What is to be created, changed and removed, as people read it."""
    names = {key: str(field) for key, field in book.fields.items()}
    rows = journal.each(
        "SELECT id, key, action, fields, before FROM operations WHERE entity = ? ORDER BY phase, operation", [entity]
    )
    for identity, key, action, fields, before in rows:
        after = {} if action == "delete" else {n: named(journal, v) for n, v in from_json(fields).items()}
        had = from_json(before)
        yield {
            "id": None if identity is None else from_json(identity),
            "key": shown_key(key) or None,
            "action": action,
            "before": {names.get(name, name): readable(book, name, value) for name, value in had.items()},
            "after": {names.get(name, name): readable(book, name, value) for name, value in after.items()},
        }


def readable(book: FieldBook, name: str, value: Any) -> Any:
    """A field's value with labels in place of option ids, and money as text."""
    field = book.fields.get(name)
    if field is None or value is None:
        return value
    return field.kind.labelled(field, value) if field.kind.has_labels else value

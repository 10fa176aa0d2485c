"""Taking a run back: field by field, where a record still has what the run wrote."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.journal import Journal, from_json
from airflow_provider_pipedrive.bulk.lookup import Lookup
from airflow_provider_pipedrive.bulk.matching import shown_key
from airflow_provider_pipedrive.bulk.mirror import past_journal_in
from airflow_provider_pipedrive.bulk.new_options import ADD_OPTIONS, NewOptions
from airflow_provider_pipedrive.bulk.records import has
from airflow_provider_pipedrive.bulk.related import made_id
from airflow_provider_pipedrive.bulk.requests import request_of
from airflow_provider_pipedrive.bulk.targets import LINK_OF, Target, target_of
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.field_values import is_empty
from airflow_provider_pipedrive.client.fields import FieldBook
from airflow_provider_pipedrive.client.lists import sure_records
from airflow_provider_pipedrive.errors import (
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedriveValidationError,
)

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
_LINKED: Mapping[str, tuple[str, ...]] = {
    "deals": ("activities_count", "files_count", "notes_count", "products_count", "email_messages_count"),
    "persons": ("open_deals_count", "closed_deals_count", "activities_count", "files_count", "notes_count"),
    "organizations": ("open_deals_count", "closed_deals_count", "people_count", "activities_count", "notes_count"),
}
"""What says that something hangs on a record by now: such a record is not deleted."""
RESTORED, KEPT, IMPOSSIBLE = "restored", "kept", "impossible"


def undo(client: PipedriveClient, folder: Any) -> dict[str, Any]:
    """Take back what the run of a folder has written.

    A changed field gets its earlier value back where it still has what the run wrote; what somebody has edited since is
    kept. A created record is deleted if nobody has changed it or put something to it. A removed deal, and what was
    archived, is brought back; other removals are final in Pipedrive. It can be repeated.

    :returns: the counts ``restored`` (creations that were deleted again included), ``kept``, ``impossible`` of records,
        and ``details``, the path of a file (JSON lines) that says what became of each
    :raises PipedriveParameterError: there is no run in the folder, or it is of another account
    :raises PipedriveError: what ended it; called again, it continues
    """
    journal = past_journal_in(folder)
    try:
        return _Undo(client, journal).do()
    finally:
        journal.close()


class _Undo:
    def __init__(self, client: PipedriveClient, journal: Journal) -> None:
        self._client = client
        self._journal = journal
        self._directory = Directory(client)
        self._books: dict[str, FieldBook] = {}

    def do(self) -> dict[str, Any]:
        if self._journal.get("company") != self._directory.owner.company_id:
            raise PipedriveParameterError(
                f"The run in {self._journal.folder} wrote to another company than this connection's."
            )
        if self._journal.get("merge_identity"):
            raise PipedriveParameterError(
                f"The run in {self._journal.folder} has merged records, which Pipedrive does not undo. Its "
                "results.jsonl has every record as it was before."
            )
        books = {target.entity: self._book(target) for target in map(target_of, self._entities())}
        Lookup(self._client, books, self._journal).settle()  # what was made and never answered is taken back too
        if self._journal.get("writing_since"):
            self._journal.set(undone=True)
        for book in books.values():
            NewOptions(book, self._journal).put_ids()
        for number, entity, action, identity, fields, before in self._done():
            outcome, why = self._undo_one(target_of(entity), action, identity, fields, before)
            self._journal.run(
                "UPDATE operations SET state = ?, note = ? WHERE operation = ?", [f"undo {outcome}", why, number]
            )
        counts = Counter(
            state.removeprefix("undo ")
            for (state,) in self._journal.each("SELECT state FROM operations WHERE state LIKE 'undo %'")
        )
        details = self._journal.lines("undo.jsonl", self._details())
        log.info(
            "Undone: %d restored (what the run had created is deleted again), %d kept, %d impossible. What became of "
            "each, and why: %s",
            *(counts[name] for name in (RESTORED, KEPT, IMPOSSIBLE)), details or "there was nothing to undo",
        )  # fmt: skip
        return {name: counts[name] for name in (RESTORED, KEPT, IMPOSSIBLE)} | {"details": details}

    def _entities(self) -> list[str]:
        return [entity for (entity,) in self._journal.each("SELECT DISTINCT entity FROM operations")]

    def _done(self) -> Iterator[tuple[int, str, str, Any, dict[str, Any], dict[str, Any]]]:
        """What the run did, the last first."""
        while chunk := self._journal.run(
            "SELECT operation, entity, action, id, fields, before FROM operations WHERE state = 'done' "
            "ORDER BY phase DESC, operation DESC LIMIT 500"
        ).fetchall():
            for number, entity, action, identity, fields, before in chunk:
                resolved = {name: made_id(self._journal, value) for name, value in from_json(fields).items()}
                yield number, entity, action, from_json(identity), resolved, from_json(before)

    def _book(self, target: Target) -> FieldBook:
        if target.entity not in self._books:
            self._books[target.entity] = FieldBook(self._client, target.entity, target.fields_action, self._directory)
        return self._books[target.entity]

    def _undo_one(
        self, target: Target, action: str, identity: Any, fields: Mapping[str, Any], before: Mapping[str, Any]
    ) -> tuple[str, str]:
        try:
            if action == ADD_OPTIONS:
                return IMPOSSIBLE, f"options that were added to a field stay: {', '.join(fields[identity])}"
            if action == "create":
                return self._undo_creation(target, identity, fields)
            if action == "delete":
                return self._undo_deletion(target, identity)
            return self._undo_update(target, identity, fields, before)
        except PipedriveNotFoundError:
            return KEPT, "it was deleted since"
        except PipedriveValidationError as error:
            return IMPOSSIBLE, error.reason or str(error)

    def _undo_update(
        self, target: Target, identity: Any, fields: Mapping[str, Any], before: Mapping[str, Any]
    ) -> tuple[str, str]:
        record = self._present(target, identity, before)
        if record is None:
            return KEPT, "it was deleted since"
        book = self._book(target)
        still = {name for name, value in fields.items() if self._is_still(target, book, name, value, record)}
        restored = {name: _writable(before.get(name)) for name in fields if name in still}
        if "is_archived" in fields:
            restored["is_archived"] = False
        if restored:
            self._send(target, "update", identity, restored, before)
        edited = sorted(
            str(book.fields.get(name, name))
            for name in fields.keys() - restored.keys()
            if not self._is_still(target, book, name, before.get(name), record)  # an undo that died was here already
        )
        return (KEPT, f"edited since: {', '.join(edited)}") if edited else (RESTORED, "")

    def _is_still(self, target: Target, book: FieldBook, name: str, value: Any, record: Mapping[str, Any]) -> bool:
        field = book.fields.get(name)
        return field is not None and has(field, record, value, flat=target.flat)

    def _undo_creation(self, target: Target, identity: Any, fields: Mapping[str, Any]) -> tuple[str, str]:
        record = self._present(target, identity, fields)
        if record is None:
            return RESTORED, "it was deleted already"
        book = self._book(target)
        edited = [
            name
            for name, value in fields.items()
            if name in book.fields and not self._is_still(target, book, name, value, record)
        ]
        if edited:
            return KEPT, f"edited since: {', '.join(str(book.fields[name]) for name in edited)}"
        linked = [name for name in _LINKED.get(target.entity, ()) if record.get(name)]
        if linked:
            return KEPT, f"something hangs on it by now: {', '.join(linked)}"
        self._send(target, "delete", identity, {}, fields)
        return RESTORED, "deleted"

    def _undo_deletion(self, target: Target, identity: Any) -> tuple[str, str]:
        if not target.restorable:
            return IMPOSSIBLE, f"Pipedrive does not bring deleted {target.entity} back"
        self._send(target, "update", identity, {"is_deleted": False}, {})
        return RESTORED, "brought back"

    def _present(self, target: Target, identity: Any, known: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The record as it is now; None where it is gone."""
        if target.is_link:
            listed = sure_records(self._client, target.listed, {"id": known[LINK_OF]})
            return next((record for record in listed if record[target.record_id] == identity), None)
        parameters: dict[str, Any] = {"id": identity}
        if target.entity in _LINKED:
            parameters["include_fields"] = list(_LINKED[target.entity])
        found: Mapping[str, Any] = self._client.run(str(target.single), parameters)
        gone = found.get("is_deleted") or found.get("active_flag") is False or found.get("status") == "deleted"
        return None if gone else found

    def _send(
        self, target: Target, action: str, identity: Any, fields: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        key, parameters = request_of(target, self._book(target), action, identity, fields, before)
        self._client.run(key, parameters)

    def _details(self) -> Iterator[dict[str, Any]]:
        undone = self._journal.each(
            "SELECT entity, id, key, action, state, note FROM operations WHERE state LIKE 'undo %' ORDER BY operation"
        )
        for entity, identity, key, action, state, note in undone:
            yield {
                "entity": entity,
                "id": from_json(identity),
                "key": shown_key(key) or None,
                "action": action,
                "outcome": state.removeprefix("undo "),
                "why": note or None,
            }


def _writable(value: Any) -> Any:
    """A value as it was, ready to be written: an object that says nothing is no value."""
    return None if is_empty(value) else value

"""The company's records: tables that know nothing of HTTP or of views.

A stored record is never changed in place: each change puts a new dict. So a reset is a copy of references, and a
serialised record stays valid for as long as the table holds the very dict it was made from.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from airflow_provider_pipedrive.sandbox.state import json_text
from airflow_provider_pipedrive.sandbox.state.clock import Clock
from airflow_provider_pipedrive.sandbox.state.settings import Settings

Record = dict[str, Any]
Id = int | str

_UUID_TABLES = frozenset({"leads", "leadLabels", "permissionSets", "goals", "comments", "callLogs", "discounts"})


class Table:
    """Records by id, in the order in which they were made. ``version`` changes with every change."""

    def __init__(self, records: dict[Id, Record]) -> None:
        self._seeded = records
        self.version = 0
        self._encoded: dict[Id, tuple[Record, bytes]] = {}
        self._encoded_by = 0
        self.reset()

    def reset(self) -> None:
        """Back to the records it was made with."""
        self.records: dict[Id, Record] = dict(self._seeded)
        self.next_id = max((key for key in self.records if isinstance(key, int)), default=0) + 1
        self._indexes: dict[str, dict[Any, dict[Id, None]]] = {}
        self.version += 1

    def put(self, key: Id, record: Record) -> None:
        """Store a record in the place of the one with this id."""
        self._unindex(key)
        self.records[key] = record
        if isinstance(key, int) and key >= self.next_id:
            self.next_id = key + 1
        for name, index in self._indexes.items():
            index.setdefault(record.get(name), {})[key] = None
        self.version += 1

    def remove(self, key: Id) -> Record:
        """Take a record out for good."""
        self._unindex(key)
        self.version += 1
        return self.records.pop(key)

    def _unindex(self, key: Id) -> None:
        old = self.records.get(key)
        if old is not None:
            for name, index in self._indexes.items():
                index.get(old.get(name), {}).pop(key, None)

    def encoded_by(self, definitions: int) -> dict[Id, tuple[Record, bytes]]:
        """The serialised records, for the fields' definitions in this version."""
        if definitions != self._encoded_by:
            self._encoded, self._encoded_by = {}, definitions
        return self._encoded

    def where(self, name: str, value: Any) -> list[Record]:
        """The records whose field has this value, by an index that is made on first use."""
        if name not in self._indexes:
            index: dict[Any, dict[Id, None]] = {}
            for key, record in self.records.items():
                index.setdefault(record.get(name), {})[key] = None
            self._indexes[name] = index
        return [self.records[key] for key in self._indexes[name].get(value, ())]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records.values())

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a record: ``create`` (``before`` is None), ``change`` or ``delete`` (``after`` is)."""

    table: str
    action: str
    before: Record | None
    after: Record | None
    user_id: int
    correlation_id: str
    source: str = "api"
    merged_to: Id | None = None
    merged_from: Id | None = None


@dataclass(slots=True)
class Actor:
    """Who changes something, and in which request."""

    user_id: int
    correlation_id: str = ""
    source: str = "api"


class State:
    """All tables of one company, with the log of field changes and a place for those who want to hear of events."""

    def __init__(self, tables: dict[str, dict[Id, Record]], clock: Clock, settings: Settings) -> None:
        self.clock = clock
        self.settings = settings
        self.company_id = settings.seed  # so that the companies of two sandboxes can be told apart
        self.tables = {name: Table(records) for name, records in tables.items()}
        self.listeners: list[Callable[[Event], None]] = []
        self.pages: OrderedDict[Any, Any] = OrderedDict()
        self.removed: list[tuple[str, Id, str]] = []
        """What was taken out for good, and when."""
        self._made_ids = 0

    def __getitem__(self, table: str) -> Table:
        return self.tables[table]

    def reset(self) -> None:
        """Every table back to what it was in the beginning."""
        for table in self.tables.values():
            table.reset()
        self.pages.clear()
        self.removed.clear()
        self._made_ids = 0

    def get(self, table: str, key: Any) -> Record | None:
        """The record, or None. The text of a whole number is the number."""
        records = self.tables[table].records
        found = records.get(key)
        if found is None and isinstance(key, str) and key.isdecimal():
            found = records.get(int(key))
        return found

    def new_id(self, table: str) -> Id:
        """An id for a new record: the next number, or a UUID where Pipedrive uses them."""
        if table not in _UUID_TABLES:
            return self.tables[table].next_id
        return self.new_uuid()

    def new_uuid(self) -> str:
        """A UUID that is the same in every run with the same history."""
        self._made_ids += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"sandbox/{self._made_ids}"))

    def insert(self, table: str, record: Record, actor: Actor) -> Record:
        """Store a new record under a new id and report it."""
        key = record.get("id") or self.new_id(table)
        record = {"id": key, **{name: value for name, value in record.items() if name != "id"}}
        self.tables[table].put(key, record)
        self.tell(Event(table, "create", None, record, actor.user_id, actor.correlation_id, actor.source))
        return record

    def update(self, table: str, key: Id, changes: Record, actor: Actor, touch: str | None = "update_time") -> Record:
        """Change fields of a record; ``touch`` is set to now. Each changed field goes into the log of changes."""
        before = self.tables[table].records[key]
        changed = {name: value for name, value in changes.items() if before.get(name, _MISSING) != value}
        if not changed:
            return before
        stamp = self.clock.stamp()
        after = {**before, **changed}
        if touch and touch not in changes:
            after[touch] = stamp
        self.tables[table].put(key, after)
        self._log(table, key, before, changed, stamp, actor)
        self.tell(Event(table, "change", before, after, actor.user_id, actor.correlation_id, actor.source))
        return after

    def replace(self, table: str, key: Id, changes: Record) -> Record:
        """Change fields without a trace: no time, no log, no event."""
        after = {**self.tables[table].records[key], **changes}
        self.tables[table].put(key, after)
        return after

    def remove(self, table: str, key: Id, actor: Actor) -> Record:
        """Remove a record for good and report it."""
        before = self.tables[table].remove(key)
        self.removed.append((table, key, self.clock.stamp()))
        self.tell(Event(table, "delete", before, None, actor.user_id, actor.correlation_id, actor.source))
        return before

    def deleted(self, table: str, before: Record, actor: Actor) -> None:
        """Tell of a record that was marked deleted."""
        self.tell(Event(table, "delete", before, None, actor.user_id, actor.correlation_id, actor.source))

    def merged(self, table: str, loser: Id, winner: Id, changes: Record, actor: Actor) -> Record:
        """Change the winner of a merge, remove the loser, and report both."""
        before = self.tables[table].records[winner]
        after = self.replace(table, winner, {**changes, "update_time": self.clock.stamp()})
        gone = self.tables[table].remove(loser)
        self.removed.append((table, loser, self.clock.stamp()))
        who = (actor.user_id, actor.correlation_id, actor.source)
        self.tell(Event(table, "delete", gone, None, *who, merged_to=winner))
        self.tell(Event(table, "change", before, after, *who, merged_from=loser))
        return after

    def tell(self, event: Event) -> None:
        """Hand an event to all listeners."""
        for listener in self.listeners:
            listener(event)

    def _log(self, table: str, key: Id, before: Record, changed: Record, stamp: str, actor: Actor) -> None:
        log = self.tables["changes"]
        for name, value in _flat(changed).items():
            old = _flat({name: before.get(name)} if "custom_fields" not in changed else before).get(name)
            if old == value or name in ("update_time", "update_user_id"):
                continue
            change = {
                "id": log.next_id,
                "of": (table, key),
                "field_key": name,
                "old_value": old,
                "new_value": value,
                "time": stamp,
                "actor_user_id": actor.user_id,
                "change_source": actor.source,
            }
            log.put(change["id"], change)

    def page(self, key: Any, make: Callable[[], Any]) -> Any:
        """Something costly that holds until a table changes (the version is in the key). The last 64 are kept."""
        if key in self.pages:
            self.pages.move_to_end(key)
            return self.pages[key]
        made = self.pages[key] = make()
        if len(self.pages) > 64:
            self.pages.popitem(last=False)
        return made

    def encode(
        self, table: str, records: Iterable[Record], view: Callable[[Record], Any], definitions: int = 0
    ) -> bytes:
        """The records in their usual view as a JSON list, from the serialised ones where they still hold.

        :param definitions: the version of the fields' definitions, on which the view depends
        """
        cache = self.tables[table].encoded_by(definitions)
        parts = []
        for record in records:
            key = record["id"]
            known = cache.get(key)
            if known is None or known[0] is not record:
                known = cache[key] = (record, json_text.encode(view(record)))
            parts.append(known[1])
        return b"[" + b",".join(parts) + b"]"


_MISSING = object()


def _flat(fields: Record) -> Record:
    """Fields with those of ``custom_fields`` next to the others."""
    plain = {name: value for name, value in fields.items() if name != "custom_fields"}
    return {**plain, **(fields.get("custom_fields") or {})}

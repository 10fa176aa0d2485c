"""One page of an entity: its records as the bytes that came, and what the engine must know of each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.client.extraction.entities import Entity
from airflow_provider_pipedrive.client.paging import Position, Walk, records_in

Identity = int | str
"""What tells a record apart: its id, or the text of its key where that has another name or several parts."""


class Key(msgspec.Struct, gc=False):
    """What the engine knows of a record without reading the rest of it."""

    id: Identity
    update_time: datetime | None = None


class _Records(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    additional_data: dict[str, Any] | None = None
    success: bool = True


class _Keys(msgspec.Struct):
    data: list[Key] | None = None


_records = msgspec.json.Decoder(_Records)
_keys = msgspec.json.Decoder(_Keys)


@dataclass(frozen=True)
class Page:
    """What one request of a list brought.

    :ivar records: each record as JSON
    :ivar keys: the same records' identities and times, in the same order
    :ivar envelope: as much of the answer as says where the next page is
    :ivar server_time: Pipedrive's clock when it answered, where it says so
    """

    records: Sequence[bytes | msgspec.Raw]
    keys: Sequence[Key]
    envelope: Mapping[str, Any]
    server_time: datetime | None

    def __len__(self) -> int:
        return len(self.keys)

    def only(self, places: Sequence[int]) -> Page:
        """The page with some of its records."""
        return replace(self, records=[self.records[at] for at in places], keys=[self.keys[at] for at in places])


def decode(entity: Entity, body: bytes) -> tuple[Sequence[bytes | msgspec.Raw], Sequence[Key], Mapping[str, Any]]:
    """Records, keys and paging of an answer.

    :raises ValueError: it cannot be read, or says that it failed
    """
    if entity.key == ("id",) and entity.records is None and entity.updated in ("update_time", None):
        try:
            return _decode_fast(body)
        except msgspec.ValidationError:
            pass  # a shape of its own, such as one record instead of a list: read with care below
    return _decode_with_care(entity, body)


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The ``Date`` of an answer: Pipedrive's clock, in whole seconds."""
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def timestamp(value: Any) -> datetime | None:
    """A time as Pipedrive writes it, in v1 (``2026-11-02 08:15:30``, UTC) or v2 (``2026-11-02T08:15:30Z``)."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def next_position(walk: Walk, page: Page) -> Position | None:
    """Where the page after this one is; None at the end."""
    return dict(walk.position) if walk.advance(page.envelope) else None


def _decode_fast(body: bytes) -> tuple[Sequence[msgspec.Raw], Sequence[Key], Mapping[str, Any]]:
    if not body.isascii():
        body.decode()  # records are passed on as they are, and nobody else would notice a broken character
    found = _records.decode(body)
    if not found.success:
        raise ValueError("success is false")
    records = found.data or []
    keys = _keys.decode(body).data or []
    for key in keys:
        if key.update_time is not None and key.update_time.tzinfo is None:
            key.update_time = key.update_time.replace(tzinfo=UTC)
    return records, keys, {"data": records, "additional_data": found.additional_data}


def _decode_with_care(entity: Entity, body: bytes) -> tuple[Sequence[bytes], Sequence[Key], Mapping[str, Any]]:
    envelope = msgspec.json.decode(body)
    if not isinstance(envelope, dict):
        raise ValueError(f"an object was expected, a {type(envelope).__name__} came")
    if envelope.get("success") is False:
        raise ValueError("success is false")
    found = [record for record in listed(entity, envelope) if isinstance(record, dict)]
    records = [msgspec.json.encode(record) for record in found]
    keys = [Key(identity(entity, record), timestamp(record.get(entity.updated or ""))) for record in found]
    return records, keys, {"data": records, "additional_data": envelope.get("additional_data")}


def listed(entity: Entity, envelope: Mapping[str, Any]) -> list[Any]:
    """The records of an answer."""
    data = envelope.get("data")
    if entity.records and isinstance(data, Mapping):
        return list(data.get(entity.records) or [])
    action: Action = entity.listing
    return records_in(action, envelope)


def identity(entity: Entity, record: Mapping[str, Any]) -> Identity:
    """What tells a record of this entity apart."""
    parts = [record.get(name) for name in entity.key]
    if len(parts) == 1 and isinstance(parts[0], int | str):
        return parts[0]
    return msgspec.json.encode(parts).decode()

"""One page of an entity: its records as the bytes that came, and what the engine must know of each of them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import islice
from typing import Annotated, Any, NamedTuple, overload

import msgspec

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.client import json_text
from airflow_provider_pipedrive.client.paging import Position, Walk, missing_data, records_in
from airflow_provider_pipedrive.client.times import read_time

log = logging.getLogger(__name__)
LARGEST = 2**63 - 1
"""No column of whole numbers takes a larger one, in files and in warehouses."""

Identity = int | str
"""What tells a record apart: its id, or the text of its key where that has another name or several parts."""


class Key(msgspec.Struct, gc=False):
    """What the engine knows of a record without reading the rest of it."""

    id: Annotated[int, msgspec.Meta(ge=-LARGEST - 1, le=LARGEST)] | str
    update_time: datetime | None = None


class _Answer(msgspec.Struct):
    data: list[Key] | None = None
    additional_data: dict[str, Any] | None = None
    success: bool = True


class _Records(msgspec.Struct):
    data: list[msgspec.Raw]


_answer = msgspec.json.Decoder(_Answer)
_records = msgspec.json.Decoder(_Records)
_record = msgspec.json.Decoder(dict[str, Any]).decode


class PageRecords(Sequence[msgspec.Raw]):
    """The records of an answer that is known to be readable: taken apart only where they are wanted one by one.

    :ivar body: the answer
    :ivar places: numbers of those of its records that are meant, in order; None for all
    """

    def __init__(self, body: bytes, count: int, places: Sequence[int] | None = None) -> None:
        self.body = body
        self.places = places
        self._count = count if places is None else len(places)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> msgspec.Raw: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[msgspec.Raw]: ...

    def __getitem__(self, at: int | slice) -> msgspec.Raw | Sequence[msgspec.Raw]:
        return self._apart[at]

    @cached_property
    def _apart(self) -> Sequence[msgspec.Raw]:
        records = _records.decode(self.body).data if self._count else []
        return records if self.places is None else [records[at] for at in self.places]

    def only(self, places: Sequence[int]) -> PageRecords:
        """Some of them."""
        return PageRecords(self.body, 0, places if self.places is None else [self.places[at] for at in places])


@dataclass(frozen=True)
class Page:
    """What one request of a list brought.

    :ivar records: each record as JSON
    :ivar keys: the same records' identities and times, in the same order
    :ivar envelope: as much of the answer as says where the next page is
    :ivar server_time: Pipedrive's clock when it answered, where it says so
    :ivar took: seconds from asking to having it
    """

    records: Sequence[bytes | msgspec.Raw]
    keys: Sequence[Key]
    envelope: Mapping[str, Any]
    server_time: datetime | None
    took: float = 0.0

    def __len__(self) -> int:
        return len(self.keys)

    def only(self, places: Sequence[int]) -> Page:
        """The page with some of its records."""
        found = self.records
        records = found.only(places) if isinstance(found, PageRecords) else [found[at] for at in places]
        return replace(self, records=records, keys=[self.keys[at] for at in places])


class Mended(bytes):
    """A record that held what nothing can hold, without it.

    :ivar losses: what could not be kept as it came: how many values, by place
    """

    losses: Mapping[json_text.Place, int]

    @classmethod
    def of(cls, record: bytes, losses: Mapping[json_text.Place, int]) -> Mended:
        """A record that these were lost of."""
        mended = cls(record)
        mended.losses = losses
        return mended


class ReadRecord(dict[str, Any]):
    """A record that is read already.

    :ivar losses: what could not be kept as it came: how many values, by place
    """

    losses: Mapping[json_text.Place, int]

    @classmethod
    def of(cls, record: Mapping[str, Any], losses: Mapping[json_text.Place, int]) -> ReadRecord:
        """What is left of a record, and what was lost of it."""
        read = cls(record)
        read.losses = losses
        return read


AnyRecord = bytes | msgspec.Raw | ReadRecord
"""A record as it comes, or what is left of it when somebody has read it."""


class Decoded(NamedTuple):
    """What an answer holds.

    :ivar envelope: paging, and as many ``data`` as came
    :ivar set_aside: hashes of records that nothing tells apart, or that are none: they are in no file. A page that is
        read again brings the same hashes
    """

    records: Sequence[bytes | msgspec.Raw]
    keys: Sequence[Key]
    envelope: Mapping[str, Any]
    set_aside: Collection[str] = ()


def decode(entity: Entity, body: bytes) -> Decoded:
    """Records, keys and paging of an answer.

    :raises ValueError: it cannot be read, or says that it failed
    """
    plain = entity.key == ("id",) and entity.records is None and entity.updated in ("update_time", None)
    if plain and not json_text.may_have_zero_byte(body):
        try:
            return _decode_fast(entity, body)
        except msgspec.DecodeError:
            pass  # a shape of its own, such as one record instead of a list, or an odd value: read with care below
    return _decode_with_care(entity, body)


def as_dict(record: AnyRecord) -> tuple[dict[str, Any], Mapping[json_text.Place, int]]:
    """A record, and what of it could not be kept.

    A number beyond all numbers is seen only here: pages are taken apart without a look at every value.
    """
    if isinstance(record, ReadRecord):
        return record, record.losses
    try:
        return _record(record), record.losses if isinstance(record, Mended) else {}
    except msgspec.ValidationError:
        losses = json_text.Losses()
        mended = json_text.mend(json_text.loads(bytes(record)), losses)
        log.warning("%s: %s.", json_text.in_words({str(mended.get("id")): losses}), json_text.REPAIR)
        return mended, losses


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The ``Date`` of an answer: Pipedrive's clock, in whole seconds."""
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def timestamp(value: Any) -> datetime | None:
    """A time as Pipedrive writes it, in v1 (``2026-11-02 08:15:30``, UTC) or v2 (``2026-11-02T08:15:30Z``)."""
    return read_time(value)


def next_position(walk: Walk, page: Page) -> Position | None:
    """Where the page after this one is; None at the end."""
    return dict(walk.position) if walk.advance(page.envelope) else None


def _decode_fast(entity: Entity, body: bytes) -> Decoded:
    if not body.isascii():
        body.decode()  # records are passed on as they are, and nobody else would notice a broken character
    found = _answer.decode(body)
    if not found.success:
        raise ValueError("success is false")
    if found.data is None:
        _check_null_data(entity, {"data": None, "additional_data": found.additional_data})
    keys = found.data or []
    for key in keys:
        if key.update_time is not None and key.update_time.tzinfo is None:
            key.update_time = key.update_time.replace(tzinfo=UTC)
    records = PageRecords(body, len(keys))
    return Decoded(records, keys, {"data": records, "additional_data": found.additional_data})


def _check_null_data(entity: Entity, envelope: Mapping[str, Any]) -> None:
    """Let null pass where it means that there is nothing.

    :raises ValueError: it does not
    """
    if why := missing_data(entity.listing, envelope):
        raise ValueError(why)


def _decode_with_care(entity: Entity, body: bytes) -> Decoded:
    envelope, odd = _envelope(entity, body)
    came = listed(entity, envelope)
    records: list[bytes] = []
    keys: list[Key] = []
    aside: dict[str, str] = {}
    losses: dict[str, json_text.Losses] = {}
    for at, record in enumerate(came):
        lost = json_text.Losses()
        if odd and isinstance(record, dict):
            record = json_text.mend(record, lost)
        known = identity(entity, record) if isinstance(record, dict) else None
        if known is None:
            seen = msgspec.json.encode([keys[-1].id if keys else None, at if record is None else record])
            aside[hashlib.sha256(seen).hexdigest()] = f"number {at + 1}, {_why(entity, record)}"
            continue
        records.append(_encoded(record, lost))
        keys.append(Key(known, timestamp(record.get(entity.updated or ""))))
        if lost:
            losses[str(known)] = lost
    if losses:
        log.warning("%s: %s: %s.", entity.name, json_text.in_words(losses), json_text.REPAIR)
    if aside:
        log.warning(
            "%s: left out %d of a page of %s: %s.",
            entity.name,
            len(aside),
            counted(len(came), "record"),
            "; ".join(islice(aside.values(), 10)),
        )
    paging = json_text.mend({"additional_data": envelope.get("additional_data")}, json_text.Losses())
    return Decoded(records, keys, {"data": came, **paging}, aside.keys())


def _envelope(entity: Entity, body: bytes) -> tuple[dict[str, Any], bool]:
    """An answer of a list, and whether its records need mending.

    :raises ValueError: it is none
    """
    try:
        odd = json_text.may_have_zero_byte(body)
        envelope = json_text.loads(body) if odd else msgspec.json.decode(body)
    except msgspec.DecodeError:
        envelope, odd = json_text.loads(body), True
    if not isinstance(envelope, dict):
        raise ValueError(f"an object was expected, a {type(envelope).__name__} came")
    if envelope.get("success") is False:
        raise ValueError("success is false")
    _check_null_data(entity, envelope)
    return envelope, odd


def _why(entity: Entity, record: Any) -> str:
    """What is wrong with a record that cannot be told apart; nothing of what it says."""
    if not isinstance(record, dict):
        return f"is {'null' if record is None else type(record).__name__} in place of a record"
    return f"has no {entity.key[0]} that a column can hold"


def _encoded(record: Mapping[str, Any], lost: Mapping[json_text.Place, int]) -> bytes:
    encoded = msgspec.json.encode(record)
    if not lost:
        return encoded
    return Mended.of(encoded, lost)


def listed(entity: Entity, envelope: Mapping[str, Any]) -> list[Any]:
    """The records of an answer."""
    data = envelope.get("data")
    if entity.records and isinstance(data, Mapping):
        return list(data.get(entity.records) or [])
    action: Action = entity.listing
    return records_in(action, envelope)


def identity(entity: Entity, record: Mapping[str, Any]) -> Identity | None:
    """What tells a record of this entity apart; None where nothing does."""
    if len(entity.key) > 1:  # the key of rows that are made of what is listed
        return msgspec.json.encode([record.get(name) for name in entity.key]).decode()
    value = record.get(entity.key[0])
    if isinstance(value, str):
        return value or None
    fits = isinstance(value, int) and not isinstance(value, bool) and -LARGEST - 1 <= value <= LARGEST
    return value if fits else None

"""What a change is, and when two reports are of the same one. Pure, and plain JSON outside.

Polls and webhooks report changes in different ways. A poll sees how a record is now: of several edits between two polls
it knows the last state only, and its times are whole seconds. A webhook reports each edit, may be repeated, come late
or not at all. Hence these rules, in :func:`deduplicate`:

- Two reports with the same ``event_id`` are the same change.
- A polled change is dropped if webhooks bring all of its states: each is entity, record and a time, that of the last
  edit, and those of a creation, move or won or lost deal before it. Of a creation and an edit between two polls, the
  webhook of the edit alone says too little. A webhook that comes so late that the poll's change was reported before is
  dropped instead.
- Deletions are the same if a webhook and a poll report one of the same record within :data:`SAME_DELETION`: their times
  need not be equal to the second.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, Self

from airflow_provider_pipedrive.client.times import read_time, write_time
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.waits.movement import moved_at

CREATED: Final = "created"
CHANGED: Final = "changed"
STAGE_MOVED: Final = "stage_moved"
STATUS_CHANGED: Final = "status_changed"
FIELD_CHANGED: Final = "field_changed"
NEW_FILE: Final = "new_file"
DELETED: Final = "deleted"
KINDS: Final = (CREATED, CHANGED, STAGE_MOVED, STATUS_CHANGED, FIELD_CHANGED, NEW_FILE, DELETED)
"""``changed`` goes with every edit of a record that was there before; ``stage_moved``, ``status_changed`` and
``field_changed`` say more of it."""

SAME_DELETION: Final = timedelta(seconds=60)

_OF_EVERY = ("name", "title", "owner_id", "is_deleted", "is_archived")
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "deals": ("stage_id", "pipeline_id", "status", "value", "currency", "person_id", "org_id", "lost_reason"),
    "persons": ("org_id",),
    "activities": ("subject", "type", "done", "due_date", "due_time", "deal_id", "person_id", "org_id"),
    "products": ("code",),
    "leads": ("value", "person_id", "organization_id"),
    "notes": ("deal_id", "person_id", "org_id", "lead_id"),
    "files": (
        *("file_name", "file_type", "file_size", "add_time", "user_id", "inline_flag", "mail_message_id"),
        *("deal_id", "person_id", "org_id", "product_id", "activity_id", "lead_id"),
    ),
}


class Origin(NamedTuple):
    """Who made a change, and through what.

    ``user_id``: whose credential it was. ``source``: ``api``, or ``app`` for Pipedrive's own pages. What an integration
    does has the user whose credential it uses. https://pipedrive.readme.io/docs/guide-for-webhooks-v2
    """

    user_id: int
    source: str

    @classmethod
    def of(cls, user_id: Any, source: Any) -> Self | None:
        """From what Pipedrive says, where it says both."""
        is_known = re.fullmatch(r"[0-9]{1,18}", str(user_id)) and isinstance(source, str) and source
        return cls(int(user_id), source) if is_known else None

    def is_own(self, user_id: int) -> bool:
        """Whether this user made the change through the API."""
        return self == (user_id, "api")


@dataclass(frozen=True)
class Change:
    """One change of one record.

    :ivar entity: snake_case plural, as everywhere in this package: ``deals``
    :ivar id: the record's id; a text for leads
    :ivar kinds: what has happened, of :data:`KINDS`; several where several things did
    :ivar update_time: the record's ``update_time`` after it, or when it was deleted: ``2026-05-04T10:20:30Z``
    :ivar event_id: the same wherever and however often this change is reported by the same source
    :ivar values: some of the record's values after it (:func:`values_of`); before it, if it was deleted
    :ivar previous: the values before it, of the fields that are known to have changed
    :ivar source: how it became known
    :ivar received: when a webhook says that it happened, to the millisecond: ``2026-05-04T10:20:30.120Z``
    :ivar origin: who made it and through what, where Pipedrive says so: webhooks do, lists do not
    :ivar earlier: when else something happened that it reports, such as the creation before the last edit
    """

    entity: str
    id: int | str
    kinds: tuple[str, ...]
    update_time: str
    event_id: str
    values: Mapping[str, Any] = field(default_factory=dict)
    previous: Mapping[str, Any] = field(default_factory=dict)
    source: Literal["poll", "webhook"] = "poll"
    received: str | None = None
    origin: Origin | None = None
    earlier: tuple[str, ...] = ()

    @property
    def state(self) -> tuple[str, str, str]:
        """Entity, record and ``update_time``: what a poll and a webhook that report the same state have in common."""
        return self.entity, str(self.id), self.update_time

    @property
    def states(self) -> frozenset[tuple[str, str, str]]:
        """The record's state at each time at which something happened that this change reports."""
        return frozenset((self.entity, str(self.id), time) for time in (self.update_time, *self.earlier))

    def to_json(self) -> dict[str, Any]:
        """As plain data, without what is empty."""
        found = {key: value for key, value in asdict(self).items() if value not in (None, {}, ())}
        found |= {name: list(found[name]) for name in ("kinds", "earlier") if name in found}
        return found if self.origin is None else {**found, "origin": self.origin._asdict()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From :meth:`to_json`'s data; what a later version may have added is ignored.

        :raises PipedriveParameterError: it is not a change
        """
        try:
            known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
            made = data.get("origin")
            origin = None if made is None else Origin.of(made["user_id"], made["source"])
            texts = {"kinds": _texts(data["kinds"]), "earlier": _texts(data.get("earlier", []))}
            change = cls(**{**known, **texts, "origin": origin})
        except (TypeError, KeyError, AttributeError) as error:
            raise PipedriveParameterError(f"This is not a change: {error}.") from None
        if fault := change._fault():
            raise PipedriveParameterError(f"This is not a change: its {fault} cannot be read.")
        return change

    def _fault(self) -> str:
        """Which part cannot be what it says: it may come from anybody who may store an asset event."""
        texts = {"entity": self.entity, "event_id": self.event_id, "update_time": self.update_time}
        is_right = {
            "earlier": all(read_time(time) is not None for time in self.earlier),
            **{name: isinstance(text, str) and bool(text) for name, text in texts.items()},
            "id": isinstance(self.id, int | str) and not isinstance(self.id, bool),
            "values": _is_object(self.values),
            "previous": _is_object(self.previous),
            "source": self.source in ("poll", "webhook"),
            "received": self.received is None
            or (isinstance(self.received, str) and read_time(self.received) is not None),
        }
        if is_right["update_time"]:
            is_right["update_time"] = read_time(self.update_time) is not None
        return next((name for name, right in is_right.items() if not right), "")


def make_change(
    entity: str,
    record_id: int | str,
    kinds: Iterable[str],
    update_time: Any,
    values: Mapping[str, Any],
    *,
    previous: Mapping[str, Any] | None = None,
    source: Literal["poll", "webhook"] = "poll",
    occurrence: str = "",
    received: str | None = None,
    origin: Origin | None = None,
    earlier: Iterable[datetime] = (),
) -> Change:
    """A change with its event id.

    :param kinds: in any order; :data:`CHANGED` is added to what is an edit
    :param update_time: as any version of the API or a webhook writes it
    :param occurrence: tells apart two changes of a record within one second that lead to the same values, as a
        webhook's ``meta.id`` does; the same for a delivery and its repetition
    :param earlier: when else something happened that it reports
    :raises PipedriveParameterError: ``update_time`` is not a time
    """
    when = read_time(update_time)
    if when is None:
        raise PipedriveParameterError(f"{entity} {record_id}: a change needs a time, not {update_time!r}.")
    time = write_time(when)
    return Change(
        entity=entity,
        id=record_id,
        kinds=_in_order(kinds),
        update_time=time,
        event_id=f"{entity}/{record_id}/{time}/{_digest([dict(values), occurrence])}",
        values=dict(values),
        previous=dict(previous or {}),
        source=source,
        received=received,
        origin=origin,
        earlier=tuple(sorted({write_time(other) for other in earlier} - {time})),
    )


def times_of(record: Mapping[str, Any]) -> dict[str, datetime]:
    """When what happened to a record, by its kind, as far as the record says."""
    added = read_time(record.get("add_time"))
    updated = read_time(record.get("update_time")) or added
    status = str(record.get("status") or "")
    found = {
        CREATED: added,
        CHANGED: updated,
        STAGE_MOVED: moved_at(dict(record)) if "stage_id" in record else None,
        STATUS_CHANGED: read_time(record.get(f"{status}_time")) if status in ("won", "lost") else None,
    }
    return {kind: time for kind, time in found.items() if time is not None}


def kinds_of_edit(previous: Mapping[str, Any]) -> tuple[str, ...]:
    """What an edit was, from the old values of the fields that it changed."""
    kinds = {CHANGED}
    if "stage_id" in previous:
        kinds.add(STAGE_MOVED)
    if "status" in previous:
        kinds.add(STATUS_CHANGED)
    if previous.keys() - {"update_time"}:
        kinds.add(FIELD_CHANGED)
    return _in_order(kinds)


def values_of(entity: str, record: Mapping[str, Any], fields: Iterable[str] = ()) -> dict[str, Any]:
    """What a change says of a record: a few values that most want to know, and those of ``fields``.

    :param fields: keys of fields, the hashes of custom fields among them
    """
    custom = record.get("custom_fields")
    found = {name: record[name] for name in (*_OF_EVERY, *_VALUES.get(entity, ())) if name in record}
    for key in fields:
        if key in record:
            found[key] = record[key]
        elif isinstance(custom, Mapping) and key in custom:
            found[key] = custom[key]
    return found


def deduplicate(changes: Iterable[Change], before: Iterable[Change] = ()) -> Iterator[Change]:
    """The changes, each once and in their order, without what others among them or ``before`` report already.

    What a webhook among ``changes`` brings counts also for polled ones before it.

    :param before: what was reported earlier
    """
    changes, before = list(changes), list(before)
    seen = {change.event_id for change in before}
    by_webhook = _SeenStates(change for change in (*before, *changes) if change.source == "webhook")
    by_poll = _SeenStates(change for change in before if change.source == "poll")
    for change in changes:
        if change.event_id not in seen and change not in (by_webhook if change.source == "poll" else by_poll):
            seen.add(change.event_id)
            yield change


class _SeenStates:
    """The states and deletions that one source has reported."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._states: set[tuple[str, str, str]] = set()
        self._deletions: dict[tuple[str, str], list[str]] = {}
        for change in changes:
            self._states |= change.states
            if DELETED in change.kinds:
                self._deletions.setdefault(change.state[:2], []).append(change.update_time)

    def __contains__(self, change: Change) -> bool:
        states = change.states if change.source == "poll" else {change.state}
        return states <= self._states or (
            DELETED in change.kinds and _near(change.update_time, self._deletions.get(change.state[:2], ()))
        )


def sort_changes(changes: Iterable[Change]) -> list[Change]:
    """By time, and within a second in the order of the webhooks."""
    return sorted(changes, key=lambda change: (change.update_time, change.received or "", str(change.id)))


def _texts(given: Any) -> tuple[str, ...]:
    """A list of texts as a tuple.

    :raises TypeError: it is something else
    """
    if not isinstance(given, list | tuple) or not all(isinstance(item, str) for item in given):
        raise TypeError("kinds or earlier is not a list of texts")
    return tuple(given)


def _is_object(given: Any) -> bool:
    return isinstance(given, Mapping) and all(isinstance(name, str) for name in given)


def _near(time: str, others: Iterable[str]) -> bool:
    here = read_time(time)
    return any(here and there and abs(here - there) <= SAME_DELETION for there in map(read_time, others))


def _in_order(kinds: Iterable[str]) -> tuple[str, ...]:
    given = set(kinds)
    if given & {STAGE_MOVED, STATUS_CHANGED, FIELD_CHANGED} and CREATED not in given:
        given.add(CHANGED)
    return tuple(kind for kind in KINDS if kind in given)


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]

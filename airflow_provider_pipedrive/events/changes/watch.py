"""What somebody wants to know of an entity, and how far they have come: plain data that travels. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.catalog.advice import did_you_mean
from airflow_provider_pipedrive.client.times import write_time
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.model import (
    CHANGED,
    CREATED,
    DELETED,
    FIELD_CHANGED,
    KINDS,
    NEW_FILE,
    STAGE_MOVED,
    STATUS_CHANGED,
)

LOOKBACK: Final = timedelta(seconds=60)
"""How far a walk reads back behind the end of the window before."""
ENTITIES_WITH_CHANGES: Final = (
    *(name for name, entity in ENTITIES.items() if entity.incremental in ("window", "since")),
    "files",
)
"""Those whose lists show what has changed since a time, and files, whose list shows what is new."""
CHANGELOGS: Final[Mapping[str, str]] = {
    "deals": "getDealChangelog",
    "persons": "getPersonChangelog",
    "organizations": "getOrganizationChangelog",
}
"""The action that lists a record's changes field by field, each with who made it. https://developers.pipedrive.com/docs/api/v1/Deals"""
FILE_LINKS: Final[Mapping[str, str]] = {
    "deals": "deal_id",
    "persons": "person_id",
    "organizations": "org_id",
    "products": "product_id",
    "activities": "activity_id",
    "leads": "lead_id",
}
"""What a file says of the record that it is attached to."""
_ONLY_OF: Final[Mapping[str, tuple[Iterable[str], str]]] = {
    STAGE_MOVED: (("deals",), "Only deals have stages"),
    STATUS_CHANGED: (("deals",), "Only deals have a status"),
    DELETED: (("deals",), "Pipedrive lists only deals that were deleted; webhooks report others"),
    FIELD_CHANGED: (CHANGELOGS, "Pipedrive says which field has changed only for deals, persons and organizations"),
    NEW_FILE: ((*FILE_LINKS, "files"), "Files are attached to other records"),
}


@dataclass(frozen=True)
class ChangeWatch:
    """Changes of one entity.

    :ivar entity: such as ``deals``
    :ivar kinds: of :data:`.model.KINDS`
    :ivar fields: keys or names of fields, for ``field_changed``
    :ivar ignore_own: without the edits that the connection's user has made through the API
    """

    entity: str
    kinds: tuple[str, ...]
    fields: tuple[str, ...] = ()
    ignore_own: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        own = {"ignore_own": True} if self.ignore_own else {}
        return {"entity": self.entity, "kinds": list(self.kinds), "fields": list(self.fields), **own}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From :meth:`to_json`'s data."""
        own = bool(data.get("ignore_own"))
        return cls(data["entity"], tuple(data["kinds"]), tuple(data.get("fields") or ()), own)

    @property
    def digest(self) -> str:
        """A short text that no other watch has."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def reads_changelogs(self) -> bool:
        """Whether the changelog of each edited record must be read."""
        return self.ignore_own or FIELD_CHANGED in self.kinds

    @property
    def reads_records(self) -> bool:
        """Whether the list of records must be read."""
        return self.entity != "files" and bool(set(self.kinds) - {DELETED, NEW_FILE})


@dataclass(frozen=True)
class Position:
    """How far a watcher has come, on Pipedrive's clock.

    A walk begins with a lookback before ``since``: nothing promises that a write is visible at once.

    :ivar since: the end of the window before
    :ivar floor: what happened up to then is never news
    :ivar seen: the latest time up to which records of the lookback are known, in seconds since the epoch, by their key
    """

    since: datetime
    floor: datetime
    seen: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def start(cls, at: datetime) -> Self:
        """At a beginning: nothing before it is news."""
        return cls(at, at)

    def after(self, until: datetime, seen: Mapping[str, int]) -> Position:
        """After a window that ended at ``until``; the same if it is not past it."""
        return Position(until, self.floor, seen) if until > self.since else self

    def lower(self, key: str) -> datetime:
        """What is later than this is news of the record with this key."""
        known = self.seen.get(key)
        earliest = max(self.since - LOOKBACK, self.floor)
        return earliest if known is None else max(earliest, datetime.fromtimestamp(known, UTC))

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"since": write_time(self.since), "floor": write_time(self.floor), "seen": dict(self.seen)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From :meth:`to_json`'s data."""
        return cls(
            datetime.fromisoformat(data["since"]), datetime.fromisoformat(data["floor"]), dict(data.get("seen") or {})
        )


def change_watch(entity: Any, kinds: Any = None, fields: Any = None, ignore_own: bool = False) -> ChangeWatch:
    """A watch as callers describe it.

    :param entity: one of :data:`ENTITIES_WITH_CHANGES`
    :param kinds: one or several of :data:`.model.KINDS`; by default every creation and edit, or ``field_changed`` if
        ``fields`` are given; new files of files
    :param fields: one or several keys or names of fields
    :param ignore_own: leave out the edits that the connection's user has made through the API
    :raises PipedriveParameterError: an unknown name (the nearest is named), or what this entity cannot show
    """
    if entity not in ENTITIES_WITH_CHANGES:
        known = ", ".join(ENTITIES_WITH_CHANGES)
        raise PipedriveParameterError(
            f"Changes of {entity!r} cannot be watched, only of: {known}.{did_you_mean(entity, ENTITIES_WITH_CHANGES)}"
        )
    named = _several("fields", fields)
    chosen = _several("changes", kinds) or _default(entity, named)
    for kind in chosen:
        if kind not in KINDS:
            raise PipedriveParameterError(
                f"There is no kind of change {kind!r}.{did_you_mean(kind, KINDS)} There are {', '.join(KINDS)}."
            )
        allowed, reason = _ONLY_OF.get(kind, ((entity,), ""))
        if entity not in allowed:
            raise PipedriveParameterError(f"{kind!r} cannot be watched of {entity}: {reason}.")
    if entity == "files" and set(chosen) != {NEW_FILE}:
        raise PipedriveParameterError(f"Of files only {NEW_FILE!r} can be watched: their list shows no edits.")
    if bool(named) != (FIELD_CHANGED in chosen):
        raise PipedriveParameterError(
            f"{FIELD_CHANGED!r} needs the names of the fields: fields=[...]."
            if not named
            else f"fields are given, but {FIELD_CHANGED!r} is not among the changes."
        )
    if ignore_own and entity not in CHANGELOGS:
        raise PipedriveParameterError(
            f"ignore_own is not possible for {entity}: Pipedrive says who has changed a record only for "
            f"{', '.join(CHANGELOGS)}."
        )
    kept = tuple(kind for kind in KINDS if kind in chosen)
    return ChangeWatch(entity, kept, tuple(dict.fromkeys(named)), bool(ignore_own))


def _default(entity: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    if entity == "files":
        return (NEW_FILE,)
    return (FIELD_CHANGED,) if fields else (CREATED, CHANGED)


def _several(name: str, given: Any) -> tuple[str, ...]:
    items = [given] if isinstance(given, str) else list(given or ()) if not isinstance(given, int) else [given]
    if not all(isinstance(item, str) and item for item in items):
        raise PipedriveParameterError(f"{name} must be a text or a list of texts, not {given!r}.")
    return tuple(items)

"""Finds changes in Pipedrive's lists: one walk for all that watch an entity.

A list shows each record as it is now, with a few times in it: of its creation, its last edit, its last move. What has
happened follows from which of these are in the window of time that is asked for; a record edited again since the
window's end still shows a creation or move inside it.

A window ends at a second that is closed: Pipedrive's clock, as its answers show it, is past it by :data:`MARGIN`. So a
record cannot change once more within a second that was reported already. It begins with a lookback: nothing promises
that a write is visible at once. What was seen in the lookback is remembered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import chain, takewhile
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.catalog.advice import did_you_mean
from airflow_provider_pipedrive.client.owner import owner_of
from airflow_provider_pipedrive.client.times import read_time
from airflow_provider_pipedrive.errors import (
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedrivePermissionError,
)
from airflow_provider_pipedrive.events.changes.model import (
    CHANGED,
    CREATED,
    DELETED,
    FIELD_CHANGED,
    NEW_FILE,
    Change,
    Origin,
    make_change,
    times_of,
    values_of,
)
from airflow_provider_pipedrive.events.changes.watch import CHANGELOGS, FILE_LINKS, LOOKBACK, ChangeWatch, Position
from airflow_provider_pipedrive.extraction.entities import get_entity
from airflow_provider_pipedrive.files.listing import FileWindow, files_of, within

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient

log = logging.getLogger(__name__)
Record = Mapping[str, Any]
MARGIN: Final = timedelta(seconds=5)
READ_FIELDS_AFTER: Final = 3600.0
"""Seconds after which a field that was not there is looked for again."""
MOST_SEEN: Final = 2000
"""Of how many records it is remembered that they were seen in the lookback. Those beyond it may be reported again."""


@dataclass(frozen=True)
class WatchRequest:
    """What one watcher asks of a walk: its watch, and how far it has come."""

    watch: ChangeWatch
    position: Position


@dataclass(frozen=True)
class ScanResult:
    """What a walk has found.

    :ivar until: the last closed second; what comes after it is for the next walk
    :ivar seen: what to remember of the lookback
    """

    until: datetime
    seen: Mapping[str, int]


Emit = Callable[[int, Change], None]
"""Takes each change with the number of the watcher that asked for it, as they are found."""


class ChangeReader:
    """Reads the changes of one entity.

    :param client: whose account
    :param entity: such as ``deals``
    """

    def __init__(self, client: PipedriveClient, entity: str) -> None:
        self._client = client
        self._entity = entity
        self._keys: dict[str, str] = {}
        self._keys_read_at = 0.0

    def now(self) -> datetime:
        """Pipedrive's clock.

        :raises PipedriveError: it does not answer
        """
        if self._client.server_ahead is None:
            self._client.run("getCurrentUser")
        return self._on_server(datetime.now(UTC))

    def walk(self, requests: Sequence[WatchRequest], emit: Emit, until: datetime | None = None) -> ScanResult:
        """Find the changes of every request since the window before, in one walk of each list that is needed.

        :param requests: at least one
        :param emit: takes what is found
        :param until: the end of the windows, where it is given
        :raises PipedriveError: Pipedrive failed; what was emitted so far is not complete
        """
        since = min(request.position.since for request in requests)
        sources = [
            (_Scan.look_at_record, self._records(requests, since - LOOKBACK)),
            (_Scan.look_at_deleted, self._deleted(requests, since - LOOKBACK)),
            (_Scan.look_at_file, self._files(requests, since - LOOKBACK)),
        ]
        began = datetime.now(UTC)
        first = [next(source, None) for _, source in sources]  # asks, and so learns Pipedrive's clock
        end = until or closed(self._on_server(began))
        if end <= since:
            return ScanResult(since, {})
        scan = _Scan(requests, emit, end, self)
        for first_record, (look, source) in zip(first, sources, strict=True):
            for record in () if first_record is None else chain([first_record], source):
                look(scan, record)
        return ScanResult(end, scan.newest_seen())

    def _on_server(self, local: datetime) -> datetime:
        return local + timedelta(seconds=self._client.server_ahead or 0.0)

    def _records(self, requests: Sequence[WatchRequest], since: datetime) -> Iterator[Record]:
        if not any(request.watch.reads_records for request in requests):
            return iter(())
        entity = get_entity(self._entity)
        # v1 pages by position: in the order of times a record that is edited meanwhile would move, and hide another.
        order = {"sort_by": "update_time"} if entity.sort == "v2" else {"sort": "id ASC"} if entity.sort else {}
        return self._client.iterate(entity.action, {**entity.parameters, "updated_since": since, **order})

    def _deleted(self, requests: Sequence[WatchRequest], since: datetime) -> Iterator[Record]:
        if not any(DELETED in request.watch.kinds for request in requests):
            return iter(())
        return self._client.iterate("getDeals", {"status": "deleted", "updated_since": since})

    def _files(self, requests: Sequence[WatchRequest], since: datetime) -> Iterator[Record]:
        if not any(NEW_FILE in request.watch.kinds for request in requests):
            return iter(())
        return within(files_of(self._client), FileWindow(since=since))

    @cached_property
    def user_id(self) -> int:
        """The user whose credential this is."""
        return owner_of(self._client.run("getCurrentUser")).user_id

    def field_changes(self, record_id: Any, since: datetime) -> list[Record]:
        """A record's changes field by field later than ``since``, the newest first; none of one that is gone meanwhile
        or that the credential's user may not see so far."""
        try:
            return list(
                takewhile(
                    lambda entry: (read_time(entry.get("time")) or since) > since,
                    self._client.iterate(CHANGELOGS[self._entity], {"id": record_id}),
                )
            )
        except (PipedriveNotFoundError, PipedrivePermissionError) as error:
            log.warning("The changelog of %s %s is left out: %s", self._entity, record_id, error)
            return []

    def key_of(self, name: str) -> str:
        """The key of a field that is given by its key or its name.

        :raises PipedriveParameterError: there is none
        """
        too_old = name not in self._keys and monotonic() - self._keys_read_at > READ_FIELDS_AFTER
        if not self._keys or too_old:
            definitions = get_entity(self._entity).definitions
            assert definitions is not None  # every entity with a changelog has fields
            found = list(self._client.iterate(definitions))
            names = {str(one["field_name"]): str(one["field_code"]) for one in found}
            self._keys = names | {str(one["field_code"]): str(one["field_code"]) for one in found}
            self._keys_read_at = monotonic()
        if name not in self._keys:
            hint = did_you_mean(name, self._keys)
            raise PipedriveParameterError(f"{self._entity} have no field {name!r}.{hint}")
        return self._keys[name]


class _Scan:
    """One walk under way."""

    def __init__(self, requests: Sequence[WatchRequest], emit: Emit, until: datetime, reader: ChangeReader) -> None:
        self._requests = requests
        self._emit = emit
        self._until = until
        self._reader = reader
        self._seen: dict[str, int] = {}

    def look_at_record(self, record: Record) -> None:
        """A record that is there."""
        key = str(record["id"])
        times = times_of(record)
        self._remember(key, times.values())
        entries: list[Record] | None = None
        for number, request in enumerate(self._requests):
            lower = request.position.lower(key)
            kinds = {kind for kind, time in times.items() if lower < time <= self._until}
            if not kinds or not request.watch.reads_records:
                continue
            if request.watch.reads_changelogs and entries is None:
                earliest = min(each.position.lower(key) for each in self._requests)
                entries = self._reader.field_changes(record["id"], earliest)
            own = self._within(entries or (), lower) if request.watch.reads_changelogs else []
            change = self._change(request.watch, record, times, kinds, own)
            if change is not None:
                self._emit(number, change)

    def _change(
        self,
        watch: ChangeWatch,
        record: Record,
        times: Mapping[str, datetime],
        kinds: set[str],
        entries: Sequence[Record],
    ) -> Change | None:
        """A record's change in a watch's window, if it is one that the watch asks for."""
        when = times[CHANGED] if CHANGED in kinds else max(times[kind] for kind in kinds)
        earlier = [times[kind] for kind in kinds - {CHANGED}]
        if CREATED in kinds:
            kinds = kinds - {CHANGED}
        origins = {Origin.of(entry.get("actor_user_id"), entry.get("change_source")) for entry in entries}
        origin = origins.pop() if len(origins) == 1 else None
        # Nothing says through what a record was created: a creation always counts.
        if watch.ignore_own and origin and CREATED not in kinds and origin.is_own(self._reader.user_id):
            return None
        fields = {name: self._reader.key_of(name) for name in watch.fields}
        previous = _previous(entries, fields)
        kinds = kinds | ({FIELD_CHANGED} if previous else set())
        if not kinds & set(watch.kinds):
            return None
        values = values_of(watch.entity, record, fields.values())
        named = {name: values.pop(code) for name, code in fields.items() if code in values}
        found = {**values, **named}
        return make_change(
            watch.entity, record["id"], kinds, when, found, previous=previous, origin=origin, earlier=earlier
        )

    def _within(self, entries: Sequence[Record], lower: datetime) -> list[Record]:
        """The entries of a changelog in a window."""
        timed = ((entry, read_time(entry.get("time"))) for entry in entries)
        return [entry for entry, time in timed if time is not None and lower < time <= self._until]

    def look_at_deleted(self, record: Record) -> None:
        """A record that was deleted."""
        key, time = str(record["id"]), read_time(record.get("update_time"))
        self._remember(key, [time])
        for number, request in enumerate(self._requests):
            lower = request.position.lower(key)
            if DELETED in request.watch.kinds and time is not None and lower < time <= self._until:
                values = values_of(request.watch.entity, record)
                self._emit(number, make_change(request.watch.entity, record["id"], [DELETED], time, values))

    def look_at_file(self, file: Record) -> None:
        """A file."""
        key, time = f"file {file['id']}", read_time(file.get("add_time"))
        self._remember(key, [time])
        for number, request in enumerate(self._requests):
            link = FILE_LINKS.get(request.watch.entity)
            wanted = NEW_FILE in request.watch.kinds and file.get("active_flag") is not False
            wanted = wanted and (link is None or bool(file.get(link)))
            if wanted and time is not None and request.position.lower(key) < time <= self._until:
                self._emit(number, make_change("files", file["id"], [NEW_FILE], time, values_of("files", file)))

    def newest_seen(self) -> dict[str, int]:
        """What to remember of the lookback of the next walk."""
        kept = sorted(self._seen.items(), key=lambda item: item[1], reverse=True)[:MOST_SEEN]
        return dict(kept)

    def _remember(self, key: str, times: Iterable[datetime | None]) -> None:
        past = [time for time in times if time is not None and time <= self._until]
        if past and max(past) > self._until - LOOKBACK:
            self._seen[key] = int(max(past).timestamp())


def closed(now: datetime) -> datetime:
    """The last second that counts as closed at ``now`` of Pipedrive's clock."""
    return now.replace(microsecond=0) - MARGIN


def _previous(entries: Iterable[Record], fields: Mapping[str, str]) -> dict[str, Any]:
    """The oldest value of each field that was changed, by the name that it was asked for by; the newest come first."""
    return {
        name: entry.get("old_value")
        for entry in entries
        for name, code in fields.items()
        if entry.get("field_key") == code
    }

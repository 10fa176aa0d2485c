"""What Airflow 3.3 has stored of an asset: its events, and the claims on them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.assets.claims import Claim, Claims, Row, claimed
from airflow_provider_pipedrive.assets.trusted import TrustedConnections
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.owner import owner_of
from airflow_provider_pipedrive.client.times import read_time
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.batch import Batch, ChangeWindow, team_of
from airflow_provider_pipedrive.events.changes.model import Change, deduplicate, sort_changes
from airflow_provider_pipedrive.events.changes.reading import ChangeReader, WatchRequest

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Asset, Context

log = logging.getLogger(__name__)
STEP: Final = 100
"""Events read at once. All of them at once fails: 10,000 take longer than Airflow's API server is waited for."""
SKEW: Final = timedelta(minutes=2)
"""By how much the clocks of Pipedrive and Airflow may differ where an earlier report of a change is looked for."""
FARTHEST: Final = timedelta(days=7)
"""How far back an earlier report of a change is looked for."""
LONGEST_REASON: Final = 500


class StoredEvents:
    """An asset's events, for one task of a DAG."""

    def __init__(self, asset: Asset, context: Context) -> None:
        self._asset = asset
        self._context: Any = context
        task = self._context["ti"]
        self._key = f"pipedrive_changes:{task.dag_id}.{task.task_id}"
        self._own_key = f"pipedrive_changes:{hashlib.sha256(asset.uri.encode()).hexdigest()[:12]}"
        self._run = str(self._context["run_id"])
        self.set_aside: list[dict[str, Any]] = []
        """Events that are not believed: their ids and why."""
        try:
            self._store = self._context["asset_state_store"][asset]
            self._context["inlet_events"][asset]
        except KeyError:
            raise PipedriveParameterError(
                f"The task {task.task_id!r} cannot read the changes of {asset.uri}: name the asset in its inlets=[...]."
            ) from None

    def changes(self, since: datetime | None, connection_id: str | None, *, ignore_own: bool = False) -> list[Change]:
        """The run's changes: those of the events in its claim, each once, sorted.

        :param since: where the first run of all begins; by default with all that is stored
        :param connection_id: the asset's; by default its watcher's. Events that name another one count if that one
            belongs to the asset's company
        :param ignore_own: without those that the user of an event's connection has made through the API
        """
        rows = [row for row in self._claim(since) if since is None or row.time >= since]
        trusted = TrustedConnections(self._asset.uri, connection_id or _of_the_watcher(self._asset))
        batches = [(row, batch) for row in rows if (batch := self._believed(row, trusted)) is not None]
        changes = [(_is_by_rest(row), change) for row, batch in batches for change in self._of(batch, trusted)]
        own = _own(batches, trusted) if ignore_own else frozenset()
        found = sort_changes(change for by_rest, change in changes if not by_rest)
        earlier = self._earlier([change for _, change in changes], {row.id for row in rows}, trusted)
        windows = [batch.window for row, batch in earlier if batch.window is not None and not _is_by_rest(row)]
        reported = [change for row, batch in earlier if not _is_by_rest(row) for change in batch.changes]
        once = [change for change in deduplicate(found, reported) if not _in_one_of(windows, change)]
        # What somebody has made by Airflow's REST API comes on top: it never takes another event's change away.
        reported_by_rest = [change for row, batch in earlier if _is_by_rest(row) for change in batch.changes]
        by_rest = sort_changes(change for by_rest, change in changes if by_rest)
        once = sort_changes([*once, *deduplicate(by_rest, [*reported, *found, *reported_by_rest])])
        # Not before: a poll may have reported the same change without saying who made it.
        once = [change for change in once if change.event_id not in own]
        log.info("%s: %s in %s.", self._asset.uri, counted(len(once), "change"), counted(len(rows), "event"))
        if self.set_aside:
            set_aside = counted(len(self.set_aside), "event")
            log.warning("%s: %s set aside, for the reasons above.", self._asset.uri, set_aside)
        return once

    def _claim(self, since: datetime | None) -> list[Row]:
        """The events of this run's claim, which is made now if there is none."""
        claims = Claims.from_json(self._store.get(self._key))
        own = claims.of(self._run) or self._kept_by_the_task()
        if own is not None:
            log.info("This run has claimed the events up to %s already, and reads them again.", own.until)
            if own.until is None:
                return []
            return [row for row in self._rows(own.read_from, own.until) if own.has(row)]
        base = claims.base(self._run, since)
        claim, rows = claimed(base, self._rows(base.read_from, None))
        self._store.set(self._key, claims.and_then(claim).to_json())
        self._context["task_state_store"].set(self._own_key, claim.to_json())
        return rows

    def _kept_by_the_task(self) -> Claim | None:
        """The claim of a run so old that the asset's store has let it go."""
        kept = self._context["task_state_store"].get(self._own_key)
        return Claim.from_json(kept) if kept else None

    def _believed(self, row: Row, trusted: TrustedConnections) -> Batch | None:
        """An event's batch. One that is not to be believed is set aside: the others' changes must not wait for it.

        :raises PipedriveError: Pipedrive could not be asked now; the claim stays, and a repetition reads it again
        """
        try:
            batch = Batch.from_extra(row.extra)
            if batch is not None:
                trusted.check(batch)
        except PipedriveParameterError as error:
            self.set_aside.append({"event": row.id, "reason": str(error)[:LONGEST_REASON]})
            log.warning("%s: the event %d is set aside: %.500r", self._asset.uri, row.id, str(error))
            return None
        return batch

    def _of(self, batch: Batch, trusted: TrustedConnections) -> list[Change]:
        if batch.window is None:
            return list(batch.changes)
        return read_window(batch.window, trusted.check(batch))

    def _earlier(self, found: list[Change], own: set[int], trusted: TrustedConnections) -> list[tuple[Row, Batch]]:
        """What may have reported these changes before: every report of a change is stored after it has happened."""
        # A webhook may bring a record whose last edit is long past.
        texts = [text for change in found for text in (change.received or change.update_time, *change.earlier)]
        times = [time for text in texts if (time := read_time(text))]
        if not times:
            return []
        newest = max(times)
        rows = self._rows(max(min(times), newest - FARTHEST) - SKEW, None)
        claims = Claims.from_json(self._store.get(self._key))
        mine = claims.of(self._run) or self._kept_by_the_task()
        before = [row for row in rows if row.id not in own and mine is not None and mine.is_earlier(row)]
        return [(row, batch) for row in before if (batch := _reported_by(row, trusted)) is not None]

    def _rows(self, after: datetime | None, before: datetime | None) -> Iterator[Row]:
        """The asset's events in the order of time, step by step, without those that are another team's alone."""
        own_team = getattr(self._context.get("dag_run"), "team_name", None)
        seen: set[int] = set()
        step = STEP
        while True:
            events = self._context["inlet_events"][self._asset].ascending().limit(step)
            if after is not None:
                events.after(after.isoformat())
            if before is not None:
                events.before(before.isoformat())
            page = [Row(event.id, event.timestamp, event.extra) for event in events]
            yield from (row for row in page if row.id not in seen and team_of(row.extra) in ("", own_team))
            if len(page) < step:
                return
            if page[-1].time == after:
                step *= 2  # more events of one moment than a step takes
            after = page[-1].time
            seen = {row.id for row in page}


def _reported_by(row: Row, trusted: TrustedConnections) -> Batch | None:
    """The batch of an event that an earlier run had; what that run set aside has reported nothing."""
    try:
        batch = Batch.from_extra(row.extra)
        if batch is not None:
            trusted.check(batch)
    except PipedriveParameterError:
        return None
    return batch


def _own(batches: list[tuple[Row, Batch]], trusted: TrustedConnections) -> frozenset[str]:
    """The ids of the changes that the user of their event's connection has made through the API.

    What somebody has made by Airflow's REST API may claim anything, and counts for nothing here.
    """
    users: dict[str, int] = {}
    found = set()
    for row, batch in batches:
        for change in () if _is_by_rest(row) else batch.changes:
            if change.origin is not None and change.origin.source == "api":
                conn_id = trusted.check(batch)
                if conn_id not in users:
                    users[conn_id] = _user_of(conn_id)
                if change.origin.is_own(users[conn_id]):
                    found.add(change.event_id)
    return frozenset(found)


def _user_of(connection_id: str) -> int:
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

    return owner_of(PipedriveHook(connection_id).client.run("getCurrentUser")).user_id


def _is_by_rest(row: Row) -> bool:
    """Whether somebody has made the event by Airflow's REST API, which writes so into its extra."""
    return isinstance(row.extra, Mapping) and bool(row.extra.get("from_rest_api"))


def _of_the_watcher(asset: Any) -> str | None:
    """The connection of the asset's watcher, where the DAG gives it one."""
    found = (getattr(watcher.trigger, "pipedrive_conn_id", None) for watcher in getattr(asset, "watchers", ()))
    return next((str(conn_id) for conn_id in found if conn_id), None)


def read_window(window: ChangeWindow, connection_id: str) -> list[Change]:
    """The changes of a window, from Pipedrive."""
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

    found: list[Change] = []
    reader = ChangeReader(PipedriveHook(connection_id).client, window.watch.entity)
    reader.walk([WatchRequest(window.watch, window.position)], lambda _, change: found.append(change), window.until)
    return found


def _in_one_of(windows: list[ChangeWindow], change: Change) -> bool:
    return any(set(window.watch.kinds) & set(change.kinds) and window.covers(change) for window in windows)

"""One poll for all asset watchers of a connection and entity in this process.

A :class:`ChangePoller` asks Pipedrive for all of its subscribers together, each from where it has come, and gives one
:class:`Round` a round in which any of them has news. What fails is waited out. :class:`LocalBroadcast` drives it before
Airflow 3.3; since then :mod:`.acknowledged` does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.batch import MOST_CHANGES, Batch, ChangeWindow
from airflow_provider_pipedrive.events.changes.model import Change, sort_changes
from airflow_provider_pipedrive.events.changes.reading import ChangeReader, WatchRequest, closed
from airflow_provider_pipedrive.events.changes.watch import ChangeWatch, Position
from airflow_provider_pipedrive.events.schedule import Schedule
from airflow_provider_pipedrive.triggers.connected import ask
from airflow_provider_pipedrive.triggers.polling import Key, Poller, Pollers

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
REMIND_AFTER: Final = 3600.0
"""Seconds after which a failure that lasts is logged again."""


class WatchSubscriber:
    """One watcher.

    :ivar position: up to where it was given news; ``None`` before the first round
    :ivar acknowledged: up to where its news are known to be stored
    """

    def __init__(self, watch: ChangeWatch, interval: float, lookback: float = 0.0) -> None:
        self.watch = watch
        self.schedule = Schedule(interval, due=0.0)
        self.lookback = lookback
        self.position: Position | None = None
        self.acknowledged: Position | None = None
        self.broken: str | None = None
        self._waiting: list[Round] = []

    async def started(self, position: Position) -> None:
        """It had no position, and begins at this one."""
        self.position = self.acknowledged = position

    async def moved(self, position: Position, news: Round | None) -> None:
        """A round has brought it to ``position``, with news if it had any."""
        self.position = position
        if news is not None:
            self._waiting.append(news)
        elif not self._waiting:
            self.acknowledged = position

    async def acknowledge(self, news: Round, *, stored: bool) -> None:
        """The news of a round are stored, or it is not known: then they are to come again."""
        if news not in self._waiting:
            return  # of a time before it went back
        if stored:
            self._waiting.remove(news)
            self.acknowledged = news.positions[self]
        else:
            self._waiting.clear()
            self.position = self.acknowledged


@dataclass(eq=False)
class Round:
    """The news of one round.

    :ivar batches: the news of each subscriber that has any
    :ivar positions: how far each of them has come then
    :ivar delivered: those that have given their batch away
    """

    batches: dict[WatchSubscriber, Batch] = field(default_factory=dict)
    positions: dict[WatchSubscriber, Position] = field(default_factory=dict)
    delivered: set[WatchSubscriber] = field(default_factory=set)


class ChangePoller(Poller[WatchSubscriber]):
    """Asks for all watchers of one entity of one connection."""

    def __init__(self, key: Key) -> None:
        super().__init__(key[0])
        self._entity = key[1]
        self._reader: tuple[PipedriveClient, ChangeReader] | None = None
        self._failures = 0
        self._warned_at = 0.0

    async def rounds(self) -> AsyncIterator[Round]:
        """Round after round, for ever: those in which somebody has news."""
        loop = asyncio.get_running_loop()
        while True:
            due = await self.until_due()
            try:
                news = await self._round(due)
            except Exception as error:  # noqa: BLE001 - Airflow would start it again at once, and for ever
                self._wait_out(error, due)
                continue
            self._failures = 0
            for one in due:
                one.schedule = one.schedule.after_success(loop.time())
            if news.batches:
                yield news

    async def _round(self, due: list[WatchSubscriber]) -> Round:
        reader = await self._current_reader()
        new = [one for one in due if one.position is None]
        if new:
            now = closed(await ask(reader.now))
            for one in new:
                await one.started(Position.start(now - timedelta(seconds=one.lookback)))
        requests = {one: WatchRequest(one.watch, one.position) for one in due if one.position is not None}
        found, until = await ask(_scan, reader, requests)
        news = Round()
        for one, its in found.items():
            position = requests[one].position
            if one.position is not position:
                continue  # it went back meanwhile, and asks again
            batch = self._batch(one, position, its.changes, until)
            if batch is not None:
                news.batches[one] = batch
                news.positions[one] = its.position
            await one.moved(its.position, news if batch is not None else None)
        return news

    def _batch(self, one: WatchSubscriber, position: Position, found: list[Change], until: Any) -> Batch | None:
        if not found:
            return None
        batch = Batch(self.connection_id, tuple(sort_changes(found)))
        if batch.is_too_big:
            return Batch(self.connection_id, window=ChangeWindow(one.watch, position, until))
        return batch

    async def _current_reader(self) -> ChangeReader:
        client = await self.connected.client()
        if self._reader is None or self._reader[0] is not client:
            self._reader = client, ChangeReader(client, self._entity)
        return self._reader[1]

    def _wait_out(self, error: Exception, due: list[WatchSubscriber]) -> None:
        """Come again later; say so at first, and then once an hour."""
        now = asyncio.get_running_loop().time()
        for one in due:
            one.schedule = one.schedule.after_failure(now, error)
        self._failures += 1
        if self._failures == 1 or now - self._warned_at > REMIND_AFTER:
            self._warned_at = now
            log.warning(
                "Watchers of %s on %s see nothing: %s: %s. Failures in a row: %d. The next attempt is in %.0f s; "
                "what happens meanwhile is reported then.",
                self._entity, self.connection_id, type(error).__name__, error, self._failures,
                min(one.schedule.due for one in due) - now,
            )  # fmt: skip


@dataclass
class _FoundChanges:
    position: Position
    changes: list[Change] = field(default_factory=list)


def _scan(
    reader: ChangeReader, requests: dict[WatchSubscriber, WatchRequest]
) -> tuple[dict[WatchSubscriber, _FoundChanges], Any]:
    """One walk for all, in a worker thread. A watcher of a field that is not there is left out, and reported once."""
    fit = {one: request for one, request in requests.items() if _fits(reader, one)}
    if not fit:
        return {}, None
    changes: list[list[Change]] = [[] for _ in fit]

    def emit(number: int, change: Change) -> None:
        if len(changes[number]) <= MOST_CHANGES:
            changes[number].append(change)

    scanned = reader.walk(list(fit.values()), emit)
    return {
        one: _FoundChanges(request.position.after(scanned.until, scanned.seen), news)
        for (one, request), news in zip(fit.items(), changes, strict=True)
    }, scanned.until


def _fits(reader: ChangeReader, one: WatchSubscriber) -> bool:
    try:
        for name in one.watch.fields:
            reader.key_of(name)
    except PipedriveParameterError as error:
        if one.broken != str(error):
            one.broken = str(error)
            log.error("A watcher sees nothing until this is corrected: %s", error)
        return False
    return True


class QueueSubscriber(WatchSubscriber):
    """A watcher that takes its news from a queue."""

    def __init__(self, watch: ChangeWatch, interval: float, lookback: float) -> None:
        super().__init__(watch, interval, lookback)
        self.news: asyncio.Queue[Batch] = asyncio.Queue()


class LocalBroadcast(ChangePoller):
    """A poller for watchers that Airflow lets poll each by itself. What it gives away counts as stored."""

    async def run(self) -> None:
        """Round after round."""
        async for news in self.rounds():
            for subscriber, batch in news.batches.items():
                if isinstance(subscriber, QueueSubscriber):
                    subscriber.news.put_nowait(batch)
                await subscriber.acknowledge(news, stored=True)


_broadcasts = Pollers[WatchSubscriber](LocalBroadcast)


async def batches(key: Key, subscriber: QueueSubscriber) -> AsyncIterator[Batch]:
    """A watcher's news, from a poll that all watchers of the same connection and entity in this process share."""
    with _broadcasts.joined(key, subscriber):
        while True:
            yield await subscriber.news.get()

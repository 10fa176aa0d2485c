"""One poll for all asset watchers of a connection and entity in this process.

A :class:`ChangePoller` asks Pipedrive for all of its subscribers together, each from where it has come, and gives one
:class:`Round` a round that any of them has news in. It never ends by itself: what fails is waited out. Who drives it is
decided by :mod:`.changes` (before Airflow 3.3: :class:`LocalBroadcast`) and :mod:`.acknowledged`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from airflow_provider_pipedrive.errors import (
    PipedriveBurstLimitError,
    PipedriveDailyBudgetError,
    PipedriveError,
    PipedriveParameterError,
)
from airflow_provider_pipedrive.events.changes.batch import MOST_CHANGES, Batch, ChangeWindow
from airflow_provider_pipedrive.events.changes.model import Change, sort_changes
from airflow_provider_pipedrive.events.changes.reading import ChangeReader, WatchRequest, closed
from airflow_provider_pipedrive.events.changes.watch import ChangeWatch, Position
from airflow_provider_pipedrive.events.waits.outcomes import pause_after
from airflow_provider_pipedrive.triggers.connected import Connected
from airflow_provider_pipedrive.triggers.polling import LONGEST_BACK_OFF, next_on_grid
from airflow_provider_pipedrive.triggers.threads import in_thread

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
REMIND_AFTER: Final = 3600.0
"""Seconds after which a failure that goes on is logged again."""
Key = tuple[str, str]
"""Connection and entity."""


class WatchSubscriber:
    """One watcher.

    :ivar position: up to where it was given news; ``None`` before the first round
    :ivar acknowledged: up to where its news are known to be stored
    """

    def __init__(self, watch: ChangeWatch, interval: float, lookback: float = 0.0) -> None:
        self.watch = watch
        self.interval = interval
        self.lookback = lookback
        self.position: Position | None = None
        self.acknowledged: Position | None = None
        self.due = 0.0
        self.broken: str | None = None
        self._waiting: list[Round] = []

    async def started(self, position: Position) -> None:
        """It had no position, and begins at this one."""
        self.position = self.acknowledged = position

    async def moved(self, position: Position, news: Round | None) -> None:
        """A round has brought it to ``position``, with news if there is a poll."""
        self.position = position
        if news is not None:
            self._waiting.append(news)
        elif not self._waiting:
            self.acknowledged = position

    async def acknowledge(self, news: Round, *, stored: bool) -> None:
        """The news of a poll are stored, or it is not known: then they are to come again."""
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

    :ivar batches: what each subscriber that has news is told
    :ivar positions: how far each of them has come then
    :ivar passed: those that have given their batch away
    """

    batches: dict[WatchSubscriber, Batch] = field(default_factory=dict)
    positions: dict[WatchSubscriber, Position] = field(default_factory=dict)
    delivered: set[WatchSubscriber] = field(default_factory=set)


class ChangePoller:
    """Asks for all watchers of one entity of one connection."""

    def __init__(self, connection_id: str, entity: str) -> None:
        self._connection_id = connection_id
        self._entity = entity
        self._connected = Connected(connection_id)
        self._reader: tuple[PipedriveClient, ChangeReader] | None = None
        self._joined = asyncio.Event()
        self._failures = 0
        self._told_at = 0.0
        self.subscribers: set[WatchSubscriber] = set()

    def join(self, subscriber: WatchSubscriber) -> None:
        """Take a watcher in; it is due at once."""
        self.subscribers.add(subscriber)
        self._joined.set()

    def leave(self, subscriber: WatchSubscriber) -> None:
        """Let a watcher go."""
        self.subscribers.discard(subscriber)

    def close(self) -> None:
        """Let go of sockets."""
        self._connected.close()

    async def rounds(self) -> AsyncIterator[Round]:
        """Round after round, for ever: those in which somebody has news."""
        loop = asyncio.get_running_loop()
        while True:
            await self._until_somebody_is_due()
            due = [one for one in self.subscribers if one.due <= loop.time()]
            try:
                news = await self._round(due)
            except Exception as error:  # noqa: BLE001 - Airflow would start it again at once, and for ever
                self._wait_out(error, due)
                continue
            self._failures = 0
            for one in due:
                one.due = next_on_grid(loop.time(), one.interval)
            if news.batches:
                yield news

    async def _until_somebody_is_due(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._joined.clear()
            wait = min((one.due for one in self.subscribers), default=loop.time() + 3600) - loop.time()
            if wait <= 0:
                return
            try:
                await asyncio.wait_for(self._joined.wait(), wait)
            except TimeoutError:
                return

    async def _round(self, due: list[WatchSubscriber]) -> Round:
        reader = await self._current_reader()
        new = [one for one in due if one.position is None]
        if new:
            now = closed(await in_thread(reader.now))
            for one in new:
                await one.started(Position.start(now - timedelta(seconds=one.lookback)))
        asked = {one: WatchRequest(one.watch, one.position) for one in due if one.position is not None}
        found, until = await in_thread(_scan, reader, asked)
        news = Round()
        for one, found_by in found.items():
            position = asked[one].position
            if one.position is not position:
                continue  # it went back meanwhile, and asks anew
            batch = self._batch(one, position, found_by, until)
            if batch is not None:
                news.batches[one] = batch
                news.positions[one] = found_by.position
            await one.moved(found_by.position, news if batch is not None else None)
        return news

    def _batch(self, one: WatchSubscriber, position: Position, found_by: _FoundChanges, until: Any) -> Batch | None:
        if not found_by.changes:
            return None
        batch = Batch(self._connection_id, tuple(sort_changes(found_by.changes)))
        if batch.is_too_big:
            return Batch(self._connection_id, window=ChangeWindow(one.watch, position, until))
        return batch

    async def _current_reader(self) -> ChangeReader:
        client = await self._connected.client()
        if self._reader is None or self._reader[0] is not client:
            self._reader = client, ChangeReader(client, self._entity)
        return self._reader[1]

    def _wait_out(self, error: Exception, due: list[WatchSubscriber]) -> None:
        """Come again later, the longer the more often it has failed; say so at first, and then once an hour."""
        self._failures += 1
        pause = min(min(one.interval for one in due) * 2 ** min(self._failures, 12), LONGEST_BACK_OFF)
        if isinstance(error, PipedriveDailyBudgetError | PipedriveBurstLimitError):
            pause = pause_after(error)
        elif isinstance(error, PipedriveError):
            pause = max(pause, error.retry_after or 0.0)
        now = asyncio.get_running_loop().time()
        for one in due:
            one.due = now + pause
        if self._failures == 1 or now - self._told_at > REMIND_AFTER:
            self._told_at = now
            log.warning(
                "Watchers of %s on %s see nothing: %s: %s. Failures in a row: %d. Next attempt in %.0f s; "
                "what happens meanwhile is reported then.",
                self._entity, self._connection_id, type(error).__name__, error, self._failures, pause,
            )  # fmt: skip


@dataclass
class _FoundChanges:
    position: Position
    changes: list[Change] = field(default_factory=list)


def _scan(
    reader: ChangeReader, asked: dict[WatchSubscriber, WatchRequest]
) -> tuple[dict[WatchSubscriber, _FoundChanges], Any]:
    """One walk for all, in a worker thread. Whose fields are not there is left out, and told of once."""
    fit = {one: question for one, question in asked.items() if _fits(reader, one)}
    if not fit:
        return {}, None
    changes: list[list[Change]] = [[] for _ in fit]

    def tell(number: int, change: Change) -> None:
        if len(changes[number]) <= MOST_CHANGES:
            changes[number].append(change)

    found_by = reader.walk(list(fit.values()), tell)
    return {
        one: _FoundChanges(question.position.after(found_by.until, found_by.seen), news)
        for (one, question), news in zip(fit.items(), changes, strict=True)
    }, found_by.until


def _fits(reader: ChangeReader, one: WatchSubscriber) -> bool:
    try:
        for name in one.watch.fields:
            reader.key_of(name)
    except PipedriveParameterError as error:
        if one.broken != str(error):
            one.broken = str(error)
            log.error("A watcher sees nothing until this is mended: %s", error)
        return False
    return True


class LocalBroadcast:
    """A poller with a task of its own, for watchers that each poll by themselves as far as Airflow knows."""

    def __init__(self, key: Key) -> None:
        self.poller = ChangePoller(*key)
        self._queues: dict[WatchSubscriber, asyncio.Queue[Batch]] = {}
        self._task: asyncio.Task[None] | None = None

    def join(self, subscriber: WatchSubscriber) -> asyncio.Queue[Batch]:
        """Take a watcher in; the first one starts the poll."""
        queue = self._queues[subscriber] = asyncio.Queue()
        self.poller.join(subscriber)
        if self._task is None:
            # In an empty context: its log lines are not the first watcher's.
            self._task = contextvars.Context().run(asyncio.get_running_loop().create_task, self._run())
        return queue

    def leave(self, subscriber: WatchSubscriber) -> bool:
        """Let a watcher go. Whether it was the last one: then the poll has ended."""
        self.poller.leave(subscriber)
        self._queues.pop(subscriber, None)
        if self._queues or self._task is None:
            return False
        self._task.cancel()
        return True

    async def _run(self) -> None:
        try:
            async for news in self.poller.rounds():
                for subscriber, batch in news.batches.items():
                    if subscriber in self._queues:
                        self._queues[subscriber].put_nowait(batch)
                    await subscriber.acknowledge(news, stored=True)
        finally:
            self.poller.close()


_pollers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Key, LocalBroadcast]] = WeakKeyDictionary()


async def batches(key: Key, subscriber: WatchSubscriber) -> AsyncIterator[Batch]:
    """A watcher's news, from a poll that all watchers of the same key in this process share."""
    pollers = _pollers.setdefault(asyncio.get_running_loop(), {})
    broadcast = pollers.get(key) or pollers.setdefault(key, LocalBroadcast(key))
    queue = broadcast.join(subscriber)
    try:
        while True:
            yield await queue.get()
    finally:
        if broadcast.leave(subscriber) and pollers.get(key) is broadcast:
            del pollers[key]

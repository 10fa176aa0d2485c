"""Asset watchers of Airflow 3.3 and later: one stream for all, and watermarks that grow only by what was stored.

A trigger cannot save its position by itself without losing events when the triggerer dies: an event is stored a moment
after it was given away. The producer of a shared stream learns when the events of an item are stored; only then is a
watcher's watermark moved. The watermark is in the state store of the watched asset, so that a watcher that starts late,
after a crash or in another triggerer continues where its own stored events end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, WeakValueDictionary

from airflow.triggers.base import TriggerEvent
from airflow.triggers.shared_stream import AdvanceItem, SharedStreamProducer

from airflow_provider_pipedrive.client.times import write_time
from airflow_provider_pipedrive.events.changes.watch import ChangeWatch, Position
from airflow_provider_pipedrive.triggers.change_polling import ChangePoller, Round, WatchSubscriber
from airflow_provider_pipedrive.triggers.polling import Key

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import AssetStateStoreAccessor, AssetStateStoreAccessors

log = logging.getLogger(__name__)
TRUSTED_AFTER: Final = timedelta(seconds=60)
"""By how much a watermark stays behind what Airflow says it has stored. When a DAG is paused, or another DAG file
names the asset without its watcher, Airflow parts the two, and for some seconds stores the watcher's events for
nobody."""
_STEP: Final = TRUSTED_AFTER / 4
SAVE_QUIET_WATERMARKS_AFTER: Final = 600.0
"""Seconds after which a watermark is saved though there was no news: reading from an older one finds the same."""
_TRY_AGAIN: Final = 5.0


class AcknowledgedSubscriber(WatchSubscriber):
    """A watcher whose watermark is kept with its asset."""

    def __init__(self, watch: ChangeWatch, interval: float, watermarks: StoredPositions) -> None:
        super().__init__(watch, interval)
        self._watermarks = watermarks
        self._saved_at = time.monotonic()
        self._delivered: deque[Position] = deque()
        """The watermark, and what may become the watermark when a minute has passed."""

    async def load(self) -> None:
        """Continue from the watermark, if there is one."""
        self._delivered.extend(await self._watermarks.load())
        self.position = self.acknowledged = self._delivered[0] if self._delivered else None

    async def started(self, position: Position) -> None:
        """Begin: the watermark is saved before anything is read, so that a crash does not move the beginning."""
        await self._save(position)
        await super().started(position)

    async def moved(self, position: Position, news: Round | None) -> None:
        """A round is done."""
        before = self.acknowledged
        await super().moved(position, news)
        if before is not self.acknowledged and time.monotonic() - self._saved_at > SAVE_QUIET_WATERMARKS_AFTER:
            await self._save(position)

    async def acknowledge(self, news: Round, *, stored: bool) -> None:
        """The news of a round are stored, or to come again."""
        before = self.acknowledged
        await super().acknowledge(news, stored=stored)
        if self.acknowledged is not None and self.acknowledged is not before:
            try:
                await self._save(self.acknowledged)
            except Exception:  # an older watermark does no harm: what follows it may be reported twice
                log.warning(
                    "A watcher's watermark could not be saved; it is saved with the next changes.", exc_info=True
                )

    async def _save(self, acknowledged: Position) -> None:
        if len(self._delivered) < 2 or acknowledged.since - self._delivered[-1].since >= _STEP:
            self._delivered.append(acknowledged)
        while len(self._delivered) > 1 and self._delivered[1].since <= acknowledged.since - TRUSTED_AFTER:
            self._delivered.popleft()
        await self._watermarks.save(list(self._delivered))
        self._saved_at = time.monotonic()


class StoredPositions:
    """A watcher's watermark, in the state store of each asset that it watches for (one, or several with equal
    watchers).

    Next to it are the times that may become the watermark: a watcher may begin again more often than once a minute.
    """

    def __init__(self, stores: Sequence[AssetStateStoreAccessor], key: str) -> None:
        self._stores = stores
        self._key = key

    async def load(self) -> list[Position]:
        """The watermark, and those to come; of several watermarks the oldest."""
        found = [_positions(watermark) for store in self._stores if (watermark := await self._of(store))]
        return min(found, key=lambda positions: positions[0].since, default=[])

    async def save(self, positions: Sequence[Position]) -> None:
        """Move the watermark, never back: another triggerer may have moved it further."""
        watermark, *later = positions
        saved = {**watermark.to_json(), "later": [write_time(position.since) for position in later]}
        for store in self._stores:
            there = await self._of(store)
            if there is None or (there != saved and Position.from_json(there).since <= watermark.since):
                await store.aset(self._key, saved)

    async def _of(self, store: AssetStateStoreAccessor) -> dict[str, Any] | None:
        watermark = await store.aget(self._key)
        return watermark if isinstance(watermark, dict) else None


def _positions(saved: dict[str, Any]) -> list[Position]:
    watermark = Position.from_json(saved)
    return [watermark, *(Position(datetime.fromisoformat(text), watermark.floor) for text in saved.get("later", ()))]


class Producer(SharedStreamProducer):
    """Gives each poll to the watchers, and moves their watermarks when what they made of it is stored."""

    def __init__(self, key: Key) -> None:
        self._poller = poller_of(key)

    async def open_stream(self) -> AsyncIterator[tuple[Any, Any]]:
        """Polls, each for all watchers."""
        async for news in self._poller.rounds():
            yield news, news

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """What was made of these polls is stored, or nobody knows.

        A watcher that was stopped between taking a poll and giving its batch away counts for Airflow as having accepted
        it; hence its own word that it has delivered.
        """
        for item in batch:
            news: Round = item.broker_payload
            for subscriber in news.batches:
                await subscriber.acknowledge(news, stored=item.outcome.is_clean and subscriber in news.delivered)

    async def aclose(self) -> None:
        """Let go of sockets."""
        self._poller.close()


class AcknowledgedStream:
    """What a trigger of changes is on these versions of Airflow."""

    watch: ChangeWatch
    interval: float
    pipedrive_conn_id: str
    asset_state_store: AssetStateStoreAccessors | None

    def shared_stream_key(self) -> tuple[str, ...] | None:
        """One stream for a connection and entity; none for a trigger that no asset watches with."""
        if self.asset_state_store is None:
            return None
        return ("pipedrive changes", self.pipedrive_conn_id, self.watch.entity)

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """The stream's other end. Of ``kwargs`` only what all its triggers share is used."""
        return Producer((kwargs["pipedrive_conn_id"], kwargs["entity"]))

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """An event for each poll that has news for this watcher."""
        poller = poller_of((self.pipedrive_conn_id, self.watch.entity))
        subscriber = AcknowledgedSubscriber(self.watch, self.interval, self._watermarks())
        while True:
            try:
                await subscriber.load()
                break
            except Exception:  # Airflow would start the trigger again at once, and for ever
                log.warning(
                    "A watcher's watermark could not be read. Next attempt in %.0f s.", _TRY_AGAIN, exc_info=True
                )
                await asyncio.sleep(_TRY_AGAIN)
        poller.join(subscriber)
        try:
            async for news in shared_stream:
                if subscriber in news.batches:
                    yield TriggerEvent(news.batches[subscriber].to_json())  # type: ignore[no-untyped-call]
                    news.delivered.add(subscriber)
        finally:
            poller.leave(subscriber)

    def _watermarks(self) -> StoredPositions:
        # Airflow gives the accessors of a watcher's assets, but not their names; it has several only where two assets
        # of one DAG file have equal watchers.
        accessors = vars(self.asset_state_store)
        return StoredPositions(
            [*accessors["_by_name"].values(), *accessors["_by_uri"].values()],
            f"pipedrive:{self.pipedrive_conn_id}:{self.watch.digest}",
        )


def poller_of(key: Key) -> ChangePoller:
    """The poller that all watchers of a key in this event loop share, for as long as one of them holds it."""
    pollers = _pollers.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    poller = pollers.get(key)
    if poller is None:
        poller = pollers[key] = ChangePoller(key)
    return poller


_pollers: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[Key, ChangePoller]] = WeakKeyDictionary()

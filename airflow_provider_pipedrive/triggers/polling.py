"""The engine under waits and asset watchers: all that want to know the same of one connection are asked for together.

A :class:`Poller` knows its subscribers and when each is due. :class:`Pollers` gives everybody in an event loop who asks
with the same key the same poller, in one task of its own. What a round asks, and what it makes of the answer, is the
business of :mod:`.wait_polling` and :mod:`.change_polling`; when a subscriber is due again is decided by
:mod:`airflow_provider_pipedrive.events.schedule`. Rounds are on a grid of each interval: subscribers of the same
interval are due in the same instant, whenever they came, and share their requests.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_pipedrive.events.schedule import Schedule
from airflow_provider_pipedrive.triggers.connected import Connected

Key = tuple[str, str]
"""A connection, and what is asked of it."""
_NOBODY: Final = 3600.0
"""Seconds slept at a time while there is no subscriber."""


class Subscriber(Protocol):
    """Somebody who is asked for whenever it is due, by the event loop's clock."""

    schedule: Schedule


S = TypeVar("S", bound=Subscriber)


class Poller(Generic[S]):
    """Asks for all subscribers of one connection."""

    def __init__(self, connection_id: str) -> None:
        self.connection_id = connection_id
        self.connected = Connected(connection_id)
        self.subscribers: set[S] = set()
        self._joined = asyncio.Event()

    async def run(self) -> None:
        """Round after round, for ever, where it has a task of its own. What fails must not end it."""
        raise NotImplementedError

    def join(self, subscriber: S) -> None:
        """Take somebody in."""
        self.subscribers.add(subscriber)
        self._joined.set()

    def leave(self, subscriber: S) -> None:
        """Let somebody go."""
        self.subscribers.discard(subscriber)

    async def until_due(self) -> list[S]:
        """Sleep until somebody is due, and return all that are."""
        loop = asyncio.get_running_loop()
        while True:
            self._joined.clear()
            now = loop.time()
            if due := [subscriber for subscriber in self.subscribers if subscriber.schedule.due <= now]:
                return due
            next_due = min((subscriber.schedule.due for subscriber in self.subscribers), default=now + _NOBODY)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._joined.wait(), next_due - now)

    def close(self) -> None:
        """Let go of sockets."""
        self.connected.close()


class Pollers(Generic[S]):
    """The pollers of one kind: one for each event loop and key, for as long as it has subscribers.

    :param make: makes the poller of a key
    """

    def __init__(self, make: Callable[[Key], Poller[S]]) -> None:
        self._make = make
        self._running: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Key, _Running[S]]] = WeakKeyDictionary()

    @contextmanager
    def joined(self, key: Key, subscriber: S) -> Iterator[None]:
        """Be a subscriber of the key's poller. The first one starts it, the last one to leave ends it."""
        running = self._running.setdefault(asyncio.get_running_loop(), {})
        own = running.get(key) or running.setdefault(key, _Running(self._make(key)))
        own.poller.join(subscriber)
        own.start()
        try:
            yield
        finally:  # done, cancelled or timed out: all ways lead through here
            own.poller.leave(subscriber)
            if not own.poller.subscribers:
                own.stop()
                if running.get(key) is own:
                    del running[key]

    def count(self) -> int:
        """How many run in this event loop."""
        return len(self._running.get(asyncio.get_running_loop(), {}))


class _Running(Generic[S]):
    """A poller and its task."""

    def __init__(self, poller: Poller[S]) -> None:
        self.poller = poller
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None or self._task.done():
            # In an empty context: the lines of the poll must not go to the log of the first subscriber's task.
            self._task = contextvars.Context().run(asyncio.get_running_loop().create_task, self._run())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self.poller.run()
        finally:
            self.poller.close()

"""One poll for many: everything in this process that waits for the same kind of thing on one connection is asked for
together.

A poller belongs to an event loop, a connection and a poll group (deals, files, ...). It is level-triggered: each round
asks how things stand and judges every wait again. So nothing is lost by a late subscriber, a restart, a failed round or
a second triggerer, and no position has to be kept. Rounds are on a grid of each interval: waits of the same interval
come due in the same instant, whenever they were started, and fill the same requests.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import logging
from typing import Any
from weakref import WeakKeyDictionary

from airflow_provider_pipedrive.errors import (
    PipedriveBurstLimitError,
    PipedriveDailyBudgetError,
    PipedriveError,
)
from airflow_provider_pipedrive.events.waits.checking import Wait, check_waits
from airflow_provider_pipedrive.events.waits.outcomes import SHORTEST_INTERVAL, WaitOutcome, pause_after
from airflow_provider_pipedrive.triggers.connected import Connected
from airflow_provider_pipedrive.triggers.threads import in_thread

log = logging.getLogger(__name__)
LONGEST_BACK_OFF = 3600.0


async def wait_for(
    connection_id: str, pending: Wait, interval: float, *, retry_errors: bool, pause: float = 0.0
) -> WaitOutcome:
    """Wait until what is pending is decided.

    :param interval: seconds between two looks
    :param pause: seconds until the first look at the earliest
    :param retry_errors: passing errors are waited out, and looks become rarer meanwhile
    :returns: an outcome that is not "waiting"
    :raises PipedriveError: Pipedrive failed, or refused what is asked for
    """
    loop = asyncio.get_running_loop()
    pollers = _pollers.setdefault(loop, {})
    key = (connection_id, pending.watch.poll_group)
    poller = pollers.get(key) or pollers.setdefault(key, Poller(connection_id))
    subscriber = WaitSubscriber(pending, max(interval, SHORTEST_INTERVAL), retry_errors, loop, max(pause, 0.0))
    poller.join(subscriber)
    try:
        return await subscriber.decided
    finally:  # fired, cancelled or timed out: all ways lead through here
        poller.leave(subscriber)
        if poller.is_idle and pollers.get(key) is poller:
            del pollers[key]


_pollers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], Poller]] = WeakKeyDictionary()


class WaitSubscriber:
    """One trigger, as the poller sees it."""

    def __init__(
        self, pending: Wait, interval: float, retry_errors: bool, loop: asyncio.AbstractEventLoop, pause: float
    ) -> None:
        self.pending = pending
        self.interval = interval
        self.retry_errors = retry_errors
        self.decided: asyncio.Future[WaitOutcome] = loop.create_future()
        self.due = next_on_grid(loop.time() + pause, interval)
        self.failures = 0
        self._context = contextvars.copy_context()

    def decide(self, answer: WaitOutcome | BaseException, now: float) -> None:
        """Take the answer of a round: tell the trigger, or come again."""
        self.due = next_on_grid(now, self.interval)
        if self.decided.done():
            return
        if isinstance(answer, WaitOutcome):
            self.failures = 0
            if answer.kind != "waiting":
                self.decided.set_result(answer)
        elif isinstance(answer, PipedriveDailyBudgetError | PipedriveBurstLimitError):
            self.due = max(self.due, now + pause_after(answer))
            self._tell("Waiting on, with the next look in %.0f s: %s", self.due - now, answer)
        elif self.retry_errors and isinstance(answer, PipedriveError) and answer.retryable:
            self.failures += 1
            self.due = max(self.due, now + min(self.interval * 2**self.failures, LONGEST_BACK_OFF))
            self._tell("Waiting on, as silent_fail says, with the next look in %.0f s: %s", self.due - now, answer)
        else:
            self.decided.set_exception(answer)

    def _tell(self, *line: Any) -> None:
        """Say something in the log of the waiting task: Airflow knows it by the context."""
        self._context.run(log.warning, *line)


def next_on_grid(now: float, interval: float) -> float:
    """The next moment that is a multiple of ``interval``."""
    return (now // interval + 1) * interval


class Poller:
    """Asks for all subscribers of one connection and poll group."""

    def __init__(self, connection_id: str) -> None:
        self._connection_id = connection_id
        self._subscribers: set[WaitSubscriber] = set()
        self._task: asyncio.Task[None] | None = None
        self._joined = asyncio.Event()
        self._connected = Connected(connection_id)

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits any more."""
        return not self._subscribers

    def join(self, subscriber: WaitSubscriber) -> None:
        """Take somebody in; the first one starts the poll."""
        self._subscribers.add(subscriber)
        self._joined.set()
        if self._task is None or self._task.done():
            # In an empty context: the lines of the poll must not go to the log of the first subscriber's task.
            loop = asyncio.get_running_loop()
            self._task = contextvars.Context().run(loop.create_task, self._poll())

    def leave(self, subscriber: WaitSubscriber) -> None:
        """Let somebody go; the last one ends the poll."""
        self._subscribers.discard(subscriber)
        if not self._subscribers and self._task is not None:
            self._task.cancel()

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._until_somebody_is_due()
                due = [subscriber for subscriber in self._subscribers if subscriber.due <= loop.time()]
                answers = await self._answers(due)
                now = loop.time()
                for subscriber, answer in zip(due, answers, strict=True):
                    subscriber.decide(answer, now)
        finally:
            self._connected.close()

    async def _until_somebody_is_due(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._joined.clear()
            wait = min(subscriber.due for subscriber in self._subscribers) - loop.time()
            if wait <= 0:
                return
            try:
                await asyncio.wait_for(self._joined.wait(), wait)
            except TimeoutError:
                return

    async def _answers(self, due: list[WaitSubscriber]) -> list[WaitOutcome | BaseException]:
        """What a look has shown to each; an error that would hit any request goes to all, to each its own copy."""
        try:
            client = await self._connected.client()
            return [*await in_thread(check_waits, client, [subscriber.pending for subscriber in due])]
        except Exception as failure:  # noqa: BLE001 - it goes to everybody who waits, and must not end the poll
            log.debug("Waits on %s: %d of them saw %s", self._connection_id, len(due), failure)
            return [copy.copy(failure) for _ in due]

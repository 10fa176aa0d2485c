"""One poll for all waits of this process that ask the same kind of thing of one connection.

It is level-triggered: each round asks how things are and judges every wait again. So nothing is lost by a late
subscriber, a restart, a failed round or a second triggerer, and no position has to be kept.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import logging
from typing import Any

from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.events.schedule import SHORTEST_INTERVAL, Schedule, is_limit, next_on_grid
from airflow_provider_pipedrive.events.waits.checking import check_waits
from airflow_provider_pipedrive.events.waits.outcomes import WaitOutcome
from airflow_provider_pipedrive.events.waits.specs import Wait
from airflow_provider_pipedrive.triggers.connected import ask
from airflow_provider_pipedrive.triggers.polling import Poller, Pollers

log = logging.getLogger(__name__)


async def wait_for(
    connection_id: str, wait: Wait, interval: float, *, retry_errors: bool, pause: float = 0.0
) -> WaitOutcome:
    """Wait until it is decided.

    :param interval: seconds between two checks
    :param pause: seconds until the first check at the earliest
    :param retry_errors: passing errors are waited out, and checks become rarer meanwhile
    :returns: an outcome that is not "waiting"
    :raises PipedriveError: Pipedrive failed, or refused what is asked for
    """
    loop = asyncio.get_running_loop()
    interval = max(interval, SHORTEST_INTERVAL)
    schedule = Schedule(interval, next_on_grid(loop.time() + max(pause, 0.0), interval))
    subscriber = WaitSubscriber(wait, schedule, retry_errors, loop.create_future())
    with pollers.joined((connection_id, wait.spec.poll_group), subscriber):
        return await subscriber.decided


class WaitSubscriber:
    """One trigger, as the poller sees it."""

    def __init__(
        self, wait: Wait, schedule: Schedule, retry_errors: bool, decided: asyncio.Future[WaitOutcome]
    ) -> None:
        self.wait = wait
        self.schedule = schedule
        self.decided = decided
        self._retry_errors = retry_errors
        self._context = contextvars.copy_context()

    def decide(self, answer: WaitOutcome | Exception, now: float) -> None:
        """Take the answer of a round: the trigger's result, or a reason to come again."""
        before = self.schedule
        self.schedule = before.after_success(now)
        if self.decided.done():
            return
        if isinstance(answer, WaitOutcome):
            if answer.kind != "waiting":
                self.decided.set_result(answer)
        elif is_limit(answer) or (self._retry_errors and isinstance(answer, PipedriveError) and answer.retryable):
            self.schedule = before.after_failure(now, answer)
            why = "" if is_limit(answer) else ", as silent_fail says"
            self._warn("Still waiting%s. The next check is in %.0f s: %s", why, self.schedule.due - now, answer)
        else:
            self.decided.set_exception(answer)

    def _warn(self, *line: Any) -> None:
        """Say something in the log of the waiting task: Airflow knows it by the context."""
        self._context.run(log.warning, *line)


class WaitPoller(Poller[WaitSubscriber]):
    """Checks all waits of one connection and poll group."""

    async def run(self) -> None:
        """Round after round."""
        loop = asyncio.get_running_loop()
        while True:
            due = await self.until_due()
            answers = await self._answers(due)
            now = loop.time()
            for subscriber, answer in zip(due, answers, strict=True):
                subscriber.decide(answer, now)

    async def _answers(self, due: list[WaitSubscriber]) -> list[WaitOutcome | Exception]:
        """What a check has shown of each; an error that would hit any request goes to all, to each its own copy."""
        try:
            client = await self.connected.client()
            checked = await ask(check_waits, client, [subscriber.wait for subscriber in due])
        except Exception as failure:  # noqa: BLE001 - it goes to everybody who waits, and must not end the poll
            log.debug("Waits on %s: %d of them saw %s", self.connection_id, len(due), failure)
            return [copy.copy(failure) for _ in due]
        for subscriber, one in zip(due, checked, strict=True):
            subscriber.wait = one.wait
        return [one.answer for one in checked]


pollers = Pollers[WaitSubscriber](lambda key: WaitPoller(key[0]))

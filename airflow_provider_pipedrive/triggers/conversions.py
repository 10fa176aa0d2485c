"""Waits, without a worker, until Pipedrive has converted a lead or a deal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.events.conversions import Conversion, outcome
from airflow_provider_pipedrive.events.schedule import is_limit, pause_after
from airflow_provider_pipedrive.triggers.connected import Connected, ask
from airflow_provider_pipedrive.triggers.waiting import error_to_dict


class PipedriveConversionTrigger(BaseTrigger):
    """One event: the new record's id, the error that ended the conversion, or that time is up. Begun again elsewhere,
    or running twice, it does the same.

    :param pipedrive_conn_id: the connection
    :param source: ``lead`` or ``deal``: what is converted
    :param key: its id
    :param job: the conversion's id; None where it is not known: then the old record's end is waited for
    :param interval: seconds between two looks
    :param deadline: seconds since the epoch
    """

    def __init__(
        self, *, pipedrive_conn_id: str, source: Any, key: str, job: str | None, interval: float, deadline: float
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pipedrive_conn_id = pipedrive_conn_id
        self.source = source
        self.key = key
        self.job = job
        self.interval = interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and its arguments."""
        names = ("pipedrive_conn_id", "source", "key", "job", "interval", "deadline")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look once an interval, until it is decided or time is up. Passing errors and limits are waited out.

        The first look is after an interval too: a conversion takes seconds, and a scheduler that hears that a task
        continues before it has heard that it waits takes it for one that was killed.
        """
        connected = Connected(self.pipedrive_conn_id)
        conversion = Conversion(self.source, self.key, self.job)
        event: dict[str, Any] | None = None
        pause = self.interval
        loop = asyncio.get_running_loop()
        end = loop.time() + self.deadline - time.time()  # on a clock that nobody sets
        try:
            while event is None and loop.time() < end:
                await asyncio.sleep(max(0.0, min(pause, end - loop.time())))
                pause = self.interval
                try:
                    made = await ask(outcome, await connected.client(), conversion)
                    event = None if made is None else {"status": "success", "result": made}
                except PipedriveError as error:
                    pause = pause_after(error) if is_limit(error) else pause
                    if not error.retryable:
                        event = {"status": "error", "error": error_to_dict(error)}
        finally:
            connected.close()
        yield TriggerEvent(event or {"status": "timeout"})  # type: ignore[no-untyped-call]

"""What the sensors' triggers have in common."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_pipedrive import errors
from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.events.waits.checking import wait_spec_from_json
from airflow_provider_pipedrive.events.waits.name_refs import NameRefs
from airflow_provider_pipedrive.events.waits.sentences import happened
from airflow_provider_pipedrive.events.waits.specs import Wait
from airflow_provider_pipedrive.triggers.results import success
from airflow_provider_pipedrive.triggers.wait_polling import wait_for

log = logging.getLogger(__name__)


class WaitTrigger(BaseTrigger):
    """Waits until something has happened in Pipedrive. Its arguments are plain data, the deadline among them: begun
    again elsewhere, or running twice, it does the same.

    :param pipedrive_conn_id: the connection
    :param spec: what is waited for, as :meth:`WaitSpec.to_json` writes it
    :param names: names that are still to be looked up, as :meth:`NameRefs.to_json` writes them
    :param memory: what the sensor's own check has shown
    :param interval: seconds between two checks
    :param deadline: when the wait is up, in seconds since the epoch
    :param not_before: when the first check may be, in seconds since the epoch: the task has just made one itself,
        or has reached a limit
    :param end_from_trigger: a success ends the task without a worker
    :param retry_errors: passing errors of Pipedrive's are waited out
    """

    def __init__(
        self,
        *,
        pipedrive_conn_id: str,
        spec: dict[str, Any],
        names: dict[str, Any] | None = None,
        memory: dict[str, Any] | None = None,
        interval: float = 300.0,
        deadline: float,
        not_before: float = 0.0,
        end_from_trigger: bool = False,
        retry_errors: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pipedrive_conn_id = pipedrive_conn_id
        self.spec = spec
        self.names = names
        self.memory = memory
        self.interval = interval
        self.deadline = deadline
        self.not_before = not_before
        self.end_from_trigger = end_from_trigger
        self.retry_errors = retry_errors

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and its arguments."""
        names = ("pipedrive_conn_id", "spec", "names", "memory", "interval", "deadline", "not_before")
        switches = ("end_from_trigger", "retry_errors")
        path = f"airflow_provider_pipedrive.triggers.pipedrive.{type(self).__name__}"
        return path, {name: getattr(self, name) for name in (*names, *switches)}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event: success, or what the sensor is to raise."""
        now = time.time()
        limit = asyncio.timeout(self.deadline - now)
        wait = self._wait()
        try:
            async with limit:
                outcome = await wait_for(
                    self.pipedrive_conn_id,
                    wait,
                    self.interval,
                    retry_errors=self.retry_errors,
                    pause=self.not_before - now,
                )
        except TimeoutError:
            if not limit.expired():
                raise
            yield _event(status="timeout")
        except PipedriveError as error:
            yield _event(status="error", error=error_to_dict(error))
        else:
            log.info("%s", outcome.reason or happened(wait.spec, outcome.result))
            event = None
            if outcome.kind == "success" and self.end_from_trigger:
                event = await success(self.task_instance, outcome.result)
            yield event or _event(status=outcome.kind, result=outcome.result, reason=outcome.reason)

    def _wait(self) -> Wait:
        names = None if self.names is None else NameRefs.from_json(self.names)
        return Wait(wait_spec_from_json(self.spec), names, self.memory or {})


def _event(**payload: Any) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]


def error_to_dict(error: PipedriveError) -> dict[str, Any]:
    """An error as plain data."""
    parts = {name: getattr(error, name) for name in ("action", "status", "reason", "retryable", "retry_after")}
    return {"type": type(error).__name__, "message": str(error), **parts}


def error_from_dict(data: dict[str, Any]) -> PipedriveError:
    """The error that :func:`error_to_dict` has made plain."""
    kind = getattr(errors, data["type"])
    parts = {name: value for name, value in data.items() if name not in ("type", "message")}
    error: PipedriveError = kind(data["message"], **parts)
    return error

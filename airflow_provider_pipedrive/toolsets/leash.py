"""What one run of an agent may spend, and what it has done."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.toolsets.answers import shown_records, shown_value
from airflow_provider_pipedrive.toolsets.names import CompanyNames
from airflow_provider_pipedrive.toolsets.tools import is_list

if TYPE_CHECKING:
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

log = logging.getLogger(__name__)
XCOM_KEY: Final = "pipedrive_agent"


@dataclass
class Leash:
    """One run's calls.

    :ivar max_tokens: API tokens that all its calls together may spend
    :ivar max_records: records of one call
    :ivar calls: what it has called: ``tool``, ``action``, ``outcome``, ``records``, ``tokens``, ``seconds``
    """

    hook: PipedriveHook
    max_tokens: int
    max_records: int
    calls: list[dict[str, Any]] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """API tokens that were spent."""
        return sum(call["tokens"] for call in self.calls)

    @property
    def receipt(self) -> dict[str, Any]:
        """All calls, and their sums."""
        return {
            "calls": list(self.calls),
            "tokens": self.tokens,
            "records": sum(call["records"] for call in self.calls),
            "refused": sum(call["outcome"] != "done" for call in self.calls),
        }

    def call(self, tool: str, action: str, parameters: Mapping[str, Any], limit: int | None) -> str:
        """Do an action for a model.

        :param limit: records that the model asks for; more than ``max_records`` are not read
        :raises PipedriveError: what came of it otherwise
        """
        most = min(limit or self.max_records, self.max_records)
        with self._logged(tool, action) as entry, self._capped():
            with self._names.read_ahead(action, self.max_tokens - self.tokens):
                result = self._done(action, parameters, most)
            if not isinstance(result, list):
                entry["records"] = 1
                return shown_value(result, names=self._names)
            entry["records"] = min(len(result), most)
            return shown_records(result[:most], has_more=len(result) > most, names=self._names)

    def _done(self, action: str, parameters: Mapping[str, Any], most: int) -> Any:
        """What an action answers; of a list, one more than wanted tells whether there are more."""
        if not is_list(action):
            return self.hook.run(action, parameters, readable=True)
        return list(islice(self.hook.iterate(action, parameters, max_records=most + 1, readable=True), most + 1))

    @contextmanager
    def _capped(self) -> Iterator[None]:
        client = self.hook.client
        before = client.token_cap
        client.token_cap = client.usage.tokens + self.max_tokens - self.tokens
        try:
            yield
        finally:
            client.token_cap = before

    @contextmanager
    def _logged(self, tool: str, action: str) -> Iterator[dict[str, Any]]:
        usage, began = self.hook.usage, time.monotonic()
        before = usage.tokens
        entry: dict[str, Any] = {"tool": tool, "action": action, "outcome": "done", "records": 0}
        try:
            yield entry
        except PipedriveError as error:
            entry["outcome"] = type(error).__name__
            raise
        finally:
            entry["tokens"] = self.hook.usage.tokens - before
            entry["seconds"] = round(time.monotonic() - began, 3)
            self.note(entry)

    def refused(self, tool: str, action: str, why: str) -> None:
        """Note a call that was not made."""
        self.note({"tool": tool, "action": action, "outcome": why, "records": 0, "tokens": 0, "seconds": 0.0})

    def note(self, entry: dict[str, Any]) -> None:
        """Keep a call, in the task's log too."""
        self.calls.append(entry)
        log.info(
            "The agent called %s: %s, %s, %s, %.2f s.",
            *(entry["tool"], entry["outcome"], counted(entry["records"], "record")),
            *(counted(entry["tokens"], "API token"), entry["seconds"]),
        )

    def push(self) -> None:
        """Push the receipt, where a task is running: once a run, since each push is a request to Airflow."""
        from airflow.providers.common.compat.sdk import AirflowException, get_current_context

        with suppress(AirflowException, RuntimeError, KeyError):
            get_current_context()["ti"].xcom_push(key=XCOM_KEY, value=self.receipt)

    @cached_property
    def _names(self) -> CompanyNames:
        return CompanyNames(self.hook.client)

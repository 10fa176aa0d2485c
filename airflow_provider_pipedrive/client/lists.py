"""Walking through the pages of a list action."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.paging import Look, Position, look_at, may_be_broken, records_in, walk_pages
from airflow_provider_pipedrive.client.parameters import bind
from airflow_provider_pipedrive.client.prepared import prepare
from airflow_provider_pipedrive.client.stack import SendStack
from airflow_provider_pipedrive.client.usage import Usage

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.runner import ActionRunner

log = logging.getLogger(__name__)
_PROGRESS_EVERY = 10.0


def is_list(action: Action) -> bool:
    """Whether an action reads records page by page."""
    return action.result == "records" and action.is_read


def _with_limit(action: Action, given: dict[str, Any], max_records: int | None) -> dict[str, Any]:
    """The largest page unless the caller says otherwise: a request costs the same whatever its page size."""
    if action.paging is None or "limit" not in action.by_name or given.get("limit") is not None:
        return given
    return given | {"limit": min(action.paging.max_limit, max_records or action.paging.max_limit)}


def sure_records(client: ActionRunner, key: str, parameters: Mapping[str, Any]) -> Iterator[Any]:
    """The records of a list, for callers who would make or keep something because there are none.

    Of one parent's list of v1, an empty answer is otherwise believed: see :func:`may_be_broken`.
    """
    records = client.iterate(key, parameters)
    first = next(records, None)
    if first is not None:
        yield first
        yield from records
    elif (action := get_action(key)).version == "v1" and "{" in action.path:
        yield from client.iterate(key, parameters)


class ListReader:
    """Reads one list, and counts its pages and records.

    :param given: parameters
    :param max_records: how many are wanted, ``None`` for all
    :raises PipedriveParameterError: a parameter is wrong
    """

    def __init__(self, stack: SendStack, action: Action, given: dict[str, Any], max_records: int | None = None) -> None:
        self._stack = stack
        self._action = action
        self._request = bind(action, _with_limit(action, given, max_records))
        self._query = dict(self._request.query)
        self._usage = stack.meter.usage
        self._metrics = stack.meter.metrics
        self._progress = _PageProgress(stack.clock, action.key)

    def asked_pages(self) -> Iterator[tuple[dict[str, Any], list[Any]]]:
        """All pages; with ``cursor`` or ``start`` that page only."""
        return islice(self.pages(), 1 if _position(self._query) else None)

    def pages(self) -> Iterator[tuple[dict[str, Any], list[Any]]]:
        """The envelopes, one after the other, each with those of its records that have not come before."""
        pages = walk_pages(
            self._action,
            int(self._query["limit"]) if "limit" in self._query else None,
            self._read,
            self._look,
            position=_position(self._query),
            by_id=self._query.get("sort", "").split(" ")[0] == "id",
        )
        for envelope, places in pages:
            records = records_in(self._action, envelope)
            self._usage.records += len(places)
            self._metrics.count("records_read", len(places))
            yield envelope, [records[at] for at in places]
            self._progress.report(self._usage)

    def records(self) -> Iterator[Any]:
        """All records."""
        return (record for _envelope, fresh in self.pages() for record in fresh)

    def _read(self, position: Position) -> dict[str, Any]:
        request = prepare(self._action, self._request, position)
        envelope = self._stack.sender.send(request, self._stack.envelopes)
        if envelope.get("data") is None and may_be_broken(self._action, self._query, position, envelope):
            envelope = self._stack.sender.send(request, self._stack.envelopes)
        self._usage.pages += 1
        return envelope

    def _look(self, envelope: dict[str, Any]) -> Look:
        return look_at(self._action, envelope)


class _PageProgress:
    """A line in the log every 10 seconds of a long walk."""

    def __init__(self, clock: Clock, action: str) -> None:
        self._clock = clock
        self._action = action
        self._began = self._last = clock.monotonic()

    def report(self, usage: Usage) -> None:
        now = self._clock.monotonic()
        if now - self._last >= _PROGRESS_EVERY:
            self._last = now
            log.info(
                "%s: %s, %s, %s after %.0f s",
                self._action,
                counted(usage.records, "record"),
                counted(usage.pages, "page"),
                counted(usage.tokens, "API token"),
                now - self._began,
            )


def _position(query: Mapping[str, str]) -> Position:
    if "cursor" in query:
        return {"cursor": query["cursor"]}
    return {"start": int(query["start"])} if "start" in query else {}

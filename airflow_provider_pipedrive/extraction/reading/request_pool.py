"""Requests of all entities of a job, many at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.extraction.reading.memory import share_freed
from airflow_provider_pipedrive.extraction.reading.pages import Page, decode, server_time
from airflow_provider_pipedrive.extraction.reading.server_clock import ServerClock

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

T = TypeVar("T")


@dataclass
class ReadStats:
    """What reading one entity has taken so far.

    :ivar records: taken, each once
    :ivar tokens: API tokens, repeats of failed requests aside
    :ivar expected: about how many records there are, 0 where nobody knows
    :ivar largest: bytes of the largest page
    :ivar set_aside: hashes of records on the pages that were none, or that nothing tells apart
    """

    expected: float = 0
    pages: int = 0
    records: int = 0
    tokens: int = 0
    largest: int = 0
    set_aside: set[str] = field(default_factory=set)


class Stopped(Exception):
    """The job has ended because something else failed: what was read so far is kept."""


class RequestPool:
    """The connections that all entities of a job share.

    :param concurrency: requests at once
    :param on_progress: called now and then while a long work continues
    """

    def __init__(self, client: PipedriveClient, concurrency: int, on_progress: Callable[[], None]) -> None:
        self.client = client
        self.concurrency = concurrency
        self.on_progress = on_progress
        self.latest: datetime | None = None
        self.server_clock = ServerClock()
        self.failure: BaseException | None = None
        share_freed()
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="pipedrive")
        self._lock = threading.Lock()
        self._early: dict[tuple[Any, ...], Future[tuple[int, Page, Collection[str]]]] = {}

    def close(self) -> None:
        """Wait for the requests under way, and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def read(
        self,
        entity: Entity,
        parameters: Mapping[str, Any],
        stats: ReadStats,
        before_body: Callable[[], object] | None = None,
    ) -> Page:
        """One page, in the caller's thread.

        :param before_body: waits until there is memory for it
        :raises PipedriveError: it failed
        :raises Stopped: another entity has failed, which ends the job
        """
        early = self._early.pop(_key(entity, parameters), None)
        if early is None and self.failure is not None:
            raise Stopped
        size, page, set_aside = early.result() if early else self._ask(entity, parameters, before_body)
        self.client.metrics.count("records_read", len(page))
        with self._lock:
            stats.pages += 1
            stats.largest = max(stats.largest, size)
            stats.set_aside.update(set_aside)
            stats.tokens += entity.listing.token_cost
            self.note_time(page.server_time)
        return page

    def ask_early(self, entity: Entity, parameters: Mapping[str, Any]) -> None:
        """Ask for a page that :meth:`read` is going to be asked for; its failure is raised there."""
        self._early[_key(entity, parameters)] = self.submit(partial(self._ask, entity, parameters))

    def _ask(
        self, entity: Entity, parameters: Mapping[str, Any], before_body: Callable[[], object] | None = None
    ) -> tuple[int, Page, Collection[str]]:
        """A page, with its bytes and the hashes of what was set aside."""
        began = time.monotonic()
        (size, (records, keys, envelope, set_aside)), headers = self.client.page(
            entity.action,
            {**entity.parameters, **parameters},
            lambda body: (len(body), decode(entity, body)),
            before_body=before_body,
        )
        return size, Page(records, keys, envelope, server_time(headers), time.monotonic() - began), set_aside

    def note_time(self, moment: datetime | None) -> None:
        """Note Pipedrive's clock, as an answer has told it, if it has."""
        self.server_clock.note(moment)
        if moment is not None and (self.latest is None or moment > self.latest):
            self.latest = moment

    def submit_then(self, work: Callable[[], T], done: Callable[[T | None, BaseException | None], None]) -> None:
        """Have a thread do some work, and call ``done`` with its result or its error."""

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
                done(None, error)
            else:
                done(result, None)

        self._threads.submit(run)

    def run_all(self, works: Iterable[Callable[[], Any]]) -> list[Any]:
        """Do several things at once; their results in order.

        :raises Exception: what the first of them to fail raised
        """
        futures = [self._threads.submit(work) for work in works]
        waiting = set(futures)
        while waiting:
            waiting = wait(waiting, timeout=1).not_done
            self.on_progress()
        return [future.result() for future in futures]

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do some work meanwhile."""
        return self._threads.submit(work)

    def run_with(self, work: Callable[[], Any], others: Iterable[Callable[[], Any]]) -> list[Any]:
        """Do some work in this thread, and others meanwhile in their own; the results in order."""
        futures = [self._threads.submit(other) for other in others]
        return [work(), *(future.result() for future in futures)]


def _key(entity: Entity, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    return entity.name, *sorted(map(repr, parameters.items()))

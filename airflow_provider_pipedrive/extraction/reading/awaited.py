"""Pages that were asked for and have not come: as many at once as there is memory for, when they come too."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.extraction.reading.memory import answers_at_once, answers_here
from airflow_provider_pipedrive.extraction.reading.pages import Page
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool

T = TypeVar("T")
_LONGEST_WAIT = 5.0
"""Seconds that an answer waits for memory: later its sender might give up the connection. What is under way is bounded,
too."""


class AwaitedPages(Generic[T]):
    """Asks for pages, and hands out what comes, each with who asked for it.

    Its length is how many are awaited, those included that are still held back.

    :param is_wanted: whether who asked still wants the page
    """

    def __init__(self, pool: RequestPool, entity: Entity, stats: ReadStats, is_wanted: Callable[[T], bool]) -> None:
        self._pool = pool
        self._entity = entity
        self._stats = stats
        self._is_wanted = is_wanted
        self._answers: SimpleQueue[tuple[T, Page | None, BaseException | None]] = SimpleQueue()
        self._held: deque[tuple[T, Mapping[str, Any]]] = deque()
        self._sent = 0
        self._unwritten = 0
        self._here: set[T] = set()  # whose answers are being read, or wait to be taken
        self._room = threading.Condition()

    def __len__(self) -> int:
        return self._sent + len(self._held)

    @property
    def has_come(self) -> bool:
        """Whether there is something to be taken."""
        return not self._answers.empty()

    def ask(self, asker: T, parameters: Mapping[str, Any], unwritten: int) -> None:
        """Ask for a page.

        :param unwritten: pages that have come and are still in memory
        """
        self._held.append((asker, parameters))
        self.send_held(unwritten)

    def send_held(self, unwritten: int) -> None:
        """Send what was held back, as far as there is memory for what it brings: one is always under way."""
        with self._room:
            self._unwritten = unwritten
            self._room.notify_all()
        most = max(1, answers_at_once(self._stats.largest) - unwritten)
        while self._held and self._sent < most:
            asker, parameters = self._held.popleft()
            if self._is_wanted(asker):
                self._sent += 1
                wait = partial(self._wait_for_room, asker)
                self._pool.submit_then(
                    partial(self._pool.read, self._entity, parameters, self._stats, wait), partial(self._note, asker)
                )

    def forget_held(self) -> None:
        """Send nothing of what was held back."""
        self._held.clear()

    def take(self, timeout: float) -> tuple[T, Page | None, BaseException | None]:
        """What has come, or what went wrong.

        :raises queue.Empty: nothing came within so many seconds
        """
        answer = self._answers.get(timeout=timeout)
        self._sent -= 1
        with self._room:
            self._here.discard(answer[0])
            self._room.notify_all()
        return answer

    def _wait_for_room(self, asker: T) -> None:
        """Wait until an answer may be read that has come: one always may."""
        with self._room:
            self._room.wait_for(lambda: asker in self._here or self._has_room, _LONGEST_WAIT)
            self._here.add(asker)

    @property
    def _has_room(self) -> bool:
        return not self._here or len(self._here) + self._unwritten < answers_here(self._stats.largest)

    def _note(self, asker: T, page: Page | None, error: BaseException | None) -> None:
        self._answers.put((asker, page, error))

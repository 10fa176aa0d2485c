"""Threads that send requests, each one after the other, and hand back what came of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Sent(NamedTuple):
    """What came of one job: an answer, or an error."""

    job: Any
    answer: Any
    error: BaseException | None


class SenderPool(Generic[T]):
    """A few threads, begun as they are needed.

    Two queues cost less than a future for each request, of which the many under way are registered with again for
    each answer.

    :param threads: how many jobs may be done at once
    :param size: how many may be submitted and not handed back yet; those that wait keep the threads busy
    :param send: what is called with a job in a thread, and returns the answer
    """

    def __init__(self, threads: int, size: int, send: Callable[[T], Any]) -> None:
        self._most_threads = threads
        self._size = size
        self._send = send
        self._jobs: SimpleQueue[T | None] = SimpleQueue()
        self._sent: SimpleQueue[Sent] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.running = 0

    def __enter__(self) -> SenderPool[T]:
        return self

    def __exit__(self, *exc: object) -> None:
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def free(self) -> int:
        """How many jobs may be submitted."""
        return self._size - self.running

    def submit(self, job: T) -> None:
        """Have a job done."""
        self.running += 1
        if len(self._threads) < min(self.running, self._most_threads):
            thread = threading.Thread(target=self._work, name=f"bulk-{len(self._threads)}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._jobs.put(job)

    def sent(self, timeout: float | None = None) -> list[Sent]:
        """What was done since the last call; where nothing was, wait for something.

        :param timeout: seconds to wait; None: as long as it takes
        """
        found: list[Sent] = []
        try:
            found.append(self._sent.get(timeout=timeout))
            while True:
                found.append(self._sent.get_nowait())
        except Empty:
            pass
        self.running -= len(found)
        return found

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._sent.put(Sent(job, self._send(job), None))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is for whoever waits for the answer
                self._sent.put(Sent(job, None, error))

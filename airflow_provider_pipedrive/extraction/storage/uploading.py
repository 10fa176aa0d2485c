"""Uploads next to other work, some at once, which count in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from airflow_provider_pipedrive.extraction.storage.store import file_system

AT_ONCE = 4
MOST_WAITING = 32
"""Uploads that are begun or wait. Each has its file on a disk."""


class OrderedUploads:
    """Uploads to one place, in threads where that is object storage, at once on a disk. Each is noted when it is there.
    Of a stream, nothing is noted before what was begun before it.

    :param place: any path there
    """

    def __init__(self, place: Any) -> None:
        self._in_threads = file_system(place) is not None
        self._threads: ThreadPoolExecutor | None = None
        self._waiting: list[Future[None]] = []
        self._newest: dict[str, Future[None]] = {}  # by stream
        self._turn: Future[None] | None = None  # what was noted between all streams last

    def begin(self, stream: str, upload: Callable[[], Any], note: Callable[[], Any]) -> Future[None]:
        """Upload a file of a stream, and note that it is there.

        :returns: it is done when that is
        :raises Exception: what an earlier one raised
        """
        before = self._newest.get(stream, self._turn)
        begun = self._newest[stream] = self._begin(upload, [before] if before else [], note)
        return begun

    def note(self, note: Callable[[], Any]) -> None:
        """Note something that holds for what is begun from now on: after all that was begun before.

        :raises Exception: what an earlier one raised
        """
        self._turn = self._begin(None, list(self._waiting), note)
        self._newest.clear()

    def settle(self) -> None:
        """Wait until all are done.

        :raises Exception: what one of them raised
        """
        self._drop_done(0)

    def close(self) -> None:
        """Let those that are begun end, whatever comes of them, and no thread stay."""
        with suppress(Exception):  # whoever has to know has settled, or has failed by something else
            self.settle()
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None

    def _begin(
        self, upload: Callable[[], Any] | None, before: Sequence[Future[None]], note: Callable[[], Any]
    ) -> Future[None]:
        if not self._in_threads:
            _one(upload, (), note)
            done: Future[None] = Future()
            done.set_result(None)
            return done
        self._drop_done(MOST_WAITING - 1)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload")
        begun = self._threads.submit(_one, upload, before, note)
        self._waiting.append(begun)
        return begun

    def _drop_done(self, most: int) -> None:
        """Forget what has succeeded, and wait while there is more than so much of the rest."""
        while len(self._waiting) > most:
            wait(self._waiting[:1])
            self._waiting.pop(0).result()
        for each in [each for each in self._waiting if each.done()]:
            each.result()
            self._waiting.remove(each)


def _one(upload: Callable[[], Any] | None, before: Sequence[Future[None]], note: Callable[[], Any]) -> None:
    if upload is not None:
        upload()
    for each in before:  # it has begun: threads take what waits in its order
        each.result()
    note()

"""Changes on their way into the database: those that arrive together are stored together.

A transaction for each would be too slow for a burst, and of events that lie so close to one another Airflow makes one
DAG run anyway.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from airflow_provider_pipedrive.events.changes.model import Change

log = logging.getLogger(__name__)

BATCH_SECONDS: Final = 0.25
"""How long the first delivery waits for others to share its transaction."""
ANSWER_SECONDS: Final = 8.0
"""A delivery is answered within them: Pipedrive waits for 10, the way there and back included.
https://pipedrive.readme.io/docs/guide-for-webhooks-v2"""
MOST_WAITING: Final = 5000
"""Deliveries in memory at most. What comes beyond is refused at once, and Pipedrive repeats it."""
MOST_BYTES: Final = 32 * 1024 * 1024
"""Of all deliveries that wait. A usual one has 2 to 10 KB."""
_PAUSE_SECONDS: Final = 0.2


@dataclass(frozen=True)
class ReceivedChange:
    """A change that a webhook delivered.

    :ivar conn_id: the connection that it belongs to
    :ivar uri: of the asset that has changed
    :ivar size: of the delivery, in bytes
    :ivar team: the only team that is to know of it; empty where all may
    """

    conn_id: str
    uri: str
    change: Change
    size: int = 0
    team: str = ""


@dataclass(eq=False)
class _WaitingDelivery:
    received: ReceivedChange
    due: float
    stored: Future[None] = field(default_factory=Future)


class EventWriter:
    """Stores what is handed to it, in batches, by a thread of its own.

    What could not be stored is tried again for as long as somebody waits for it.

    :param store: stores a batch in one transaction; ``False``: it could not just now, and may be asked again
    :param clock: seconds that never go back
    """

    def __init__(
        self, store: Callable[[Sequence[ReceivedChange]], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._clock = clock
        self._queue: deque[_WaitingDelivery] = deque()
        self._lock = threading.Lock()
        self._running = False
        self._bytes = 0

    def submit(self, received: ReceivedChange, seconds: float = ANSWER_SECONDS) -> Future[None] | None:
        """Have a change stored.

        :param seconds: how long its sender is going to wait for that. What has not been tried by then is dropped: the
            sender will repeat it.
        :returns: what is done when the change is stored, and fails when it is dropped; ``None`` where too many wait
        """
        waiting = _WaitingDelivery(received, self._clock() + seconds)
        with self._lock:
            if len(self._queue) >= MOST_WAITING or self._bytes + received.size > MOST_BYTES:
                return None
            self._bytes += received.size
            waiting.stored.add_done_callback(lambda _: self._let_go(received.size))
            self._queue.append(waiting)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="pipedrive-webhooks", daemon=True).start()
        return waiting.stored

    def _let_go(self, size: int) -> None:
        """A delivery is stored or dropped."""
        with self._lock:
            self._bytes -= size

    def _run(self) -> None:
        """Store batch after batch until none is left; the next delivery starts the next thread."""
        while True:
            time.sleep(BATCH_SECONDS)
            with self._lock:
                if not self._queue:
                    self._running = False
                    return
                batch = list(self._queue)
                self._queue.clear()
            failed = self._try(self._in_time(batch))
            if failed:
                time.sleep(_PAUSE_SECONDS)
                with self._lock:
                    self._queue.extendleft(reversed(failed))

    def _try(self, batch: list[_WaitingDelivery]) -> list[_WaitingDelivery]:
        """Store a batch; returns what is to be tried again."""
        if not batch:
            return []
        try:
            if not self._store([waiting.received for waiting in batch]):
                return batch
        except Exception as error:
            if len(batch) == 1:
                log.exception("A webhook delivery could not be stored, so Pipedrive is going to repeat it")
                batch[0].stored.set_exception(error)
                return []
            # One that the database does not take must not hold up the others.
            return [failed for one in batch for failed in self._try(self._in_time([one]))]
        for waiting in batch:
            waiting.stored.set_result(None)
        return []

    def _in_time(self, batch: list[_WaitingDelivery]) -> list[_WaitingDelivery]:
        """Those that somebody still waits for; the others fail."""
        now = self._clock()
        for waiting in batch:
            if waiting.due <= now:
                waiting.stored.set_exception(TimeoutError())
        return [waiting for waiting in batch if waiting.due > now]

"""What happens later: after so many reads, or when so much time has passed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from airflow_provider_pipedrive.sandbox.state.clock import Clock


@dataclass
class ScheduledAction:
    """Something that happens later.

    ``do``: ``move_deal``, ``update``, ``delete``, ``merge`` or ``add_file``, with its ``options``. ``after_reads``: so
    many ``GET`` requests to ``path`` (``*`` matches anything in it) still see the state before it. ``at``: the
    sandbox's time, in seconds since the epoch.
    """

    do: str
    options: dict[str, Any] = field(default_factory=dict)
    after_reads: int | None = None
    path: str = "*"
    at: float | None = None
    seen: int = 0

    def is_due(self, now: float) -> bool:
        """Whether its time has come."""
        return self.at is not None and now >= self.at

    def is_read(self, method: str, path: str) -> bool:
        """Whether a request is the first that shall see it done; counts the others."""
        if self.after_reads is None or method != "GET" or not fnmatchcase(path, self.path):
            return False
        self.seen += 1
        return self.seen > self.after_reads

    def as_dict(self) -> dict[str, Any]:
        """For the control API."""
        return asdict(self)


class Schedule:
    """The scheduled actions that wait.

    :param lock: is held while an action runs
    """

    def __init__(self, clock: Clock, lock: threading.RLock) -> None:
        self.waiting: list[ScheduledAction] = []
        self._clock = clock
        self._lock = lock
        self._timers: list[threading.Timer] = []

    def add(self, action: ScheduledAction, run: Callable[[ScheduledAction], object]) -> ScheduledAction:
        """Let something happen later; where time decides, also when no request comes.

        :raises ValueError: neither reads nor time is given, or both
        """
        if (action.after_reads is None) == (action.at is None):
            raise ValueError("A plan needs after_reads or after_seconds, one of them.")
        self.waiting.append(action)
        if action.at is not None:
            timer = threading.Timer(max(action.at - self._clock.time(), 0), self._on_time, [run])
            timer.daemon = True
            timer.start()
            self._timers.append(timer)
        return action

    def _on_time(self, run: Callable[[ScheduledAction], object]) -> None:
        with self._lock:
            self.run_due(run)

    def run_due(self, run: Callable[[ScheduledAction], object], method: str = "", path: str = "") -> None:
        """Do what is due now, or seen by this request for the first time."""
        if not self.waiting:
            return
        now = self._clock.time()
        due = [action for action in self.waiting if action.is_due(now) or action.is_read(method, path)]
        for action in due:
            self.waiting.remove(action)
            run(action)

    def clear(self) -> None:
        """Schedule nothing."""
        self.waiting.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

"""The sandbox's time: the machine's, moved forward by as much as a test asks for."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Real time plus an offset that only :meth:`advance` changes. Thread-safe: it is one float."""

    def __init__(self) -> None:
        self.offset = 0.0

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.offset

    def now(self) -> datetime:
        """The present moment in UTC, whole seconds."""
        return datetime.fromtimestamp(int(self.time()), UTC)

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds.

        :raises ValueError: the seconds are negative; the sandbox's time never goes back
        """
        if seconds < 0:
            raise ValueError("The sandbox's clock only goes forward: give a number of seconds that is not negative.")
        self.offset += seconds

    def stamp(self) -> str:
        """The present moment as v2 writes it, e.g. ``2026-05-04T10:20:30Z``."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def to_v1(stamp: str | None) -> str | None:
    """``2026-05-04T10:20:30Z`` as v1 writes it: ``2026-05-04 10:20:30``."""
    return stamp[:19].replace("T", " ") if stamp else stamp


def to_millis(stamp: str | None) -> str | None:
    """``2026-05-04T10:20:30Z`` as leads and webhooks write it: ``2026-05-04T10:20:30.000Z``."""
    return f"{stamp[:19].replace(' ', 'T')}.000Z" if stamp else stamp


def to_v2(moment: datetime) -> str:
    """A moment as v2 writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

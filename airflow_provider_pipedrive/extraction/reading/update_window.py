"""A window of last updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airflow_provider_pipedrive.extraction.reading.pages import Identity


@dataclass(frozen=True)
class UpdateWindow:
    """What to read: last updated from ``since`` on, less ``lookback`` seconds, and before ``until``.

    :ivar known: records of the lookback that an earlier window has brought, by id with their time
    """

    since: datetime
    until: datetime
    lookback: float
    known: Mapping[Identity, datetime]

    @property
    def bounds(self) -> dict[str, str]:
        """Where it begins and ends, as a plan keeps it."""
        return {"since": self.since.astimezone(UTC).isoformat(), "until": self.until.astimezone(UTC).isoformat()}

    @property
    def low(self) -> int:
        """Its first second, lookback included."""
        return max(0, int((self.since - timedelta(seconds=self.lookback)).timestamp()))

    @property
    def high(self) -> int:
        """The second after its last."""
        return int(self.until.timestamp())

    def holds(self, moment: datetime | None) -> bool:
        """Whether a time is in it."""
        return moment is not None and self.low <= int(moment.timestamp()) < self.high

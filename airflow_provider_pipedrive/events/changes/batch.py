"""What an asset event carries: a batch of changes, or the window of time that so many lie in that they are not listed.

Triggers and webhooks write it, consumers read it: one shape for both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from airflow_provider_pipedrive.client.times import write_time
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.model import Change
from airflow_provider_pipedrive.events.changes.watch import ChangeWatch, Position, change_watch

KEY: Final = "pipedrive"
"""The key in an asset event's ``extra`` (or in its ``extra["payload"]``) below which a batch stands."""
MOST_CHANGES: Final = 500
MOST_BYTES: Final = 128 * 1024
"""Of a batch as JSON. Above either limit the window is named instead."""


@dataclass(frozen=True)
class ChangeWindow:
    """The changes that a watch finds from a position on, up to a closed second, for the consumer to read by itself.

    :ivar until: the window's end, on Pipedrive's clock
    """

    watch: ChangeWatch
    position: Position
    until: datetime

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"watch": self.watch.to_json(), "position": self.position.to_json(), "until": write_time(self.until)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From :meth:`to_json`'s data."""
        until = datetime.fromisoformat(data["until"])
        watch, position = data["watch"], Position.from_json(data["position"])
        times = (until, position.since, position.floor)
        if any(time.tzinfo is None for time in times):
            raise ValueError("a time without its zone")
        if not all(isinstance(known, int) for known in position.seen.values()):
            raise ValueError("a time that is not a number")
        # Checked like one that a DAG asks for: whoever may store an asset event may have written this.
        whole = change_watch(watch["entity"], watch["kinds"], watch.get("fields"), watch.get("ignore_own", False))
        return cls(whole, position, until)

    def covers(self, change: Change) -> bool:
        """Whether a polled change was found in this window too."""
        when = datetime.fromisoformat(change.update_time)
        key = f"file {change.id}" if change.entity == "files" else str(change.id)
        return change.source == "poll" and self.position.lower(key) < when <= self.until


@dataclass(frozen=True)
class Batch:
    """What one asset event carries.

    :ivar connection: the id of the Airflow connection that the changes belong to
    :ivar changes: the changes, if there is no window
    :ivar window: where to read them
    :ivar team: the only team of the Airflow that is to know of them; empty where all may
    """

    connection: str
    changes: tuple[Change, ...] = ()
    window: ChangeWindow | None = None
    team: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain data, below :data:`KEY`."""
        found: dict[str, Any] = {"connection": self.connection}
        if self.team:
            found["team"] = self.team
        if self.window is not None:
            found["window"] = self.window.to_json()
        else:
            found["changes"] = [change.to_json() for change in self.changes]
        return {KEY: found}

    @property
    def is_too_big(self) -> bool:
        """Whether the changes are too many to be listed in an event."""
        return len(self.changes) > MOST_CHANGES or len(json.dumps(self.to_json())) > MOST_BYTES

    @classmethod
    def from_extra(cls, extra: Any) -> Self | None:
        """The batch in an asset event's ``extra``; ``None`` if it has none, as an event that somebody else made.

        :raises PipedriveParameterError: it has one that cannot be read
        """
        data = _below_key(extra)
        if data is None:
            return None
        try:
            connection, window = data["connection"], data.get("window")
            if not isinstance(connection, str) or not connection:
                raise TypeError("connection is not a connection's id")
            if not isinstance(data.get("changes", []), list):
                raise TypeError("changes is not a list")
            return cls(
                connection,
                tuple(Change.from_json(change) for change in data.get("changes", ())),
                None if window is None else ChangeWindow.from_json(window),
                team_of(extra),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise PipedriveParameterError(f"An asset event carries a batch that cannot be read: {error}.") from None


def team_of(extra: Any) -> str:
    """The only team that is to know of what an asset event's ``extra`` carries; empty where all may."""
    data = _below_key(extra)
    return str(data.get("team") or "") if isinstance(data, Mapping) else ""


def _below_key(extra: Any) -> Any:
    payload = extra.get("payload") if isinstance(extra, Mapping) and "payload" in extra else extra
    return payload.get(KEY) if isinstance(payload, Mapping) else None

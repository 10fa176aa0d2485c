"""What is common to all that can be waited for: plain data that travels with a trigger, and what a check makes of it.

A wait owns what it reads and how it judges: each kind has a module of its own (:mod:`.records`, :mod:`.moves`,
:mod:`.files`). Values go in and new values come out: nobody changes what it is handed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from airflow_provider_pipedrive.errors import (
    PipedriveError,
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedrivePermissionError,
    PipedriveValidationError,
)
from airflow_provider_pipedrive.events.waits.name_refs import NameRefs
from airflow_provider_pipedrive.events.waits.outcomes import Memory, Record, WaitOutcome

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient

SECONDS_A_DAY = 86_400
LOOKBACK = timedelta(seconds=60)
"""How far a list is read back behind what was seen: nothing promises that a write is visible at once."""
ABOUT_THE_RECORD = (
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedrivePermissionError,
    PipedriveValidationError,
)
"""Errors that concern one wait. Any other ends the check for all: the next request would fail alike."""
Answer = WaitOutcome | PipedriveError


class WaitSpec:
    """Something to wait for. A frozen dataclass whose fields are JSON."""

    kind: ClassVar[str]

    @property
    def poll_group(self) -> str:
        """Waits of one group share their requests."""
        return self.kind

    @property
    def tokens(self) -> int:
        """API tokens of one check of this wait alone."""
        raise NotImplementedError

    @property
    def begins(self) -> str | None:
        """The time that a caller gave, before which nothing counts; None where there is none."""
        return None

    @classmethod
    def check(cls, client: PipedriveClient, waits: Sequence[Wait], *, alone: bool) -> list[Checked]:
        """Read what waits of one poll group need, in as few requests as it takes, and judge each by itself.

        :param alone: for one wait whose reading no other shares
        :raises PipedriveError: what would hit any other request as well
        """
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """As plain data, its kind among them."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # type: ignore[call-overload]
        return {"kind": self.kind, **found}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the data of :meth:`to_json`, without its kind."""
        return cls(**{name: frozen(value) for name, value in data.items()})

    def tokens_a_day(self, interval: float) -> int:
        """API tokens of a day of checks, ``interval`` seconds apart."""
        return round(self.tokens * SECONDS_A_DAY / max(interval, 1))


@dataclass(frozen=True)
class Wait:
    """One wait.

    :ivar spec: what for
    :ivar names: names that are still to be looked up
    :ivar memory: what earlier checks have shown, as JSON
    :ivar lookback: seconds that a deal's last move may be past for its history to be read. ``None``: as long as the
        wait asks for. It is for a wait that remembers nothing, and would read the same histories at each check
    """

    spec: WaitSpec
    names: NameRefs | None = None
    memory: Memory = field(default_factory=dict)
    lookback: float | None = None


@dataclass(frozen=True)
class Checked:
    """What a check has shown of a wait.

    :ivar wait: the wait for the next check: names looked up, memory brought up to date
    :ivar answer: the outcome, or an error that concerns this wait alone
    """

    wait: Wait
    answer: Answer


def clock_difference(client: PipedriveClient, waits: Sequence[Wait]) -> float:
    """Seconds by which Pipedrive's clock is ahead; asked for where a time of this machine's clock matters."""
    if client.server_ahead is None and any(getattr(wait.spec, "local_clock", False) for wait in waits):
        client.run("getCurrentUser")
    return client.server_ahead or 0.0


def is_deleted(record: Record) -> bool:
    """Whether a record is only still shown for some days."""
    return record.get("is_deleted") is True or record.get("status") == "deleted"


def frozen(value: Any) -> Any:
    """A list as a tuple, anything else as it is."""
    return tuple(value) if isinstance(value, list) else value

"""Everything a running sandbox consists of, wired together."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_pipedrive.sandbox.control.deliveries import Webhooks
from airflow_provider_pipedrive.sandbox.control.faults import Faults
from airflow_provider_pipedrive.sandbox.control.schedule import Schedule
from airflow_provider_pipedrive.sandbox.seed.tables import seeded
from airflow_provider_pipedrive.sandbox.server.limits import Limits
from airflow_provider_pipedrive.sandbox.server.oauth import OAuth
from airflow_provider_pipedrive.sandbox.state.clock import Clock
from airflow_provider_pipedrive.sandbox.state.settings import Settings
from airflow_provider_pipedrive.sandbox.state.store import Actor, State

LOG_LENGTH = 20_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request that reached the sandbox, and what it was answered. Its repr leaves out what may hold secrets.

    ``headers`` have lower-case names. ``body`` is the parsed JSON, the form's fields, or None. ``status`` is 0 where
    the connection was closed without an answer.
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str] = field(repr=False)
    body: Any = field(repr=False)
    status: int
    tokens: int


class World:
    """The world behind the server. ``lock`` is held while a request is handled and while a test reaches in."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.clock = Clock()
        self.state = State(seeded(settings, self.clock.now()), self.clock, settings)
        self.limits = Limits(settings, self.clock)
        self.faults = Faults()
        self.schedule = Schedule(self.clock, self.lock)
        self.oauth = OAuth(settings, self.clock)
        self.webhooks = Webhooks(self.state, self.clock, self.lock)
        self.log: deque[LoggedRequest] = deque(maxlen=LOG_LENGTH)
        self.counts: Counter[str] = Counter()
        self.url = ""

    def reset(self) -> None:
        """Back to the beginning: records, limits, faults, scheduled actions, tokens, log and clock."""
        with self.lock:
            self.clock.offset = 0.0
            self.state.reset()
            self.limits.reset()
            self.faults.clear()
            self.schedule.clear()
            self.oauth.reset()
            self.webhooks.reset()
            self.log.clear()
            self.counts.clear()

    @property
    def owner_id(self) -> int:
        """The user to whom the API token belongs: the first active administrator."""
        users = [user for user in self.state["users"] if user.get("active_flag", True)]
        return int(next((user["id"] for user in users if user.get("is_admin")), users[0]["id"]))

    def actor(self, user_id: int | None = None, correlation_id: str = "") -> Actor:
        """Who changes something; without a user, the owner of the API token in Pipedrive's web interface."""
        if user_id is None:
            return Actor(self.owner_id, correlation_id or self.state.new_uuid(), "app")
        return Actor(user_id, correlation_id)

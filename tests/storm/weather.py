"""A fault at a moment of what a user calls, and what comes of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout

from airflow_provider_pipedrive.client.auth import forget_tokens
from airflow_provider_pipedrive.client.limits import forget_limits
from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import (
    API_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    REFRESH_TOKEN,
    SECRETS,
    api_token_connection,
    oauth_connection,
)
from tests.storm.faults import KINDS, WITH_OAUTH, Faults
from tests.storm.surfaces import SURFACES
from tests.storm.tries import Surface, Try

MOMENTS = ("first", "middle", "last", "all")
"""Which requests meet the fault. The middle is the first write, where there is one after other requests."""
RIGHT, LATER, NEVER = "✓", "↻", "✗"
"""The right result at once; an error after which the next try has it; an error that is for people."""


@dataclass(frozen=True)
class Cell:
    """One fault at one moment."""

    surface: Surface
    kind: str
    moment: str

    def __str__(self) -> str:
        return f"{self.surface.does} - {self.kind} - {self.moment}"


CELLS = [
    Cell(surface, kind, moment)
    for surface in SURFACES
    for kind in KINDS
    for moment in MOMENTS
    if kind not in surface.is_without
]


def is_in_short_form(cell: Cell) -> bool:
    """Whether it is one of the quarter that the test command has: each fault meets each call once."""
    turn = SURFACES.index(cell.surface) + KINDS.index(cell.kind)
    return cell.moment == MOMENTS[turn % len(MOMENTS)]


def storm_sandbox() -> Sandbox:
    """The company that the storm meets. A renewal gives a new refresh token, and the old one is no good any more."""
    return Sandbox(
        deals=30, seed=1, api_token=API_TOKEN, client_id=CLIENT_ID, client_secret=CLIENT_SECRET,
        refresh_token=REFRESH_TOKEN, rotate_refresh_tokens=True,
    )  # fmt: skip


WEBHOOK = {
    "webhook_url": "https://airflow.example.com/pipedrive/webhook/UnguessablePartOfTheAddress0123",
    "webhook_user": "airflow",
    "webhook_password": "WebhookPasswordOfTheTests0123",
}


class Weather:
    """Lets things happen in a company.

    :param folder: in which each try has a folder
    """

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.faults = Faults(sandbox)
        self._sandbox = sandbox
        self._folder = folder
        self._begun = 0
        self._calm: dict[tuple[str, bool], tuple[Any, list[str]]] = {}

    def outcome(self, cell: Cell) -> str:
        """What came of a fault: one of the three.

        :raises AssertionError: something was lost, doubled or told, or no error of the package says what happened
        """
        is_by_oauth = cell.kind in WITH_OAUTH
        result, methods = self.in_calm_weather(cell.surface, is_by_oauth=is_by_oauth)
        attempt = self.begin(is_by_oauth=is_by_oauth)
        skip = {"first": 0, "middle": _middle(methods), "last": len(methods) - 1, "all": 0}[cell.moment]
        try:
            with self.faults.meeting(cell.kind, skip, None if cell.moment == "all" else 1):
                found = cell.surface.run(attempt)
        except Exception as error:  # noqa: BLE001 - which it is, is what is asked
            return self._after(error, cell, attempt, result)
        finally:
            assert self.faults.secrets_elsewhere() == []
        if found is False:  # a sensor that goes on waiting
            return self._next_try(cell, attempt, result)
        assert found == result
        return RIGHT

    def _after(self, error: Exception, cell: Cell, attempt: Try, result: Any) -> str:
        assert secrets_told_by(error) == []
        assert cell.surface.copies(attempt) <= 1
        if is_for_people(error):
            return NEVER
        return self._next_try(cell, attempt, result)

    def _next_try(self, cell: Cell, attempt: Try, result: Any) -> str:
        self.calm_down()
        assert cell.surface.run(replace(attempt, number=2)) == result
        return LATER

    def in_calm_weather(self, surface: Surface, *, is_by_oauth: bool = False) -> tuple[Any, list[str]]:
        """The result without a fault, and the methods of the requests that it takes."""
        key = surface.does, is_by_oauth
        if key not in self._calm:
            attempt = self.begin(is_by_oauth=is_by_oauth)
            result = surface.run(attempt)
            assert result is not False, "what it waits for has come"
            self._calm[key] = result, [request.method for request in self._sandbox.requests]
        return self._calm[key]

    def calm_down(self) -> None:
        """Let the next day begin, without faults."""
        self._sandbox.clear_faults()
        self._sandbox.advance(86_400)
        self._let_conversions_end()
        forget_limits()

    def _let_conversions_end(self) -> None:
        """What has begun ends by itself in Pipedrive; the sandbox brings it forward whenever it is asked how far it
        is."""
        for job in self._sandbox.records("conversions").values():
            address = f"{self._sandbox.url}/api/v2/{job['source']}/{job['source_id']}/convert/status/{job['id']}"
            for _ in range(3):
                requests.get(address, headers={"x-api-token": API_TOKEN}, timeout=10)

    def connect(self, *, is_by_oauth: bool = False) -> None:
        """Let the connection have another credential of the same user."""
        connection = (oauth_connection if is_by_oauth else api_token_connection)(self._sandbox, **WEBHOOK)
        os.environ["AIRFLOW_CONN_PIPEDRIVE_DEFAULT"] = connection

    def begin(self, *, is_by_oauth: bool = False) -> Try:
        """The first try of a call, in a company as it was in the beginning."""
        self._sandbox.reset()
        self.connect(is_by_oauth=is_by_oauth)
        forget_tokens()
        forget_limits()
        self._begun += 1
        folder = self._folder / str(self._begun)
        folder.mkdir()
        return Try(self._sandbox, folder)


def _middle(methods: list[str]) -> int:
    """Which request is the middle one: the first write (no renewal of a token), if others come before it."""
    writes = (at for at, method in enumerate(methods) if method != "GET" and at)
    return next(writes, len(methods) // 2)


def secrets_told_by(error: Exception) -> list[str]:
    """The secrets in what an error says."""
    told = f"{error} {error.__cause__}"
    return [secret for secret in SECRETS if secret in told]


def is_for_people(error: Exception) -> bool:
    """Whether the task has failed for good, so that a person must look.

    :raises AssertionError: it is not an error that the package raises
    """
    if isinstance(error, AirflowFailException | AirflowSensorTimeout):
        return True
    assert isinstance(error, PipedriveError), repr(error)
    return not error.retryable

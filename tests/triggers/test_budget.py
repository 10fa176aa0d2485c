"""The trigger that waits for the day's API tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.triggers.budget import PipedriveBudgetTrigger
from tests.support.virtual_time import run

NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def test_the_trigger_survives_being_written_down_and_fires_when_the_time_has_come(
    mocker: MockerFixture,
) -> None:
    now = [NOON.timestamp()]
    mocker.patch("airflow_provider_pipedrive.triggers.budget.time", SimpleNamespace(time=lambda: now[0]))
    path, arguments = PipedriveBudgetTrigger(until=NOON.timestamp() + 43_200).serialize()
    assert path == "airflow_provider_pipedrive.triggers.budget.PipedriveBudgetTrigger"

    async def first() -> Any:
        return await anext(PipedriveBudgetTrigger(**json.loads(json.dumps(arguments))).run())

    def passed(seconds: float) -> None:
        now[0] += seconds

    assert run(first(), passed).payload == {"until": NOON.timestamp() + 43_200}
    assert now[0] == pytest.approx(NOON.timestamp() + 43_200)

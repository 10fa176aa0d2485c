"""What the package counts, as Airflow's metrics are given it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client.metrics import COUNTED
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.hooks.stats import DELIVERIES, count_delivery
from airflow_provider_pipedrive.sandbox import Sandbox

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


@pytest.fixture
def stats(mocker: MockerFixture) -> Any:
    return mocker.patch("airflow_provider_pipedrive.hooks.stats.Stats")


def test_a_hooks_counts_come_under_their_names_with_the_connection(
    stats: Any, sandbox: Sandbox, mocker: MockerFixture
) -> None:
    PipedriveHook().run("getDeal", {"id": 1})
    tags = {"conn_id": "pipedrive_default"}
    assert stats.incr.call_args_list == [
        mocker.call("pipedrive.requests", 1, tags=tags),
        mocker.call("pipedrive.tokens", 1, tags=tags),
    ]


@pytest.mark.parametrize(("status", "outcome"), [(200, "taken"), (401, "refused"), (422, "refused"), (503, "dropped")])
def test_a_delivery_counts_by_its_answer(status: int, outcome: str, stats: Any) -> None:
    count_delivery(status)
    stats.incr.assert_called_once_with(f"pipedrive.deliveries_{outcome}")


@pytest.mark.parametrize("name", [*COUNTED, *DELIVERIES])
def test_every_count_is_explained(name: str) -> None:
    meaning = {**COUNTED, **DELIVERIES}[name]
    assert f"| `pipedrive.{name}` | {meaning} |" in PAGE.read_text(encoding="utf-8")

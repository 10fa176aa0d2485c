"""A sandbox to wait in."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import api_token_connection
from tests.support.waiting import Waiting


@pytest.fixture
def waiting(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture) -> Waiting:
    """Runs sensors; Pipedrive's passing errors are not repeated by the client, which would sleep."""
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))
    return Waiting(sandbox, mocker)


@pytest.fixture
def deal(sandbox: Sandbox) -> dict[str, Any]:
    """A deal that can be moved."""
    return next(d for d in sandbox.records("deals").values() if d["status"] == "open" and not d["is_archived"])


@pytest.fixture
def stages(sandbox: Sandbox, deal: dict[str, Any]) -> list[dict[str, Any]]:
    """The other stages of its pipeline."""
    found = sandbox.records("stages").values()
    return [s for s in found if s["pipeline_id"] == deal["pipeline_id"] and s["id"] != deal["stage_id"]]

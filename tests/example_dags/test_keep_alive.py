"""The example DAG that keeps an OAuth connection alive does what it says."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import oauth_connection

DAG_FILE = Path(__file__).resolve().parents[2] / "example_dags" / "pipedrive_keep_alive.py"


class TaskInstance:
    """Airflow's edge."""

    def xcom_push(self, key: str, value: Any) -> None:
        pass


def test_its_task_renews_the_authorization(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(sandbox))
    declared = runpy.run_path(str(DAG_FILE))["pipedrive_keep_alive"]()
    declared.get_task("who_am_i").execute({"ti": TaskInstance()})
    assert sandbox.counters()["refreshes"] == 1
    assert [(sent.path, sent.tokens) for sent in sandbox.requests if sent.path.startswith("/v1")] == [
        ("/v1/users/me", 2)
    ]

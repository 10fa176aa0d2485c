"""The demo says what is wrong with an account before it starts an Airflow for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from demo import CONNECTION, refusal
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import api_token_connection


def test_a_wrong_token_is_said_before_airflow_is_started_and_a_right_one_is_not(
    sandbox: Sandbox, tmp_path: Path, mocker: MockerFixture
) -> None:
    mocker.patch("demo.FOLDER", tmp_path)
    python = Path(sys.executable)
    right = {**os.environ, CONNECTION: api_token_connection(sandbox)}
    assert refusal(python, right) == ""
    wrong = refusal(python, {**right, CONNECTION: api_token_connection(sandbox, api_token="a-wrong-token")})
    assert "PipedriveAuthError: Pipedrive answered 401" in wrong  # Airflow 2 warns of its own first
    assert [request.status for request in sandbox.requests] == [200, 401]

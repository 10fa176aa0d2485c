"""What becomes of a refresh token that Pipedrive replaces: nothing is lost from one task to the next."""

from __future__ import annotations

import json

import pytest
from airflow.providers.common.compat.sdk import Variable
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.accounts.refresh_tokens import VariableRefreshTokenStore
from airflow_provider_pipedrive.client.auth import forget_tokens
from airflow_provider_pipedrive.errors import PipedriveAuthError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN


@pytest.fixture
def variables(mocker: MockerFixture) -> dict[str, str]:
    """Airflow's edge: its Variables, without a database."""
    kept: dict[str, str] = {}
    mocker.patch.object(Variable, "get", lambda key, default=None: kept.get(key, default))
    mocker.patch.object(Variable, "set", lambda key, value: kept.update({key: value}))
    return kept


@pytest.fixture
def rotating(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A Pipedrive that replaces the refresh token at each renewal and refuses the one before."""
    settings = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    with Sandbox(deals=1, rotate_refresh_tokens=True, **settings) as sandbox:
        extra = {"refresh_token": REFRESH_TOKEN, "oauth_host": sandbox.url}
        connection = {"conn_type": "pipedrive", "login": CLIENT_ID, "password": CLIENT_SECRET, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", json.dumps(connection))
        yield sandbox


def test_every_later_process_goes_on_with_the_newest_refresh_token(
    rotating: Sandbox, variables: dict[str, str]
) -> None:
    for renewals in (1, 2, 3):
        forget_tokens()  # a new process, which knows no more than the connection says
        assert PipedriveHook().run("getDeal", {"id": 1})["id"] == 1
        assert rotating.counters()["refreshes"] == renewals
    assert list(variables) == [VariableRefreshTokenStore(REFRESH_TOKEN).name]
    assert REFRESH_TOKEN not in variables.values()


def test_the_tokens_of_a_run_survive_expiry_in_its_middle(rotating: Sandbox, variables: dict[str, str]) -> None:
    hook = PipedriveHook()
    for _ in range(3):
        assert hook.run("getDeal", {"id": 1})["id"] == 1
        rotating.expire_access_tokens()


def test_where_nothing_can_be_kept_the_log_says_what_to_do(
    rotating: Sandbox,
    mocker: MockerFixture,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    mocker.patch.object(Variable, "set", _refuse)
    assert PipedriveHook().run("getDeal", {"id": 1})["id"] == 1
    shown = capfd.readouterr()
    assert "airflow pipedrive refresh" in caplog.text + shown.out + shown.err


def _refuse(key: str, value: str) -> None:
    raise RuntimeError("no place")


def test_a_dead_authorization_with_nothing_kept_says_how_to_connect_again(
    rotating: Sandbox, variables: dict[str, str]
) -> None:
    PipedriveHook().run("getDeal", {"id": 1})
    variables.clear()
    forget_tokens()
    with pytest.raises(PipedriveAuthError, match="Authorize the app again"):
        PipedriveHook().run("getDeal", {"id": 1})

"""``check``, ``refresh`` and ``revoke``: connections that are there."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.models import Connection, Variable
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_provider_pipedrive.accounts import authorization, store
from airflow_provider_pipedrive.accounts.refresh_tokens import VariableRefreshTokenStore
from airflow_provider_pipedrive.accounts.status import KEY
from airflow_provider_pipedrive.accounts.store import AppAuthorization
from airflow_provider_pipedrive.catalog.advice import own_command
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.client.settings import OAuth
from airflow_provider_pipedrive.hooks.client_factory import client_of
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.cli.conftest import Terminal
from tests.conftest import API_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, oauth_connection


@pytest.fixture
def oauth(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, with ``pipedrive_default`` an OAuth connection of the environment."""
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(sandbox))
    return sandbox


@pytest.fixture
def rotating() -> Iterator[Sandbox]:
    """A sandbox that hands out a new refresh token with each renewal, and takes the old one no more."""
    app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    with Sandbox(deals=1, rotate_refresh_tokens=True, **app) as sandbox:
        yield sandbox


@pytest.fixture
def narrow() -> Iterator[Sandbox]:
    """A sandbox whose app may only read deals."""
    app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    with Sandbox(deals=1, scopes=("base", "deals:read"), **app) as sandbox:
        yield sandbox


def save_crm(sandbox: Sandbox, refresh_token: str = REFRESH_TOKEN) -> None:
    kept = AppAuthorization(CLIENT_ID, CLIENT_SECRET, refresh_token, sandbox.url, sandbox.url)
    store.save_authorization("crm", kept)


# ---- check


def test_checking_an_api_token_tells_whose_it_is_for_two_tokens(terminal: Terminal, sandbox: Sandbox):
    assert terminal.run("check") == 0
    assert "by API token." in terminal.err
    assert sandbox.url in terminal.err
    assert sandbox.counters()["tokens"] == 2


def test_checking_an_oauth_connection_tells_its_scopes_and_renews_it_once(terminal: Terminal, oauth: Sandbox):
    assert terminal.run("check") == 0
    assert "by OAuth." in terminal.err
    assert "Scopes: activities:full, activities:read," in terminal.err
    assert "60 days more from each use" in terminal.err
    assert oauth.counters()["refreshes"] == 1


def test_checking_an_access_token_alone_says_that_it_ends(
    terminal: Terminal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    extra = {"access_token": sandbox.access_token()}
    monkeypatch.setenv("AIRFLOW_CONN_CRM", json.dumps({"conn_type": "pipedrive", "host": sandbox.url, "extra": extra}))
    assert terminal.run("check", "crm") == 0
    assert "There is no refresh token: the access token ends within the hour" in terminal.err


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"api_token": "WrongApiToken123"}, "Pipedrive answered 401"),
        ({}, "The connection has no credential"),
        ({"api_token": API_TOKEN, "timeout": "soon"}, "timeout must be a number of seconds"),
        ({"refresh_token": "RefreshToken12345"}, "Put the OAuth client id into login"),
    ],
)
def test_a_connection_that_cannot_be_used_gives_exit_code_1_and_says_why(
    extra: dict[str, str], says: str, terminal: Terminal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_CRM", json.dumps({"conn_type": "pipedrive", "host": sandbox.url, "extra": extra}))
    assert terminal.run("check", "crm") == 1
    assert says in terminal.err
    assert terminal.err.count("\n") == 1


def test_sixty_idle_days_give_exit_code_1_and_the_command_to_connect_again(terminal: Terminal, oauth: Sandbox):
    oauth.advance(60 * 86_400)
    assert terminal.run("check") == 1
    assert "unused for 60 days: connect the account again" in terminal.err
    assert f"To connect again: {own_command('connect --save pipedrive_default')}" in terminal.err


def _days_ago(days: int) -> dict[str, dict[str, str]]:
    """What is remembered of an authorization that was last renewed then."""
    return {KEY: {"renewed": (datetime.now(UTC) - timedelta(days=days)).isoformat()}}


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({}, "When it was last renewed is not known here."),
        (_days_ago(10), "It was last renewed here on "),
        (_days_ago(50), "Had nothing else used it, 9 of its 60 idle days would be left: let the example DAG"),
        (_days_ago(70), "Had nothing else used it, 0 of its 60 idle days would be left: let the example DAG"),
    ],
)
def test_a_check_warns_where_the_idle_days_had_nearly_run_out_before_it(
    extra: dict[str, Any], says: str, terminal: Terminal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(sandbox, **extra))
    assert terminal.run("check") == 0
    assert says in terminal.err
    assert ("Warning:" in terminal.err) == ("pipedrive_keep_alive" in says or "idle days would be left" in says)


def test_a_check_is_a_use_that_the_connection_in_the_database_remembers(
    terminal: Terminal, sandbox: Sandbox, database: None
):
    save_crm(sandbox)
    with create_session() as session:
        row = session.scalar(select(Connection).where(Connection.conn_id == "crm"))
        row.set_extra(json.dumps({**row.extra_dejson, **_days_ago(50)}))
    assert terminal.run("check", "crm") == 0
    assert "Warning: " in terminal.err
    assert terminal.run("check", "crm") == 0
    assert "Warning: " not in terminal.err
    assert f"It was last renewed here on {datetime.now(UTC):%Y-%m-%d}." in terminal.err


def test_a_connection_that_does_not_exist_is_told_with_the_command_that_makes_it(terminal: Terminal, database: None):
    assert terminal.run("check", "nowhere") == 1
    assert "There is no Airflow connection 'nowhere'" in terminal.err
    assert own_command("connect --save nowhere") in terminal.err


def test_missing_scopes_for_actions_are_named_and_give_exit_code_1(
    terminal: Terminal, narrow: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(narrow))
    assert terminal.run("check", "--actions", "getDeals") == 0
    assert "These scopes are enough for 1 action." in terminal.err
    assert terminal.run("check", "--actions", "getDeals, addDeal,getPersons") == 1
    assert "Missing scopes: contacts:read, deals:full (for addDeal, getPersons)" in terminal.err


def test_missing_scopes_for_a_folder_of_dags_are_named(
    terminal: Terminal, narrow: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(narrow))
    (tmp_path / "dag.py").write_text('PipedriveOperator(task_id="a", action="addPerson")')
    assert terminal.run("check", "--dags", str(tmp_path)) == 1
    assert "Missing scopes: contacts:full (for addPerson)" in terminal.err


def test_unknown_actions_are_told_before_anything_is_sent(terminal: Terminal, sandbox: Sandbox):
    assert terminal.run("check", "--actions", "getDeels") == 2
    assert "Did you mean getDeals" in terminal.err
    assert sandbox.requests == []


def test_commands_are_named_as_they_can_be_typed_here():
    expected = "airflow pipedrive check" if AIRFLOW_V_3_2_PLUS else "python -m airflow_provider_pipedrive check"
    assert own_command("check") == expected


# ---- refresh


def test_refreshing_renews_and_tells_until_when(terminal: Terminal, oauth: Sandbox):
    assert terminal.run("refresh") == 0
    assert "Renewed. The access token lives until" in terminal.err
    assert "60 days more from each use" in terminal.err
    assert [request.path for request in oauth.requests] == ["/oauth/token"]
    assert terminal.out == ""


def test_an_api_token_cannot_be_refreshed(terminal: Terminal, sandbox: Sandbox):
    assert terminal.run("refresh") == 1
    assert "has no refresh token: there is nothing to renew" in terminal.err


def test_a_changed_refresh_token_is_saved_where_the_old_one_came_from(
    terminal: Terminal, rotating: Sandbox, database: None
):
    save_crm(rotating)
    terminal.types("y")
    assert terminal.run("refresh", "crm") == 0
    assert "Pipedrive handed out another refresh token" in terminal.err
    assert "Saved in connection 'crm'." in terminal.err
    assert connections.find("crm").extra["refresh_token"] != REFRESH_TOKEN
    assert terminal.run("check", "crm") == 0  # nobody is there: saved as well
    assert terminal.run("check", "crm") == 0


def test_a_changed_refresh_token_of_the_environment_is_printed_if_wanted(
    terminal: Terminal, rotating: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(rotating, timeout=7))
    terminal.types("json")
    assert terminal.run("refresh") == 0
    (word,) = shlex.split(terminal.out)
    name, _, value = word.partition("=")
    assert json.loads(value)["extra"]["timeout"] == 7
    monkeypatch.setenv(name, value)
    assert terminal.run("refresh", "--print", "uri") == 0
    assert "pipedrive://" in terminal.out


def test_a_changed_refresh_token_that_nobody_keeps_gives_exit_code_1_and_is_not_shown(
    terminal: Terminal, rotating: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(rotating))
    assert terminal.run("refresh") == 1
    assert "The new refresh token was not kept" in terminal.err
    assert terminal.out == ""
    assert "refresh-0" not in terminal.err  # as the sandbox's tokens begin


def test_a_refresh_token_that_tasks_have_kept_is_used_where_the_connections_is_refused_and_saved(
    terminal: Terminal, rotating: Sandbox, database: None
):
    save_crm(rotating)
    with client_of(connections.find("crm").connection) as client:
        client.run("getDeal", {"id": 1})  # as a task does: Pipedrive replaces the token
    assert terminal.run("refresh", "crm") == 0
    assert "Saved in connection 'crm'." in terminal.err
    assert terminal.run("check", "crm") == 0


# ---- revoke


def test_revoking_asks_and_says_what_it_does(terminal: Terminal, oauth: Sandbox):
    terminal.types("y")
    assert terminal.run("revoke") == 0
    assert "Pipedrive will uninstall the app for the user of this connection" in terminal.err
    assert "Revoked." in terminal.err
    assert terminal.run("check") == 1


@pytest.mark.parametrize("answer", ["", "n", "what"])
def test_without_a_yes_nothing_is_revoked(answer: str, terminal: Terminal, oauth: Sandbox):
    terminal.types(answer)
    assert terminal.run("revoke") == 1
    assert "Nothing was revoked." in terminal.err
    assert terminal.run("check") == 0


def test_revoking_with_yes_does_not_ask(terminal: Terminal, oauth: Sandbox):
    assert terminal.run("revoke", "--yes") == 0
    assert oauth.requests[-1].body == {"token": REFRESH_TOKEN, "token_type_hint": "refresh_token"}


def test_revoking_a_connection_of_the_database_removes_its_tokens_and_nothing_else(
    terminal: Terminal, sandbox: Sandbox, database: None
):
    save_crm(sandbox)
    assert terminal.run("revoke", "crm", "--yes") == 0
    assert "Its tokens are removed from Airflow's metadata database; client id and secret stay." in terminal.err
    left = connections.find("crm").connection
    assert (left.login, left.password, left.host) == (CLIENT_ID, CLIENT_SECRET, sandbox.url)
    assert sorted(left.extra_dejson) == ["oauth_host", KEY]
    assert left.extra_dejson[KEY]["state"] == "disconnected"


def test_an_authorization_that_came_while_another_was_revoked_stays(sandbox: Sandbox, database: None):
    save_crm(sandbox, "of-a-new-authorization")
    assert not authorization.forget(connections.find("crm"), OAuth(CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN))
    assert connections.find("crm").extra["refresh_token"] == "of-a-new-authorization"


def test_the_refresh_token_that_tasks_have_kept_is_revoked_too(terminal: Terminal, oauth: Sandbox, database: None):
    with create_session() as session:
        session.add(Variable(VariableRefreshTokenStore(REFRESH_TOKEN).name, "kept-by-a-task"))
    assert terminal.run("revoke", "--yes") == 0
    assert [request.body["token"] for request in oauth.requests] == ["kept-by-a-task", REFRESH_TOKEN]


def test_an_api_token_is_not_revoked_from_here(terminal: Terminal, sandbox: Sandbox):
    assert terminal.run("revoke", "--yes") == 1
    assert "its user makes a new one in Pipedrive" in terminal.err
    assert sandbox.requests == []


def test_names_from_pipedrive_cannot_write_control_characters(terminal: Terminal, sandbox: Sandbox):
    me = next(user_id for user_id, user in sandbox.records("users").items() if user.get("is_admin"))
    sandbox.update("users", me, name="\x1b[2JEve\r\nConnected")
    assert terminal.run("check") == 0
    assert "?[2JEve Connected" in terminal.err
    assert "\x1b" not in terminal.err

"""``connect``: from the consent page to a connection, in a real browser's place and through a real callback server."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import stat
import struct
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from airflow.models import Connection
from airflow.utils.session import create_session
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.store import AppAuthorization
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.hooks.client_factory import client_of
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.cli.conftest import Browser, Terminal, press
from tests.conftest import API_TOKEN, CLIENT_ID, CLIENT_SECRET

ELSEWHERE = "https://airflow.example.com/callback"


def consent_page(shown: str) -> str:
    """The address of the consent page among the lines on the terminal."""
    return re.findall(r"^http\S+/oauth/authorize\S+$", shown, re.MULTILINE)[-1]


def printed(line: str) -> tuple[str, str]:
    """Name and value of a printed variable, as a shell reads them."""
    (word,) = shlex.split(line)
    name, _, value = word.partition("=")
    return name, value


def connections_sent(sandbox: Sandbox) -> int:
    return [request.path for request in sandbox.requests].count("/oauth/token")


# ---- through the browser


def test_connecting_through_the_browser_prints_a_connection_that_works(
    terminal: Terminal, app: list[str], browser: Browser, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    me = requests.get(f"{sandbox.url}/v1/users/me", headers={"x-api-token": API_TOKEN}, timeout=10).json()["data"]
    assert terminal.run("connect", *app, "--print", "json") == 0
    assert f"Connected as {me['name']} ({me['email']}), company" in terminal.err
    assert "Scopes: activities:full, activities:read, admin, base" in terminal.err
    name, value = printed(terminal.out)
    assert name == "AIRFLOW_CONN_PIPEDRIVE_DEFAULT"
    assert sorted(json.loads(value)) == ["conn_type", "extra", "host", "login", "password"]
    monkeypatch.setenv(name, value)
    assert PipedriveHook().run("getDeal", {"id": 1})["id"] == 1


def test_the_printed_uri_is_a_connection_that_works(
    terminal: Terminal, app: list[str], browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    assert terminal.run("connect", *app, "--print", "uri") == 0
    name, value = printed(terminal.out)
    assert value.startswith("pipedrive://")
    monkeypatch.setenv(name, value)
    assert PipedriveHook().run("getDeal", {"id": 1})["id"] == 1


def test_who_is_connected_is_asked_with_the_tokens_of_the_code_and_no_other(
    terminal: Terminal, app: list[str], browser: Browser, sandbox: Sandbox
):
    terminal.run("connect", *app, "--print", "json")
    assert connections_sent(sandbox) == 1
    assert sandbox.counters()["refreshes"] == 0


def test_secrets_are_printed_only_where_that_was_asked_for(
    terminal: Terminal, app: list[str], browser: Browser, database: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT")
    terminal.types("y")
    assert terminal.run("connect", *app, "--save", "pipedrive_default") == 0
    token = connections.find("pipedrive_default").extra["refresh_token"]
    assert terminal.out == ""
    for secret in (CLIENT_SECRET, token):
        assert secret not in terminal.err


def test_the_callback_page_says_that_the_tab_can_be_closed_and_lets_nothing_out(
    terminal: Terminal, app: list[str], browser: Browser
):
    terminal.run("connect", *app, "--print", "json")
    (page,) = browser.pages
    assert page.status_code == 200
    assert "You can close this tab" in page.text
    assert parse_qs(urlsplit(page.url).query)["code"][0] not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "server" not in page.headers


def test_the_list_of_processes_shows_nothing_to_answer_the_consent_page_with(
    terminal: Terminal, app: list[str], browser: Browser, sandbox: Sandbox
):
    seen: list[int] = []
    browser.while_open = lambda file: seen.extend([stat.S_IMODE(file.stat().st_mode), file.stat().st_uid])
    assert terminal.run("connect", *app, "--print", "json") == 0
    state = parse_qs(urlsplit(consent_page(terminal.err)).query)["state"][0]
    assert browser.opened.startswith("file:///")
    assert state not in browser.opened
    assert seen == [0o600, os.getuid()]
    assert not Path(urlsplit(browser.opened).path).exists()


def test_the_page_to_open_is_written_elsewhere_where_airflows_home_is_closed(
    terminal: Terminal, app: list[str], browser: Browser, tmp_path: Path, mocker: MockerFixture
):
    mocker.patch("airflow.configuration.AIRFLOW_HOME", str(tmp_path / "nowhere"))
    mocker.patch("tempfile.tempdir", str(tmp_path))
    assert terminal.run("connect", *app, "--print", "json") == 0
    assert browser.opened.startswith(tmp_path.as_uri())


@pytest.mark.parametrize(
    "sent", [b"", b"GET /callback HTT", b"GET /callback?code=C1&state=S0 HTTP/1.1\r\nHost: x\r\n\r\n"]
)
def test_a_browser_that_hangs_up_writes_nothing_and_the_callback_is_awaited(
    sent: bytes, terminal: Terminal, app: list[str], browser: Browser, callback_url: str
):
    parts = urlsplit(callback_url)

    def hang_up(_: str) -> None:
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            connection.sendall(sent)
            # No goodbye: a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    browser.before = hang_up
    assert terminal.run("connect", *app, "--print", "json") == 0
    assert "Traceback" not in terminal.err + terminal.out


def test_denying_ends_it_with_advice(terminal: Terminal, app: list[str], browser: Browser):
    browser.button = "Deny"
    assert terminal.run("connect", *app, "--print", "json") == 1
    assert "Error: Access was denied on Pipedrive's consent page. Connect again and press Allow." in terminal.err
    assert terminal.out == ""


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda address: re.sub("state=[^&]+", "state=foreign", address), 400),
        (lambda address: re.sub("&state=[^&]+", "", address), 400),
        (lambda address: re.sub("code=[^&]+&", "", address), 400),
        (lambda address: address + "&code=other", 400),
        (lambda address: address.replace("/callback", "/callback/"), 404),
        (lambda address: address.replace("/callback", "/../callback/x"), 404),
        (lambda address: address.replace("/callback", "/"), 404),
    ],
    ids=["foreign state", "no state", "no code", "two codes", "longer path", "deeper path", "other path"],
)
def test_a_wrong_callback_is_refused_and_the_right_one_awaited(
    change, status: int, terminal: Terminal, app: list[str], browser: Browser, sandbox: Sandbox
):
    browser.before = lambda address: browser.visit(change(address))
    assert terminal.run("connect", *app, "--print", "json") == 0
    assert [page.status_code for page in browser.pages] == [status, 200]
    assert browser.pages[0].headers["cache-control"] == "no-store"
    assert connections_sent(sandbox) == 1


def test_other_methods_and_other_host_names_are_refused_and_the_callback_awaited(
    terminal: Terminal, app: list[str], browser: Browser
):
    def before(address: str) -> None:
        browser.visit(address, method="POST")
        browser.visit(address, headers={"Host": "evil.example.com"})

    browser.before = before
    assert terminal.run("connect", *app, "--print", "json") == 0
    assert [page.status_code for page in browser.pages] == [501, 400, 200]
    assert "evil" not in browser.pages[1].text


def test_silent_connections_of_a_browser_do_not_hold_the_callback_up(
    terminal: Terminal, app: list[str], browser: Browser, callback_url: str
):
    silent: list[socket.socket] = []
    address = (urlsplit(callback_url).hostname, urlsplit(callback_url).port)
    browser.before = lambda _: silent.extend(socket.create_connection(address) for _ in range(3))
    assert terminal.run("connect", *app, "--print", "json") == 0
    for connection in silent:
        connection.close()


def test_nothing_listens_any_more_after_the_answer(
    terminal: Terminal, app: list[str], browser: Browser, callback_url: str
):
    terminal.run("connect", *app, "--print", "json")
    with pytest.raises(requests.ConnectionError):
        requests.get(callback_url, timeout=10)


def test_a_taken_port_is_told_before_anything_is_opened(
    terminal: Terminal, app: list[str], browser: Browser, callback_url: str
):
    with socket.create_server(("127.0.0.1", urlsplit(callback_url).port)):
        assert terminal.run("connect", *app, "--print", "json") == 2
    assert "cannot be listened to" in terminal.err
    assert "Traceback" not in terminal.err
    assert browser.pages == []


def test_a_code_that_comes_too_late_is_told(terminal: Terminal, app: list[str], browser: Browser, sandbox: Sandbox):
    browser.before = lambda address: sandbox.advance(301)
    assert terminal.run("connect", *app, "--print", "json") == 1
    assert "older than 5 minutes: connect again" in terminal.err


def test_a_wrong_client_secret_is_told_and_not_shown(
    terminal: Terminal, app: list[str], browser: Browser, tmp_path: Path
):
    secret = tmp_path / "secret"
    secret.write_text("WrongSecretOfTheApp\n")
    assert terminal.run("connect", *app, "--client-secret-file", str(secret), "--print", "json") == 1
    assert "Client id and client secret must be those of the app" in terminal.err
    assert "WrongSecretOfTheApp" not in terminal.err + terminal.out


def test_tokens_are_not_lost_when_pipedrive_does_not_say_who_is_connected(
    terminal: Terminal, app: list[str], browser: Browser, sandbox: Sandbox
):
    sandbox.fault(path="/v1/users/me", kind="html403", count=1)
    assert terminal.run("connect", *app, "--print", "json") == 0
    assert "Connected, but Pipedrive does not say as whom:" in terminal.err
    assert json.loads(printed(terminal.out)[1])["extra"]["refresh_token"]


# ---- without a browser


def test_without_a_browser_the_address_is_pasted(
    terminal: Terminal, app: list[str], browser: Browser, callback_url: str
):
    terminal.types(lambda shown: press("Allow", consent_page(shown)))
    assert terminal.run("connect", *app, "--no-browser", "--print", "json") == 0
    assert browser.pages == []
    assert json.loads(printed(terminal.out)[1])["extra"]["refresh_token"]


def test_any_registered_callback_works_by_pasting(terminal: Terminal, app: list[str], sandbox: Sandbox):
    terminal.types(lambda shown: press("Allow", consent_page(shown)))
    assert terminal.run("connect", *app, "--redirect-uri", ELSEWHERE, "--print", "json") == 0
    exchanged = next(request for request in sandbox.requests if request.path == "/oauth/token")
    assert exchanged.body["redirect_uri"] == ELSEWHERE


def test_a_wrong_paste_is_asked_for_again(terminal: Terminal, app: list[str]):
    terminal.types(
        "https://airflow.example.com/callback?code=C1&state=foreign",
        "C1",
        lambda shown: press("Allow", consent_page(shown)),
    )
    assert terminal.run("connect", *app, "--no-browser", "--print", "json") == 0
    assert "belongs to another attempt" in terminal.err
    assert "The callback has no code" in terminal.err


def test_a_pasted_denial_ends_it(terminal: Terminal, app: list[str]):
    terminal.types(lambda shown: press("Deny", consent_page(shown)))
    assert terminal.run("connect", *app, "--no-browser", "--print", "json") == 1
    assert "Access was denied" in terminal.err


def test_a_replayed_address_is_refused(terminal: Terminal, app: list[str], sandbox: Sandbox):
    used: list[str] = []

    def paste(shown: str) -> str:
        used.append(press("Allow", consent_page(shown)))
        return used[-1]

    terminal.types(paste)
    assert terminal.run("connect", *app, "--no-browser", "--print", "json") == 0
    terminal.types(lambda shown: used[0], "")
    assert terminal.run("connect", *app, "--no-browser", "--print", "json") == 1
    assert "belongs to another attempt" in terminal.err
    assert connections_sent(sandbox) == 1


def test_nobody_at_the_terminal_ends_it(terminal: Terminal, app: list[str]):
    assert terminal.run("connect", *app, "--no-browser", "--print", "json") == 1
    assert "Error: No address was pasted." in terminal.err


# ---- the redirect URI


def test_the_redirect_uri_is_the_command_lines_else_the_connections_else_the_configurations_else_a_local_one(
    terminal: Terminal, app: list[str], sandbox: Sandbox, database: None, monkeypatch: pytest.MonkeyPatch
):
    callback = app.index("--redirect-uri")
    given, rest = app[callback : callback + 2], app[:callback] + app[callback + 2 :]
    kept = AppAuthorization(CLIENT_ID, CLIENT_SECRET, "a-refresh-token", sandbox.url, sandbox.url)
    store.save_authorization("crm", kept)
    store.change_extra("crm", lambda extra: {**extra, "redirect_uri": "https://connection.example.com/callback"})

    def asked(*arguments: str) -> str:
        assert terminal.run("connect", *rest, "--no-browser", *arguments) == 1  # nothing is pasted
        return parse_qs(urlsplit(consent_page(terminal.err)).query)["redirect_uri"][0]

    assert asked() == "http://localhost:8910/callback"
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__REDIRECT_URI", "https://configured.example.com/callback")
    assert asked() == asked("--save", "new") == "https://configured.example.com/callback"
    assert asked("--save", "crm") == "https://connection.example.com/callback"
    assert asked("--save", "crm", *given) == given[1]


def test_a_configured_redirect_uri_that_is_none_is_named(
    terminal: Terminal, app: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__REDIRECT_URI", "airflow.example.com")
    callback = app.index("--redirect-uri")
    assert terminal.run("connect", *app[:callback], *app[callback + 2 :]) == 2
    assert "[pipedrive] redirect_uri must be a whole URL" in terminal.err


# ---- what is asked for, and what is refused at once


def test_what_is_missing_is_asked_for_and_the_secret_is_not_shown(
    terminal: Terminal, sandbox: Sandbox, browser: Browser, callback_url: str
):
    terminal.types(CLIENT_ID, CLIENT_SECRET, "json")
    hosts = ("--host", sandbox.url, "--oauth-host", sandbox.url)
    assert terminal.run("connect", "--redirect-uri", callback_url, *hosts) == 0
    assert "Client id of the app:" in terminal.err
    assert json.loads(printed(terminal.out)[1])["login"] == CLIENT_ID


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--redirect-uri", "localhost:8910"], "--redirect-uri must be a whole URL"),
        (["--redirect-uri", "http://localhost:port/"], "--redirect-uri must be a whole URL"),
        (["--redirect-uri", "ftp://localhost/"], "--redirect-uri must be a whole URL"),
        (["--redirect-uri", "https://\uff4cocalhost/"], "--redirect-uri must be a whole URL"),
        (["--redirect-uri", "https://storage.example\\@localhost/"], "--redirect-uri must be a whole URL"),
        (["--redirect-uri", "https://@localhost/"], "--redirect-uri must be a whole URL"),
        (["--host", "https://evil.example.com"], "--host: 'https://evil.example.com' is not a host"),
        (["--oauth-host", "http://oauth.pipedrive.com"], "--oauth-host: 'http://oauth.pipedrive.com' is not a host"),
        (["--client-id", "a b"], "There is no client id"),
        (["--client-secret", "TypedAsAnArgument"], "The file of --client-secret-file cannot be read"),
        (["--save", "my conn"], "'my conn' is not a valid connection id"),
    ],
)
def test_wrong_arguments_are_told_at_once(
    arguments: list[str], says: str, terminal: Terminal, app: list[str], browser: Browser
):
    assert terminal.run("connect", *app, *arguments) == 2
    assert f"Error: {says}" in terminal.err
    assert "TypedAsAnArgument" not in terminal.err
    assert browser.pages == []


# ---- saving


def test_the_connection_is_saved_in_the_metadata_database(
    terminal: Terminal, app: list[str], browser: Browser, database: None, sandbox: Sandbox
):
    terminal.types("y")
    assert terminal.run("connect", *app, "--save", "crm") == 0
    assert "Saved as connection 'crm' in Airflow's metadata database." in terminal.err
    connection = connections.find("crm").connection
    assert (connection.conn_type, connection.login, connection.password) == ("pipedrive", CLIENT_ID, CLIENT_SECRET)
    assert sorted(connection.extra_dejson) == ["oauth_host", "oauth_status", "refresh_token"]
    with client_of(connection) as client:
        assert client.run("getDeal", {"id": 1})["id"] == 1


def test_whose_account_it_is_is_asked_before_anything_is_saved(
    terminal: Terminal, app: list[str], browser: Browser, database: None, sandbox: Sandbox
):
    me = requests.get(f"{sandbox.url}/v1/users/me", headers={"x-api-token": API_TOKEN}, timeout=10).json()["data"]
    account = f"{me['name']} ({me['email']}), company {me['company_name']}, {sandbox.url}"
    terminal.types("n")
    assert terminal.run("connect", *app, "--save", "crm") == 1
    assert f"Save the connection to {account} as 'crm'? [y/N]" in terminal.err
    assert "Error: The connection was not saved: nobody agreed to the account." in terminal.err
    assert store.stored_in_database("crm") is None


def test_where_nobody_is_there_to_be_asked_nothing_is_saved(
    terminal: Terminal, app: list[str], browser: Browser, database: None
):
    assert terminal.run("connect", *app, "--save", "crm") == 1
    assert terminal.run("connect", *app) == 1
    assert "neither saved nor printed" in terminal.err
    assert (store.stored_in_database("crm"), store.stored_in_database("pipedrive_default")) == (None, None)


def test_a_script_saves_without_a_question(terminal: Terminal, app: list[str], browser: Browser, database: None):
    assert terminal.run("connect", *app, "--save", "crm", "--yes") == 0
    assert "[y/N]" not in terminal.err
    assert connections.find("crm").connection.login == CLIENT_ID


def test_connecting_again_keeps_the_other_settings_and_knows_the_app(
    terminal: Terminal,
    app: list[str],
    browser: Browser,
    database: None,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
):
    terminal.types("y")
    assert terminal.run("connect", *app, "--save", "crm") == 0
    before = connections.find("crm").extra
    store.change_extra("crm", lambda extra: {**extra, "refresh_token": "DeadRefreshToken"})
    monkeypatch.delenv("PIPEDRIVE_CLIENT_SECRET")
    known = app[2:]  # without the client id
    terminal.types("y")
    assert terminal.run("connect", *known, "--save", "crm") == 0
    after = connections.find("crm").extra
    assert after["refresh_token"] not in ("DeadRefreshToken", before["refresh_token"])


def test_saving_over_an_api_token_replaces_it_and_leaves_the_rest(
    terminal: Terminal, app: list[str], browser: Browser, database: None
):

    with create_session() as session:
        extra = {"api_token": "OldApiToken", "timeout": 12, "webhook_user": "pipe"}
        session.add(Connection(conn_id="crm", conn_type="pipedrive", host="old", extra=json.dumps(extra)))
    terminal.types("y")
    assert terminal.run("connect", *app, "--save", "crm") == 0
    found = connections.find("crm").extra
    assert sorted(found) == ["oauth_host", "oauth_status", "refresh_token", "timeout", "webhook_user"]
    assert found["timeout"] == 12


def test_a_connection_of_another_type_is_not_overwritten(
    terminal: Terminal, app: list[str], browser: Browser, database: None
):

    with create_session() as session:
        session.add(Connection(conn_id="crm", conn_type="http", host="example.com"))
    assert terminal.run("connect", *app, "--save", "crm") == 1
    assert "The connection 'crm' is of type http, not pipedrive: choose another id." in terminal.err
    assert browser.pages == []


def test_a_connection_that_the_environment_hides_is_told(
    terminal: Terminal, app: list[str], browser: Browser, database: None
):
    terminal.types("y")
    assert terminal.run("connect", *app, "--save", "pipedrive_default") == 0
    assert "But Airflow uses another connection 'pipedrive_default': AIRFLOW_CONN_PIPEDRIVE_DEFAULT" in terminal.err


def test_without_a_database_saving_is_refused_before_anybody_is_asked(
    terminal: Terminal, app: list[str], browser: Browser
):
    assert terminal.run("connect", *app, "--save", "crm") == 1
    assert "Airflow's metadata database cannot be used from here" in terminal.err
    assert browser.pages == []


def test_where_to_keep_it_is_asked_and_a_failure_is_not_the_end(terminal: Terminal, app: list[str], browser: Browser):
    terminal.types("my conn", "crm", "uri")
    assert terminal.run("connect", *app) == 0
    assert "'my conn' is not a valid connection id" in terminal.err
    assert "Airflow's metadata database cannot be used from here" in terminal.err
    assert printed(terminal.out)[1].startswith("pipedrive://")


def test_by_default_it_is_saved_as_pipedrive_default(
    terminal: Terminal, app: list[str], browser: Browser, database: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT")
    terminal.types("")
    assert terminal.run("connect", *app) == 0
    assert connections.find("pipedrive_default").connection.login == CLIENT_ID


# ---- as a program of its own


def test_the_program_connects_with_pipes_instead_of_a_terminal(sandbox: Sandbox, app: list[str]):
    command = [sys.executable, "-m", "airflow_provider_pipedrive", "connect", *app, "--no-browser", "--print", "json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env={**os.environ}) as program:
        shown = next(line for line in program.stderr if "/oauth/authorize" in line)
        out, _ = program.communicate(press("Allow", consent_page(shown)) + "\n", timeout=120)
    assert program.returncode == 0
    assert json.loads(printed(out)[1])["login"] == CLIENT_ID

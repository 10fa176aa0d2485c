"""Who may edit a connection but not read it does not get its secrets: not by a test, nor by any other button."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from airflow.models import Connection
from airflow.utils.session import create_session
from sqlalchemy import select, update

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.approved_routes import KEY
from airflow_provider_pipedrive.hooks.client_factory import client_of
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from tests.support.web_app import ORIGIN, Browser, add_connection, change, stored, text_of, token_on

NOTHING_SENT = "Nothing was sent"
NO_ANSWER = "No answer of Pipedrive's came back"


class Listener:
    """A proxy or a server of somebody else's; what it is sent is kept."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            with line:
                line.settimeout(2)
                self.heard.append(line.recv(65536))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    it = Listener()
    yield it
    it.close()


def on_pipedrive(conn_id: str = "crm", **extra: Any) -> None:
    """A connection to Pipedrive itself, whose secrets somebody has typed."""
    with create_session() as session:
        session.add(
            Connection(
                conn_id=conn_id,
                conn_type="pipedrive",
                host="acme",
                login=CLIENT_ID if "refresh_token" in extra else None,
                password=CLIENT_SECRET if "refresh_token" in extra else None,
                extra=json.dumps({"max_attempts": 1, "timeout": 5, **extra}),
            )
        )


def edit(conn_id: str = "crm", **fields: Any) -> None:
    """Change fields of a stored connection, as Airflow's form does."""
    with create_session() as session:
        row = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
        for name, value in fields.items():
            setattr(row, name, value)


def diverted(listener: Listener) -> dict[str, Any]:
    """What an editor would add to see what is sent."""
    return {"verify": False, "proxies": {"https": listener.url, "http": listener.url}}


# Airflow's setting


@pytest.mark.parametrize("setting", ["Disabled", "Hidden", "disabled", "", "nonsense"])
def test_nothing_is_tested_where_airflow_tests_nothing(
    setting: str, browser: Browser, crm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.connect()
    token = browser.form_token()
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", setting)
    sent = len(browser.pipedrive.requests)
    page = browser.post("test", conn_id="crm", token=token)
    assert page.status_code == 403
    assert "[core] test_connection" in text_of(page)
    assert len(browser.pipedrive.requests) == sent


@pytest.mark.parametrize(
    ("setting", "button"),
    [("Enabled", '<button class="">Test</button>'), ("Disabled", "<button disabled"), ("Hidden", "")],
)
def test_the_button_looks_as_airflows_own_does(
    setting: str, button: str, browser: Browser, crm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.connect()
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", setting)
    page = browser.get("page").text
    assert button in page
    assert (">Test</button>" in page) == bool(button)


# A way that was changed


@pytest.mark.parametrize("secrets", [{"api_token": API_TOKEN}, {"refresh_token": REFRESH_TOKEN}], ids=list)
@pytest.mark.parametrize("change_of", ["proxies and verify", "proxies", "verify", "bundle", "host", "oauth_host"])
def test_a_stored_secret_does_not_take_a_way_that_an_editor_has_set(
    change_of: str, secrets: dict[str, str], browser: Browser, listener: Listener
) -> None:
    on_pipedrive(**secrets)
    if change_of == "host":
        edit(host=listener.url)
    else:
        change(
            "crm",
            **{
                "proxies and verify": diverted(listener),
                "proxies": {"proxies": {"https": listener.url}},
                "verify": {"verify": "false"},
                "bundle": {"verify": "/etc/hostname"},
                "oauth_host": {"oauth_host": listener.url},
            }[change_of],
        )
    assert NOTHING_SENT in text_of(browser.post("test", conn_id="crm"))
    assert NOTHING_SENT in text_of(browser.post("disconnect", conn_id="crm")) or "api_token" in secrets
    assert listener.heard == []


def test_the_clients_secret_is_not_sent_either_by_connecting(browser: Browser, crm: str, listener: Listener) -> None:
    change("crm", oauth_host=listener.url)
    assert NOTHING_SENT in text_of(browser.post("connect", conn_id="crm"))
    browser.get("callback?code=made-up")
    assert NOTHING_SENT in text_of(browser.finish(conn_id="crm"))
    assert listener.heard == []


def test_an_answer_to_an_attempt_that_began_before_the_change_sends_nothing(
    browser: Browser, crm: str, listener: Listener
) -> None:
    address = browser.consent(browser.start())
    change("crm", oauth_host=listener.url)
    assert NOTHING_SENT in text_of(browser.get(address))
    assert listener.heard == []


def test_an_approval_goes_with_one_secret_and_one_way(browser: Browser, listener: Listener) -> None:
    """Neither an approval of another connection nor one of another way helps."""
    on_pipedrive("theirs", api_token="TokenOfTheEditor0123456789", **diverted(listener))
    on_pipedrive(api_token=API_TOKEN)
    change("crm", **diverted(listener), **{KEY: stored("theirs")[KEY]})
    assert NOTHING_SENT in text_of(browser.post("test", conn_id="crm"))
    change("crm", **{KEY: ["0" * 40, None, 7], "oauth_status": {KEY: "0" * 40}})
    assert NOTHING_SENT in text_of(browser.post("test", conn_id="crm"))
    assert listener.heard == []


def test_one_typed_secret_does_not_speak_for_the_others(browser: Browser, listener: Listener) -> None:
    """An editor types another client secret, and leaves the refresh token as it is."""
    on_pipedrive(refresh_token=REFRESH_TOKEN)
    with create_session() as session:
        row = session.scalar(select(Connection).where(Connection.conn_id == "crm"))
        row.set_password("SecretOfTheEditor0123456789")
        row.set_extra(json.dumps({**row.extra_dejson, **diverted(listener)}))
    assert NOTHING_SENT in text_of(browser.post("test", conn_id="crm"))
    assert listener.heard == []


def test_secrets_that_were_typed_with_their_way_take_it(browser: Browser, listener: Listener) -> None:
    on_pipedrive(api_token=API_TOKEN, **diverted(listener))
    assert NO_ANSWER in text_of(browser.post("test", conn_id="crm"))
    assert listener.heard[0].startswith(b"CONNECT acme.pipedrive.com:443")


def test_someone_who_knows_the_secrets_can_approve_a_way(browser: Browser, pipedrive: Sandbox) -> None:
    add_connection(pipedrive, "crm", refresh_token=REFRESH_TOKEN)
    change("crm", **{KEY: []})
    assert NOTHING_SENT in text_of(browser.post("test", conn_id="crm"))
    page = browser.get("approve?conn_id=crm")
    assert "leads to a host on this machine" in text_of(page)
    assert REFRESH_TOKEN not in page.text
    wrong = browser.post("approve", conn_id="crm", client_secret=CLIENT_SECRET, refresh_token="wrong")
    assert "what was entered is not what the connection holds" in text_of(wrong)
    assert NOTHING_SENT in text_of(browser.post("test", conn_id="crm"))
    browser.post("approve", conn_id="crm", client_secret=CLIENT_SECRET, refresh_token=REFRESH_TOKEN)
    assert "crm works" in text_of(browser.post("test", conn_id="crm"))
    assert "crm works" in text_of(browser.post("test", conn_id="crm"))  # with the renewed token


def test_the_clients_secret_alone_is_enough_to_connect_again(browser: Browser, pipedrive: Sandbox) -> None:
    """Nobody has a refresh token at hand; a new one comes over the approved way."""
    add_connection(pipedrive, "crm", refresh_token=REFRESH_TOKEN)
    change("crm", **{KEY: []})
    assert "Not approved" in text_of(browser.post("approve", conn_id="crm"))
    browser.post("approve", conn_id="crm", client_secret=CLIENT_SECRET)
    assert NOTHING_SENT in text_of(browser.post("test", conn_id="crm"))
    assert "Connected as" in text_of(browser.connect())
    assert "crm works" in text_of(browser.post("test", conn_id="crm"))


def test_a_viewer_approves_nothing(viewer: Browser, crm: str) -> None:
    assert viewer.get("approve?conn_id=crm").status_code == 403
    assert viewer.post("approve", conn_id="crm").status_code == 403


def test_plain_sql_approves_nothing(browser: Browser, pipedrive: Sandbox, listener: Listener) -> None:
    add_connection(pipedrive, "crm", login="", api_token=API_TOKEN)
    with create_session() as session:
        session.execute(update(Connection).values(host=listener.url))
    assert NOTHING_SENT in text_of(browser.post("test", conn_id="crm"))
    assert listener.heard == []


# Airflow's own form, REST API and Test


def rest(browser: Browser, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
    token = browser.http.cookies["_token"]
    headers = {"Authorization": f"Bearer {token}"}
    return browser.http.request(method, f"{ORIGIN}/api/v2/{path}", json=body, headers=headers)


def test_airflows_own_test_sends_no_stored_secret_another_way(
    browser: Browser, listener: Listener, assets: None
) -> None:
    on_pipedrive(api_token=API_TOKEN)
    extra = {"api_token": "***", "max_attempts": 1, "timeout": 5, **diverted(listener)}
    body = {"connection_id": "crm", "conn_type": "pipedrive", "host": "acme", "extra": json.dumps(extra)}
    answer = rest(browser, "POST", "connections/test", body)
    assert answer.status_code == 200, answer.text
    assert NOTHING_SENT in answer.json()["message"]
    body["extra"] = json.dumps({"api_token": "***", "verify": "/etc/hostname"})
    assert NOTHING_SENT in rest(browser, "POST", "connections/test", body).json()["message"]
    assert listener.heard == []


def test_airflows_form_approves_what_is_typed_and_not_what_is_kept(
    browser: Browser, listener: Listener, assets: None
) -> None:
    extra = {"api_token": API_TOKEN, "max_attempts": 1, "timeout": 5}
    body = {"connection_id": "crm", "conn_type": "pipedrive", "host": "acme"}
    typed = body | {"extra": json.dumps({**extra, "proxies": {"https": listener.url}})}
    assert rest(browser, "POST", "connections", typed).status_code == 201
    assert len(stored()[KEY]) == 1
    moved = body | {"extra": json.dumps({**extra, "api_token": "***", **diverted(listener), KEY: stored()[KEY]})}
    assert rest(browser, "PATCH", "connections/crm", moved).status_code == 200
    assert stored()["api_token"] == API_TOKEN
    assert NOTHING_SENT in text_of(browser.post("test", conn_id="crm"))
    assert listener.heard == []


def test_a_task_needs_no_approval(pipedrive: Sandbox, browser: Browser) -> None:
    add_connection(pipedrive, "crm", login="", api_token=API_TOKEN)
    change("crm", **{KEY: []})
    with client_of(store.find("crm").connection) as client:
        assert client.run("getCurrentUser")["id"]


# What errors say of the server


def test_errors_tell_neither_files_nor_ports_of_the_server(browser: Browser, listener: Listener) -> None:
    """The editor's own token, a way that is stored with it, and the same sentence whatever is there."""
    free = socket.create_server(("127.0.0.1", 0))
    closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    free.close()
    said = set()
    for number, way in enumerate(
        [
            {"verify": "/etc/hostname", "proxies": {"https": closed}},
            {"verify": "/etc/not-there", "proxies": {"https": closed}},
            {"verify": "/etc/hostname", "proxies": {"https": listener.url}},
            {"verify": "/root", "proxies": {"https": "socks9://127.0.0.1:1"}},
        ]
    ):
        on_pipedrive(f"c{number}", api_token="TokenOfTheEditor0123456789", **way)
        said.add(
            text_of(browser.post("test", conn_id=f"c{number}")).partition(f"c{number}: ")[2].partition(" tells")[0]
        )
    for number, host in enumerate([closed, listener.url]):
        on_pipedrive(f"h{number}", api_token="TokenOfTheEditor0123456789")
        edit(f"h{number}", host=host)
        with create_session() as session:  # the token is typed again, with the host
            row = session.scalar(select(Connection).where(Connection.conn_id == f"h{number}"))
            row.set_extra(json.dumps({**row.extra_dejson, "api_token": "AnotherOfTheEditor0123456"}))
        page = text_of(browser.post("test", conn_id=f"h{number}"))
        said.add(page.partition(f"h{number}: ")[2].partition(" tells")[0].replace("to a host on this machine", "W"))
    assert len(said) == 2, said
    assert all(text.startswith(NO_ANSWER) for text in said)


# The Marketplace's form


def test_a_form_is_good_for_the_installation_it_was_shown_for(browser: Browser, crm: str) -> None:
    """A second code, slipped into the browser while the form of the first is open."""
    browser.get(browser.install())
    page = browser.get("finish")
    browser.get("callback?code=of-somebody-else")
    answer = browser.post("finish", conn_id="crm", token=token_on(page))
    assert answer.status_code == 409
    assert "Another installation has come meanwhile" in text_of(answer)
    assert browser.post("finish", conn_id="crm").status_code == 409
    assert "refresh_token" not in stored()


def test_the_account_is_named_before_anything_is_stored(browser: Browser, crm: str) -> None:
    browser.get(browser.install())
    page = browser.choose(conn_id="crm")
    assert "Is this your account?" in text_of(page)
    assert "Sandbox Ltd" in text_of(page)
    assert "refresh_token" not in stored()
    assert not [c.value for c in browser.http.cookies.jar if "refresh-" in str(c.value)]
    assert browser.post("confirm").status_code == 409  # a token of another page
    assert "refresh_token" not in stored()


def test_tokens_that_wait_belong_to_one_user(browser: Browser, crm: str) -> None:
    browser.get(browser.install())
    browser.choose(conn_id="crm")
    browser.sign_in("other")
    assert browser.get("confirm").status_code == 410
    assert browser.post("confirm", replace="yes").status_code == 410
    assert "refresh_token" not in stored()


def test_no_connection_is_chosen_beforehand_and_one_in_use_needs_a_word_more(browser: Browser, crm: str) -> None:
    browser.connect()
    before = stored()["refresh_token"]
    browser.get(browser.install())
    page = browser.get("finish")
    assert "checked" not in page.text.split("<form", 1)[1]
    assert "In use: its account would be replaced." in text_of(page)
    refused = browser.finish(conn_id="crm")
    assert "crm is in use: tick the box" in text_of(refused)
    assert stored()["refresh_token"] == before
    page = browser.get("confirm")
    assert "Connected as" in text_of(browser.post("confirm", token=token_on(page), replace="yes"))
    assert stored()["refresh_token"] != before


def test_the_environments_connections_need_no_approval(
    browser: Browser, pipedrive: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "pipedrive", "host": pipedrive.url, "extra": {"api_token": API_TOKEN}}
    monkeypatch.setenv("AIRFLOW_CONN_FROM_ENV", json.dumps(connection))
    assert store.find("from_env").source == "environment"
    assert "from_env works" in text_of(browser.post("test", conn_id="from_env"))

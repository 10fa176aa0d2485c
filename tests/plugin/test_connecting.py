from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
import requests
from airflow.models import Connection
from airflow.utils.session import create_session
from sqlalchemy import select, update

from airflow_provider_pipedrive.__main__ import main
from airflow_provider_pipedrive.accounts import authorization, store
from airflow_provider_pipedrive.hooks.client_factory import client_of
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, oauth_connection
from tests.support.web_app import PAGES, Browser, Clock, add_connection, change, forget_fernet, stored, text_of

DAY = 86_400


def test_connecting_stores_a_refresh_token_and_says_as_whom(browser: Browser, crm: str) -> None:
    page = browser.connect()
    assert str(page.url) == f"{PAGES}/connected?conn_id=crm"
    me, company = whoami(browser.pipedrive)
    assert f"Connected as {me}" in text_of(page)
    assert f"Company {company}" in text_of(page)
    extra = stored()
    assert extra["refresh_token"].startswith("refresh-")
    assert "access_token" not in extra
    assert extra["oauth_status"]["state"] == "connected"


def test_the_refresh_token_is_stored_as_airflow_stores_secrets(browser: Browser, crm: str) -> None:
    browser.connect()
    with create_session() as session:
        row = session.scalar(select(Connection).where(Connection.conn_id == "crm"))
        assert row.is_extra_encrypted
        assert row._extra.startswith("gAAAAA")


def test_a_task_can_use_the_connection_then(browser: Browser, crm: str) -> None:
    browser.connect()
    with client_of(Connection.get_connection_from_secrets("crm")) as client:
        assert len(client.run("getDeals")) == 30


def test_a_new_connection_is_created_from_the_page(browser: Browser) -> None:
    page = browser.post("create", conn_id="sales", client_id="an-app", client_secret="its-secret", redirect_uri="")
    assert "Created 'sales'" in text_of(page)
    assert "its-secret" not in page.text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("conn_id", "my crm", "The connection id may have letters"),
        ("client_id", "two words", "The client id is missing or has spaces"),
        ("client_secret", "", "The client secret is missing or has spaces"),
        ("redirect_uri", "airflow.example.com", "must be a whole URL"),
        ("conn_id", "crm", "There is a connection 'crm' already"),
    ],
)
def test_a_wrong_field_of_a_new_connection_is_named(
    browser: Browser, crm: str, field: str, value: str, said: str
) -> None:
    form = {"conn_id": "sales", "client_id": "an-app", "client_secret": "its-secret", "redirect_uri": "", field: value}
    assert said in text_of(browser.post("create", **form))
    assert stored("sales") == {}


def test_denying_changes_nothing_and_says_so(browser: Browser, crm: str) -> None:
    page = browser.get(browser.consent(browser.start(), "Deny"))
    assert "crm: Access was denied on Pipedrive's consent page" in text_of(page)
    assert "refresh_token" not in stored()


def test_a_code_that_came_too_late_is_explained(browser: Browser, crm: str) -> None:
    address = browser.consent(browser.start())
    browser.pipedrive.advance(301)
    assert "older than 5 minutes" in text_of(browser.get(address))
    assert "refresh_token" not in stored()


def test_two_tabs_at_once_are_both_connected(browser: Browser, crm: str) -> None:
    add_connection(browser.pipedrive, "second")
    first, second = browser.start("crm"), browser.start("second")
    assert "Connected as" in text_of(browser.get(browser.consent(second)))
    assert "Connected as" in text_of(browser.get(browser.consent(first)))
    assert stored("crm")["refresh_token"] != stored("second")["refresh_token"]


def test_two_tabs_for_the_same_connection_end_with_the_last_answer(browser: Browser, crm: str) -> None:
    first, second = browser.start(), browser.start()
    browser.get(browser.consent(first))
    before = stored()["refresh_token"]
    assert "Connected as" in text_of(browser.get(browser.consent(second)))
    assert stored()["refresh_token"] != before


def test_a_revoked_authorization_is_recognized_and_connected_again(browser: Browser, crm: str) -> None:
    browser.connect()
    revoke(browser.pipedrive, stored()["refresh_token"])
    page = browser.post("test", conn_id="crm")
    assert "connect the account again" in text_of(page)
    assert "crm revoked" in text_of(page)
    assert "Connected as" in text_of(browser.connect())
    assert "crm connected" in text_of(browser.get("page"))


def test_an_authorization_that_was_idle_for_60_days_is_expired(browser: Browser, crm: str, clock: Clock) -> None:
    browser.connect()
    assert "crm connected" in text_of(browser.get("page"))
    clock.passed = 61 * DAY
    browser.sign_in("admin")
    page = text_of(browser.get("page"))
    assert "crm expired" in page
    assert "Expired" in page


def test_the_page_says_from_when_on_an_idle_authorization_may_expire(
    browser: Browser, crm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change("crm", refresh_token="r", oauth_status={"state": "connected", "renewed": "2126-01-01T00:00:00+00:00"})
    assert "Expires if idle 2126-03-02 at the earliest" in text_of(browser.get("page"))


def test_testing_renews_the_authorization_and_its_idle_days(browser: Browser, crm: str, clock: Clock) -> None:
    browser.connect()
    before = stored()["oauth_status"]["renewed"]
    clock.passed = 30 * DAY
    page = browser.post("test", conn_id="crm")
    assert "crm works: connected as" in text_of(page)
    assert stored()["oauth_status"]["renewed"] > before


def test_a_refresh_token_that_the_test_gets_anew_is_kept(browser: Browser, crm: str) -> None:
    with Sandbox(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, rotate_refresh_tokens=True, deals=1) as rotating:
        add_connection(rotating, "rotating", refresh_token="sandbox-refresh-token")
        assert "rotating works" in text_of(browser.post("test", conn_id="rotating"))
        assert stored("rotating")["refresh_token"] != "sandbox-refresh-token"
        assert "rotating works" in text_of(browser.post("test", conn_id="rotating"))


def test_a_refresh_token_that_a_task_has_kept_is_taken_and_stored(browser: Browser) -> None:
    with Sandbox(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, rotate_refresh_tokens=True, deals=1) as rotating:
        add_connection(rotating, "rotating", refresh_token="sandbox-refresh-token")
        with client_of(store.find("rotating").connection) as client:
            client.run("getDeal", {"id": 1})  # as a task does: Pipedrive replaces the token
        assert "rotating works" in text_of(browser.post("test", conn_id="rotating"))
        assert stored("rotating")["refresh_token"] != "sandbox-refresh-token"
        assert "rotating works" in text_of(browser.post("test", conn_id="rotating"))


def test_a_token_that_another_server_has_renewed_meanwhile_is_taken(browser: Browser, crm: str) -> None:
    change("crm", refresh_token="replaced-meanwhile")
    read_too_early = store.find("crm")
    change("crm", refresh_token=REFRESH_TOKEN)
    assert "company" in authorization.test(read_too_early)
    assert stored()["oauth_status"]["state"] == "connected"


def test_an_api_token_is_tested_and_not_touched(browser: Browser) -> None:
    add_connection(browser.pipedrive, "token", login="", api_token=API_TOKEN)
    assert "token API token" in text_of(browser.get("page"))
    page = text_of(browser.post("test", conn_id="token"))
    me, _company = whoami(browser.pipedrive)
    assert f"token works: connected as {me}" in page
    assert f"Connected as {me}" in page
    assert stored("token")["api_token"] == API_TOKEN


def test_a_connection_without_a_port_is_tested(browser: Browser, crm: str) -> None:
    """Airflow 3.3.2's own Test button refuses such a connection."""
    change("crm", refresh_token=REFRESH_TOKEN)
    assert "crm works" in text_of(browser.post("test", conn_id="crm"))


def test_disconnecting_asks_first_then_revokes_and_forgets_the_tokens(browser: Browser, crm: str) -> None:
    browser.connect()
    token = stored()["refresh_token"]
    assert "Disconnect crm?" in text_of(browser.get("disconnect?conn_id=crm"))
    assert stored()["refresh_token"] == token
    page = browser.post("disconnect", conn_id="crm")
    assert "crm is disconnected" in text_of(page)
    assert "refresh_token" not in stored()
    assert [r.body["token"] for r in browser.pipedrive.requests if r.path == "/oauth/revoke"] == [token]


def test_a_connection_that_was_revoked_from_the_shell_is_shown_as_disconnected(browser: Browser, crm: str) -> None:
    browser.connect()
    main(["revoke", "crm", "--yes"])
    page = text_of(browser.get("page"))
    assert "not connected" in page
    assert "Was connected as" in page
    assert "refresh_token" not in stored()


def test_another_company_than_before_is_pointed_out(browser: Browser, crm: str) -> None:
    change("crm", oauth_status={"state": "connected", "company": "Umbrella", "company_id": 4711})
    assert "Before, it belonged to another company: Umbrella." in text_of(browser.connect())


def test_what_else_the_connection_says_stays(browser: Browser, crm: str) -> None:
    change("crm", timeout=60, webhook_url="https://airflow.example.com/hook")
    browser.connect()
    assert (stored()["timeout"], stored()["webhook_url"]) == (60, "https://airflow.example.com/hook")


def test_an_api_token_gives_way_to_the_authorization(browser: Browser, crm: str) -> None:
    change("crm", api_token=API_TOKEN)
    browser.connect()
    assert "api_token" not in stored()


def test_a_connection_without_an_app_says_what_it_lacks(browser: Browser) -> None:
    add_connection(browser.pipedrive, "bare", login="")
    assert "give it the app's client id and secret" in text_of(browser.get("page"))
    assert "names no app" in text_of(browser.post("connect", conn_id="bare"))


def test_an_airflow_that_stores_unencrypted_says_so(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "unencrypted" not in text_of(browser.get("page"))
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", "a-secret-of-the-web-servers")
    forget_fernet()
    assert "stores passwords and tokens unencrypted" in text_of(browser.get("page"))


def test_an_airflow_without_any_secret_keeps_nothing(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", "")
    page = browser.get("page")
    assert page.status_code == 400
    assert "neither [core] fernet_key nor [api] secret_key" in text_of(page)


# Where connections come from


def test_an_environment_variable_is_shown_with_how_to_update_it(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FROM_ENV", oauth_connection(browser.pipedrive))
    page = text_of(browser.get("page"))
    assert "from_env authorized, not tested here yet environment variable" in page
    assert "Set by the environment variable AIRFLOW_CONN_FROM_ENV" in page
    assert "from_env works" in text_of(browser.post("test", conn_id="from_env"))


def test_an_environment_variable_hides_the_stored_connection(
    browser: Browser, crm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM", oauth_connection(browser.pipedrive))
    assert text_of(browser.get("page")).count("crm authorized") == 1
    page = browser.post("connect", conn_id="crm")
    assert page.status_code == 409
    assert "comes before the database" in text_of(page)


def test_a_variable_that_is_no_connection_does_not_break_the_page(
    browser: Browser, crm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", "{not json")
    assert browser.get("page").status_code == 200


def test_a_connection_of_another_fernet_key_does_not_break_the_page(browser: Browser, crm: str) -> None:
    with create_session() as session:
        session.execute(update(Connection).values({"_extra": "gAAAAABnotours"}))
    page = text_of(browser.get("page"))
    assert "crm cannot be read" in page
    assert "another Fernet key" in page


def test_connections_of_other_types_are_not_touched(browser: Browser) -> None:
    with create_session() as session:
        session.add(Connection(conn_id="db", conn_type="postgres", password="p"))
    assert "There is no connection 'db' of type Pipedrive" in text_of(browser.post("connect", conn_id="db"))


# The redirect URI


@pytest.mark.parametrize(
    ("where", "value", "expected"),
    [
        ("AIRFLOW__PIPEDRIVE__REDIRECT_URI", "http://127.0.0.1:8080/other/cb", "http://127.0.0.1:8080/other/cb"),
        ("AIRFLOW__API__BASE_URL", "http://127.0.0.1:8080", "http://127.0.0.1:8080/pipedrive/callback"),
        ("UNSET", "", "http://127.0.0.1:8080/pipedrive/callback"),
    ],
)
def test_the_redirect_uri_comes_from_the_configuration(
    browser: Browser, crm: str, monkeypatch: pytest.MonkeyPatch, where: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(where, value)
    assert expected in text_of(browser.get("page"))
    assert f"redirect_uri={quoted(expected)}" in browser.start()


def test_the_connections_own_redirect_uri_comes_first(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__REDIRECT_URI", "http://127.0.0.1:8080/wrong")
    add_connection(browser.pipedrive, "crm", redirect_uri="http://127.0.0.1:8080/pipedrive/callback")
    assert "Connected as" in text_of(browser.connect())


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (
            "AIRFLOW__PIPEDRIVE__REDIRECT_URI",
            "https://airflow.example.com/pipedrive/callback",
            "Open it at https://airflow.example.com",
        ),
        ("AIRFLOW__API__BASE_URL", "https://airflow.example.com", "its address is https://airflow.example.com"),
    ],
)
def test_a_browser_that_would_return_to_another_host_is_told_so(
    browser: Browser, crm: str, monkeypatch: pytest.MonkeyPatch, where: str, value: str, said: str
) -> None:
    monkeypatch.setenv(where, value)
    assert said in text_of(browser.post("connect", conn_id="crm"))


# The Marketplace


def test_an_installation_from_the_marketplace_waits_for_a_choice(browser: Browser, crm: str) -> None:
    page = browser.get(browser.install())
    assert str(page.url) == f"{PAGES}/finish"
    assert "code-" not in page.text
    assert "refresh_token" not in stored()
    page = browser.finish(conn_id="crm")
    assert "Connected as" in text_of(page)
    assert stored()["refresh_token"].startswith("refresh-")


def test_a_guest_is_sent_to_the_login_and_back(guest: Browser, crm: str) -> None:
    page = guest.get(guest.install())
    assert page.headers["location"] == "/auth/login?next=%2Fpipedrive%2Ffinish"
    guest.sign_in("admin")
    assert "Finish the installation" in text_of(guest.get("finish"))
    assert "Connected as" in text_of(guest.finish(conn_id="crm"))


def test_an_installation_can_make_its_connection(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.get(browser.install())
    form = {"new_conn_id": "fresh", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    browser.finish(**form)
    assert stored("fresh") == {} or "refresh_token" not in stored("fresh")  # its OAuth host is Pipedrive's, not here


def test_a_held_code_is_forgotten_after_five_minutes(browser: Browser, crm: str, clock: Clock) -> None:
    browser.get(browser.install())
    clock.passed = 301
    page = browser.post("finish", conn_id="crm")
    assert page.status_code == 410
    assert "The installation has to begin again" in text_of(page)


def test_the_wrong_app_can_be_chosen_once_without_losing_the_code(browser: Browser, crm: str) -> None:
    add_connection(browser.pipedrive, "wrong", login="another-app")
    browser.get(browser.install())
    page = browser.finish(conn_id="wrong")
    assert "wrong is not connected" in text_of(page)
    assert "Connected as" in text_of(browser.finish(conn_id="crm"))


# Uninstalled in Pipedrive


def test_an_uninstalled_app_marks_its_connection_revoked(browser: Browser, crm: str) -> None:
    browser.connect()
    memory = stored()["oauth_status"]
    told = {"client_id": CLIENT_ID, "company_id": memory["company_id"], "user_id": memory["user_id"]}
    assert uninstall(browser, told).status_code == 204
    assert "crm revoked" in text_of(browser.get("page"))


def test_another_companys_connection_of_the_same_app_stays(browser: Browser, crm: str) -> None:
    browser.connect()
    add_connection(browser.pipedrive, "elsewhere", oauth_status={"state": "connected", "company_id": 9, "user_id": 9})
    assert uninstall(browser, {"client_id": CLIENT_ID, "company_id": 9, "user_id": 9}).status_code == 204
    assert stored()["oauth_status"]["state"] == "connected"
    assert stored("elsewhere")["oauth_status"]["state"] == "revoked"


def test_an_apps_only_connection_is_marked_even_if_nobody_asked_whose_it_is(browser: Browser, crm: str) -> None:
    change("crm", refresh_token=REFRESH_TOKEN)
    assert uninstall(browser, {"client_id": CLIENT_ID, "company_id": 9, "user_id": 9}).status_code == 204
    assert stored()["oauth_status"]["state"] == "revoked"


def quoted(text: str) -> str:
    return quote(text, safe="")


def whoami(pipedrive: Sandbox) -> tuple[str, str]:
    me = requests.get(f"{pipedrive.url}/v1/users/me", headers={"x-api-token": API_TOKEN}, timeout=10).json()["data"]
    return f"{me['name']} ({me['email']})", me["company_name"]


def revoke(pipedrive: Sandbox, token: str) -> None:
    answer = requests.post(
        f"{pipedrive.url}/oauth/revoke", data={"token": token}, auth=(CLIENT_ID, CLIENT_SECRET), timeout=10
    )
    answer.raise_for_status()


def uninstall(browser: Browser, told: Any, secret: str = CLIENT_SECRET) -> Any:
    """What Pipedrive sends when a user uninstalls the app."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return browser.http.request("DELETE", f"{PAGES}/callback", content=body, auth=(CLIENT_ID, secret))

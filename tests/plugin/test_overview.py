"""The page of all connections: what it shows, and what its buttons do."""

from __future__ import annotations

import pytest
from airflow.models import Connection
from airflow.utils.session import create_session
from sqlalchemy import update

from airflow_provider_pipedrive.accounts import authorization, store
from airflow_provider_pipedrive.hooks.client_factory import client_of
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, oauth_connection
from tests.support.web_app import Browser, Clock, add_connection, change, forget_fernet, stored, text_of, whoami

DAY = 86_400


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

from __future__ import annotations

import requests
from airflow.models import Connection
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_provider_pipedrive.hooks.client_factory import client_of
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN, CLIENT_ID, CLIENT_SECRET
from tests.support.web_app import PAGES, Browser, add_connection, change, stored, text_of, whoami


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


def revoke(pipedrive: Sandbox, token: str) -> None:
    answer = requests.post(
        f"{pipedrive.url}/oauth/revoke", data={"token": token}, auth=(CLIENT_ID, CLIENT_SECRET), timeout=10
    )
    answer.raise_for_status()

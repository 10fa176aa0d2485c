"""An authorization that is given back, or ended by its user in Pipedrive."""

from __future__ import annotations

import json
from typing import Any

import requests

from airflow_provider_pipedrive.__main__ import main
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from tests.support.web_app import PAGES, Browser, add_connection, change, stored, text_of


def revoke(pipedrive: Sandbox, token: str) -> None:
    answer = requests.post(
        f"{pipedrive.url}/oauth/revoke", data={"token": token}, auth=(CLIENT_ID, CLIENT_SECRET), timeout=10
    )
    answer.raise_for_status()


def uninstall(browser: Browser, told: Any, secret: str = CLIENT_SECRET) -> Any:
    """What Pipedrive sends when a user uninstalls the app."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return browser.http.request("DELETE", f"{PAGES}/callback", content=body, auth=(CLIENT_ID, secret))


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

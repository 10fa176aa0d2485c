"""Installations that began in Pipedrive's Marketplace."""

from __future__ import annotations

import pytest

from tests.conftest import CLIENT_ID, CLIENT_SECRET
from tests.support.web_app import PAGES, Browser, Clock, add_connection, stored, text_of


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

"""Who is there, and what they may do, as Airflow itself says."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_pipedrive.plugin import access
from tests.support.web_app import PAGES, Browser, text_of


def test_the_login_leads_on_to_the_page_that_was_asked_for() -> None:
    assert parse_qs(urlsplit(access.login_path("/pipedrive/finish")).query)["next"] == ["/pipedrive/finish"]


@pytest.mark.parametrize(
    ("configured", "expected"), [("Enabled", "enabled"), (" HIDDEN ", "hidden"), ("Disabled", "disabled")]
)
def test_whether_connections_are_tested_is_airflows_own_setting(
    configured: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", configured)
    assert access.testing() == expected


def test_where_airflow_tests_no_connections_the_page_does_not_either(
    browser: Browser, crm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Disabled")
    sent = len(browser.pipedrive.requests)
    page = browser.post("test", conn_id="crm")
    assert page.status_code == 403
    assert "[core] test_connection decides that" in text_of(page)
    assert len(browser.pipedrive.requests) == sent


def test_a_guest_is_nobody_and_a_viewer_may_edit_nothing(guest: Browser, viewer: Browser, crm: str) -> None:
    assert guest.get("page").headers["location"].startswith("/auth/login")
    assert viewer.get("page").status_code == 403
    assert viewer.get(f"{PAGES}/connected?conn_id=crm").status_code == 403

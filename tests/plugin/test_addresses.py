"""The redirect URI: where it comes from, and whether a browser returns there."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support.web_app import Browser, add_connection, text_of


def quoted(text: str) -> str:
    return quote(text, safe="")


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

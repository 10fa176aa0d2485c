"""An Airflow connection becomes a client: every form of it, and what is said where it cannot."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveParameterError,
)
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, oauth_connection


@pytest.mark.parametrize("form", ["JSON", "URI", "URI with __extra__"])
def test_an_api_token_connection_works_in_every_form(
    form: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"api_token": API_TOKEN, "timeout": "5", "max_attempts": "2", "burst_limit": "500"}
    forms = {
        "JSON": json.dumps({"conn_type": "pipedrive", "host": sandbox.url, "extra": extra}),
        "URI": f"pipedrive://{sandbox.url}?" + "&".join(f"{key}={value}" for key, value in extra.items()),
        "URI with __extra__": f"pipedrive://{quote(sandbox.url, safe='')}?__extra__={quote(json.dumps(extra))}",
    }
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", forms[form])
    hook = PipedriveHook("other")
    assert hook.run("getCurrentUser")["id"]
    settings = hook.client.settings
    assert (settings.timeout, settings.max_attempts, settings.burst_limit) == (5.0, 2, 500)


def test_an_oauth_connection_needs_nothing_but_a_refresh_token(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(sandbox))
    assert PipedriveHook().run("getDeal", {"id": 1})["id"] == 1
    assert PipedriveHook().run("getDeal", {"id": 2})["id"] == 2
    assert sandbox.counters()["refreshes"] == 1


def test_an_oauth_connection_as_uri(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"refresh_token": REFRESH_TOKEN, "oauth_host": sandbox.url, "host_not_given": "api_domain tells it"}
    uri = f"pipedrive://{CLIENT_ID}:{CLIENT_SECRET}@?__extra__={quote(json.dumps(extra))}"
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", uri)
    hook = PipedriveHook()
    assert hook.run("getCurrentUser")["id"]
    assert hook.client.origin == sandbox.url


@pytest.mark.parametrize(
    ("connection", "advice"),
    [
        ({"extra": {}}, "The connection has no credential"),
        ({"extra": {"refresh_token": "RefreshToken12345"}}, "Put the OAuth client id into login"),
        ({"extra": {"api_token": "Token12345", "refresh_token": "RefreshToken12345"}}, "Keep one of the two"),
        ({"extra": {"api_token": "Token 12345"}}, "api_token is not a valid token"),
        ({"host": "https://evil.example.com", "extra": {"api_token": "Token12345"}}, "is not a host that"),
        ({"host": "http://acme.pipedrive.com", "extra": {"api_token": "Token12345"}}, "is not a host that"),
        ({"extra": {"api_token": "Token12345", "timeout": "soon"}}, "timeout must be a number of seconds"),
        ({"extra": {"api_token": "Token12345", "burst_limit": "0"}}, "burst_limit must be a whole number of at least"),
        ({"conn_type": "http", "extra": {"api_token": "Token12345"}}, "is of type http, not pipedrive"),
    ],
)
def test_a_connection_that_cannot_work_says_what_to_change(
    connection: dict[str, object], advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", json.dumps({"conn_type": "pipedrive", **connection}))
    with pytest.raises((PipedriveAuthError, PipedriveParameterError), match=advice):
        PipedriveHook("broken").run("getCurrentUser")


@pytest.mark.parametrize("given", [5, None, ["pipedrive_default"], "", " "])
def test_what_is_not_a_connections_id_is_refused(given: Any, sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveParameterError, match="pipedrive_conn_id (must be|is empty: give) the id of"):
        PipedriveHook(given).run("getDeals")
    assert sandbox.requests == []

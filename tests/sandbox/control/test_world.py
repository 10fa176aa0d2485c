"""What a running sandbox remembers."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sandbox.state.settings import Settings
from tests.support.sandbox_api import Api


def test_the_log_has_what_was_sent_and_what_was_answered(api: Api, sandbox: Sandbox) -> None:
    api.get("/api/v2/deals", limit=1, status="open,won")
    api.post("/api/v2/deals", {"title": 5})
    api("POST", "/v1/files", files={"file": ("a.txt", b"abc")}, data={"deal_id": "1"})
    listed, refused, uploaded = sandbox.requests
    assert (listed.method, listed.path) == ("GET", "/api/v2/deals")
    assert listed.query == [("limit", "1"), ("status", "open,won")]
    assert (listed.status, listed.tokens) == (200, 10)
    assert listed.headers["x-api-token"] == sandbox.api_token
    assert (refused.body, refused.status, refused.tokens) == ({"title": 5}, 400, 5)
    assert uploaded.body == {"deal_id": "1", "file": {"filename": "a.txt", "size": 3}}


def test_counters_add_up(api: Api, sandbox: Sandbox) -> None:
    api.get("/api/v2/deals")
    api.get("/api/v2/deals/999999")
    counters = sandbox.counters()
    assert (counters["requests"], counters["tokens"]) == (2, 11)
    assert (counters["status 200"], counters["status 404"]) == (1, 1)


def test_neither_the_log_nor_the_settings_show_a_secret(api: Api, sandbox: Sandbox) -> None:
    api.get("/v1/users/me")
    api("POST", "/oauth/token", data={"refresh_token": sandbox.refresh_token, "client_secret": sandbox.client_secret})
    shown = repr(sandbox.requests) + repr(Settings())
    for secret in (sandbox.api_token, sandbox.client_secret, sandbox.refresh_token):
        assert secret not in shown

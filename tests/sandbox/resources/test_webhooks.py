"""Which webhooks are taken, and who sees them."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api
from tests.support.webhook_subscriber import Receiver, subscribe


def test_a_webhook_error_has_its_own_envelope(api: Api) -> None:
    answer = api.post("/v1/webhooks", {"event_action": "*"})
    assert answer.status_code == 400
    assert answer.json()["errors"]["subscription_url"] == ["can't be blank"]
    assert api.delete("/v1/webhooks/999999").json() == {
        "status": "error",
        "success": False,
        "errors": {"id": ["not found"]},
    }


@pytest.mark.parametrize("url", ["http://example.com/hook", "ftp://example.com", "https://api.pipedrive.com/v1", "x"])
def test_an_address_that_pipedrive_would_not_take_is_refused(url: str, api: Api) -> None:
    body = {"subscription_url": url, "event_action": "*", "event_object": "*", "name": "Test"}
    assert api.post("/v1/webhooks", body).status_code == 400


def test_the_forty_first_webhook_is_422(api: Api) -> None:
    body = {"subscription_url": "https://example.com/x", "event_action": "*", "event_object": "*", "name": "Test"}
    assert {api.post("/v1/webhooks", body).status_code for _ in range(40)} == {201}
    assert api.post("/v1/webhooks", body).status_code == 422


def test_an_app_sees_its_own_webhooks_only(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(api, receiver)
    headers = {"x-api-token": None, "authorization": f"Bearer {sandbox.access_token()}"}
    assert api("GET", "/v1/webhooks", headers=headers).json()["data"] == []
    assert len(api.data("/v1/webhooks")) == 1

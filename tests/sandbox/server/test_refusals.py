"""What Pipedrive refuses, the sandbox refuses too: with the same status, code and envelope."""

from __future__ import annotations

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api

UNAUTHORIZED = {
    "success": False,
    "error": "unauthorized access",
    "errorCode": 401,
    "error_info": "Please check developers.pipedrive.com",
}


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-token": "wrong"}, {"authorization": "Bearer wrong"}],
    ids=["no credential", "a wrong token", "a wrong access token"],
)
def test_who_is_not_known_gets_the_gateways_401(headers: dict[str, str], sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/api/v2/deals", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json() == UNAUTHORIZED
    assert "x-401-by-gw" in answer.headers


def test_the_token_works_in_the_query_too(sandbox: Sandbox) -> None:
    query = {"api_token": sandbox.api_token}
    assert requests.get(f"{sandbox.url}/v1/users/me", params=query, timeout=10).status_code == 200


def test_a_malformed_authorization_header_is_400(sandbox: Sandbox) -> None:
    headers = {"authorization": "Token abc"}
    assert requests.get(f"{sandbox.url}/v1/users/me", headers=headers, timeout=10).status_code == 400


def test_an_operation_beyond_the_grants_scopes_is_403(sandbox: Sandbox) -> None:
    headers = {"authorization": f"Bearer {sandbox.access_token(('contacts:read',))}"}
    assert requests.get(f"{sandbox.url}/api/v2/persons", headers=headers, timeout=10).status_code == 200
    answer = requests.get(f"{sandbox.url}/api/v2/deals", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (403, "Scope and URL mismatch")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v2/deals/999999", 404),
        ("PATCH", "/api/v2/persons/999999", 404),
        ("DELETE", "/api/v2/organizations/999999", 404),
        ("GET", "/v1/leads/00000000-0000-0000-0000-000000000000", 404),
        ("GET", "/v1/files/999999", 404),
        ("GET", "/v1/productFields/999999", 410),
        ("GET", "/v1/dealFields/999999", 404),
        ("DELETE", "/v1/callLogs/none", 410),
        ("GET", "/api/v2/deals/abc", 400),
        ("PUT", "/api/v2/deals/1", 405),
        ("GET", "/v2/deals", 404),
        ("GET", "/v1/nothing", 404),
    ],
)
def test_what_is_not_there_has_its_status(method: str, path: str, status: int, api: Api) -> None:
    answer = api(method, path, json={} if method in ("PATCH", "PUT") else None)
    assert answer.status_code == status
    assert answer.json()["success"] is False

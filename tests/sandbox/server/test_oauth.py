"""The OAuth host: consent, codes, tokens, and each of its refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox

CALLBACK = "http://localhost:8080/callback"


def post(sandbox: Sandbox, path: str, **form: str) -> requests.Response:
    client = (sandbox.client_id, sandbox.client_secret)
    return requests.post(f"{sandbox.url}{path}", data=form, auth=client, timeout=10, allow_redirects=False)


def decide(sandbox: Sandbox, decision: str, **more: str) -> dict[str, list[str]]:
    """What is in the callback's query after the consent page."""
    form = {"client_id": sandbox.client_id, "redirect_uri": CALLBACK, "decision": decision, **more}
    answer = requests.post(f"{sandbox.url}/oauth/authorize", data=form, timeout=10, allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(CALLBACK + "?")
    return parse_qs(urlsplit(answer.headers["location"]).query)


def me(sandbox: Sandbox, access_token: str) -> int:
    headers = {"authorization": f"Bearer {access_token}"}
    return requests.get(f"{sandbox.url}/v1/users/me", headers=headers, timeout=10).status_code


def test_allowing_gives_a_code_for_tokens_that_work(sandbox: Sandbox) -> None:
    back = decide(sandbox, "allow", state="abc")
    assert back["state"] == ["abc"]
    form = {"grant_type": "authorization_code", "code": back["code"][0], "redirect_uri": CALLBACK}
    tokens = post(sandbox, "/oauth/token", **form).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3599
    assert tokens["api_domain"] == sandbox.url
    assert "deals:full" in tokens["scope"].split(",")
    assert me(sandbox, tokens["access_token"]) == 200
    assert post(sandbox, "/oauth/token", **form).status_code == 400, "a code works once"


def test_a_code_lives_five_minutes(sandbox: Sandbox) -> None:
    code = decide(sandbox, "allow")["code"][0]
    sandbox.advance(301)
    answer = post(sandbox, "/oauth/token", grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_denying_gives_an_error_and_no_state_where_none_was_sent(sandbox: Sandbox) -> None:
    assert decide(sandbox, "deny") == {"error": ["user_denied"]}


def test_the_consent_page_shows_what_it_was_given_as_text_only(sandbox: Sandbox) -> None:
    query = {"client_id": sandbox.client_id, "redirect_uri": CALLBACK, "state": '"><script>alert(1)</script>'}
    answer = requests.get(f"{sandbox.url}/oauth/authorize", params=query, timeout=10)
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert "&quot;&gt;&lt;script&gt;" in answer.text


@pytest.mark.parametrize("query", [{}, {"client_id": "other"}, {"redirect_uri": "javascript:alert(1)"}], ids=str)
def test_the_consent_page_refuses_another_app_and_another_kind_of_callback(
    query: dict[str, str], sandbox: Sandbox
) -> None:
    full = {"client_id": sandbox.client_id, **query} if query else {}
    assert requests.get(f"{sandbox.url}/oauth/authorize", params=full, timeout=10).status_code == 400


def test_a_refresh_gives_an_access_token_that_expires_and_is_counted(sandbox: Sandbox) -> None:
    tokens = post(sandbox, "/oauth/token", grant_type="refresh_token", refresh_token=sandbox.refresh_token).json()
    assert me(sandbox, tokens["access_token"]) == 200
    assert tokens["refresh_token"] == sandbox.refresh_token
    sandbox.advance(3600)
    assert me(sandbox, tokens["access_token"]) == 401
    assert sandbox.counters()["refreshes"] == 1


def test_a_refresh_token_dies_sixty_days_after_its_last_use(sandbox: Sandbox) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": sandbox.refresh_token}
    sandbox.advance(59 * 86_400)
    assert post(sandbox, "/oauth/token", **form).status_code == 200
    sandbox.advance(59 * 86_400)
    assert post(sandbox, "/oauth/token", **form).status_code == 200
    sandbox.advance(61 * 86_400)
    assert post(sandbox, "/oauth/token", **form).json()["error"] == "invalid_grant"


@pytest.fixture(scope="module")
def strict() -> Iterator[Sandbox]:
    options: dict[str, Any] = {"rotate_refresh_tokens": True, "redirect_uri": CALLBACK, "scopes": ("deals:read",)}
    with Sandbox(deals=3, **options) as sandbox:
        yield sandbox


def test_rotation_kills_the_old_refresh_token(strict: Sandbox) -> None:
    strict.reset()
    first = post(strict, "/oauth/token", grant_type="refresh_token", refresh_token=strict.refresh_token).json()
    again = post(strict, "/oauth/token", grant_type="refresh_token", refresh_token=strict.refresh_token)
    assert again.status_code == 400
    second = post(strict, "/oauth/token", grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second.status_code == 200
    assert second.json()["scope"] == "deals:read"


def test_only_the_registered_callback_is_taken(strict: Sandbox) -> None:
    query = {"client_id": strict.client_id, "redirect_uri": "http://localhost:8080/other"}
    assert requests.get(f"{strict.url}/oauth/authorize", params=query, timeout=10).status_code == 400


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"code": "wrong"}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "wrong", "redirect_uri": CALLBACK}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_grant"),
        ({"grant_type": "exchange_api_token", "api_token": "wrong"}, "invalid_grant"),
    ],
    ids=str,
)
def test_a_token_request_that_does_not_fit_is_400(form: dict[str, str], error: str, sandbox: Sandbox) -> None:
    answer = post(sandbox, "/oauth/token", **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_another_callback_in_the_exchange_is_an_invalid_request(sandbox: Sandbox) -> None:
    code = decide(sandbox, "allow")["code"][0]
    answer = post(sandbox, "/oauth/token", grant_type="authorization_code", code=code, redirect_uri="http://other/")
    assert answer.json()["error"] == "invalid_request"


def test_the_client_may_stand_in_the_form_and_must_be_right(sandbox: Sandbox) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": sandbox.refresh_token, "client_id": sandbox.client_id}
    url = f"{sandbox.url}/oauth/token"
    assert requests.post(url, data={**form, "client_secret": sandbox.client_secret}, timeout=10).status_code == 200
    wrong = requests.post(url, data={**form, "client_secret": "wrong"}, timeout=10)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_client")


def test_json_is_refused(sandbox: Sandbox) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": sandbox.refresh_token}
    client = (sandbox.client_id, sandbox.client_secret)
    answer = requests.post(f"{sandbox.url}/oauth/token", json=form, auth=client, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_trailing_slash_redirects_and_so_loses_the_post(sandbox: Sandbox) -> None:
    assert post(sandbox, "/oauth/token/", grant_type="refresh_token").status_code == 301


def test_an_api_token_is_exchanged_once(sandbox: Sandbox) -> None:
    form = {"grant_type": "exchange_api_token", "api_token": sandbox.api_token}
    assert me(sandbox, post(sandbox, "/oauth/token", **form).json()["access_token"]) == 200
    assert post(sandbox, "/oauth/token", **form).status_code == 400


def test_revoking_the_refresh_token_ends_the_grant_and_an_unknown_token_is_fine(sandbox: Sandbox) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": sandbox.refresh_token}
    access = post(sandbox, "/oauth/token", **form).json()["access_token"]
    assert post(sandbox, "/oauth/revoke", token="unknown").status_code == 200
    assert post(sandbox, "/oauth/revoke", token=sandbox.refresh_token).status_code == 200
    assert me(sandbox, access) == 401
    assert post(sandbox, "/oauth/token", **form).status_code == 400

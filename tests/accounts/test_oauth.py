"""Connecting an account, seen from the client: consent page, callback, tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from airflow_provider_pipedrive.accounts.oauth import (
    Callback,
    Grant,
    Send,
    authorize_url,
    exchange,
    new_state,
    refresh,
    revoke,
)
from airflow_provider_pipedrive.client.clock import SystemClock
from airflow_provider_pipedrive.client.prepared import PreparedRequest
from airflow_provider_pipedrive.client.responses import Response
from airflow_provider_pipedrive.client.settings import OAuth, Settings
from airflow_provider_pipedrive.client.transport import Transport
from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveParameterError,
    PipedriveResponseError,
    PipedriveServerError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN

REDIRECT_URI = "https://airflow.example.com/callback"
STATE = "StateOfThisAttempt"


@pytest.fixture
def app(sandbox: Sandbox) -> OAuth:
    return OAuth(CLIENT_ID, CLIENT_SECRET, refresh_token=REFRESH_TOKEN, origin=sandbox.url)


@pytest.fixture
def send(app: OAuth) -> Iterator[Send]:
    transport = Transport(Settings(app), SystemClock())
    yield transport.send
    transport.close()


def code_of(app: OAuth) -> str:
    """The code that the sandbox sends a browser back with after Allow."""
    form = {"client_id": app.client_id, "redirect_uri": REDIRECT_URI, "state": STATE, "decision": "allow"}
    answer = requests.post(f"{app.origin}/oauth/authorize", data=form, allow_redirects=False, timeout=10)
    return Callback.read(answer.headers["location"]).code_for(STATE)


def answering(status: int, body: object) -> Send:
    """An OAuth host that always answers this."""

    def send(request: PreparedRequest) -> Response:
        return Response(status, {}, json.dumps(body).encode())

    return send


# ---- consent page and callback


def test_the_consent_page_is_asked_for_with_client_id_redirect_uri_and_state_alone():
    url = authorize_url(OAuth("app-1", "secret"), "https://airflow.example.com/cb?a=1&b=2", "S+/=")
    assert url == (
        "https://oauth.pipedrive.com/oauth/authorize?client_id=app-1"
        "&redirect_uri=https%3A%2F%2Fairflow.example.com%2Fcb%3Fa%3D1%26b%3D2&state=S%2B%2F%3D"
    )


def test_every_attempt_has_a_long_state_of_its_own():
    states = {new_state() for _ in range(100)}
    assert len(states) == 100
    assert min(map(len, states)) >= 43  # 32 random bytes


@pytest.mark.parametrize(
    "address",
    [
        f"{REDIRECT_URI}?code=C1&state={STATE}",
        f"  {REDIRECT_URI}?state={STATE}&code=C1#fragment \n",
        f"code=C1&state={STATE}",
        f"{REDIRECT_URI}?page=2&code=C1&state={STATE}",
    ],
)
def test_the_code_of_a_callback_with_the_right_state_is_read(address: str):
    assert Callback.read(address).code_for(STATE) == "C1"


@pytest.mark.parametrize(
    ("query", "error", "says"),
    [
        (f"error=user_denied&state={STATE}", PipedriveAuthError, "press Allow"),
        ("error=user_denied", PipedriveAuthError, "press Allow"),
        (f"error=server<script>&state={STATE}", PipedriveAuthError, r"failed: server\?script\?"),
        ("error=user_denied&state=other", PipedriveParameterError, "another attempt"),
        ("code=C1&state=other", PipedriveParameterError, "another attempt"),
        ("code=C1&state=St%C3%A4te", PipedriveParameterError, "another attempt"),
        ("code=C1&state=\udce4", PipedriveParameterError, "another attempt"),
        ("code=C1", PipedriveParameterError, "no state"),
        (f"state={STATE}", PipedriveParameterError, "no code"),
        ("https://airflow.example.com/", PipedriveParameterError, "no code"),
        ("", PipedriveParameterError, "no code"),
        (f"code=C1&code=C2&state={STATE}", PipedriveParameterError, "twice"),
        (f"code=C1&state={STATE}&state=other", PipedriveParameterError, "twice"),
        ("&".join(["a=1"] * 1000) + f"&code=C1&state={STATE}", PipedriveParameterError, "no code"),
    ],
)
def test_any_other_callback_says_what_is_wrong_with_it(query: str, error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        Callback.read(query).code_for(STATE)


def test_a_callback_from_the_marketplace_has_a_code_and_no_state():
    assert Callback.read(f"{REDIRECT_URI}?code=C1") == Callback(code="C1", state=None, error=None)


def test_a_callback_does_not_show_code_and_state():
    assert repr(Callback.read(f"?code=SecretCode&state={STATE}")) == "Callback(error=None)"


# ---- tokens


def test_a_code_is_exchanged_for_tokens(app: OAuth, send: Send, sandbox: Sandbox):
    grant = exchange(send, app, code_of(app), REDIRECT_URI)
    assert grant.api_domain == sandbox.url
    assert grant.expires_in == 3599
    assert {"base", "deals:full"} <= set(grant.scopes)
    me = requests.get(
        f"{sandbox.url}/v1/users/me", headers={"Authorization": f"Bearer {grant.access_token}"}, timeout=10
    )
    assert me.json()["data"]["is_you"] is True


def test_the_exchange_is_a_form_with_basic_auth_to_the_path_without_a_slash(app: OAuth, send: Send, sandbox: Sandbox):
    code = code_of(app)
    exchange(send, app, code, REDIRECT_URI)
    sent = sandbox.requests[-1]
    assert (sent.method, sent.path, sent.query) == ("POST", "/oauth/token", [])
    assert sent.body == {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    assert sent.headers["authorization"].startswith("Basic ")


def test_a_grant_does_not_show_its_tokens():
    grant = Grant("SecretAccess", "SecretRefresh", 3599.0, ("base",), "https://acme.pipedrive.com")
    assert repr(grant) == "Grant(expires_in=3599.0, scopes=('base',), api_domain='https://acme.pipedrive.com')"


def test_a_code_works_once(app: OAuth, send: Send):
    code = code_of(app)
    exchange(send, app, code, REDIRECT_URI)
    with pytest.raises(PipedriveAuthError, match=r"used before, or is older than 5 minutes: connect again") as caught:
        exchange(send, app, code, REDIRECT_URI)
    assert code not in str(caught.value)


def test_a_code_is_refused_after_five_minutes(app: OAuth, send: Send, sandbox: Sandbox):
    code = code_of(app)
    sandbox.advance(301)
    with pytest.raises(PipedriveAuthError, match="older than 5 minutes"):
        exchange(send, app, code, REDIRECT_URI)


def test_a_wrong_client_secret_is_told_and_not_shown(app: OAuth, send: Send):
    wrong = OAuth(CLIENT_ID, "WrongSecretOfTheApp", origin=app.origin)
    with pytest.raises(PipedriveAuthError, match="Client id and client secret must be those of the app") as caught:
        exchange(send, wrong, code_of(app), REDIRECT_URI)
    assert "WrongSecretOfTheApp" not in str(caught.value)


def test_another_redirect_uri_is_told(app: OAuth, send: Send):
    with pytest.raises(PipedriveAuthError, match="exactly the callback URL that is registered"):
        exchange(send, app, code_of(app), "https://airflow.example.com/other")


def test_an_exchange_is_sent_once_even_when_the_host_fails(app: OAuth, send: Send, sandbox: Sandbox):
    code = code_of(app)
    sandbox.fault(path="/oauth/token", kind="503", count=1)
    with pytest.raises(PipedriveServerError, match="another try may succeed"):
        exchange(send, app, code, REDIRECT_URI)
    assert [request.path for request in sandbox.requests].count("/oauth/token") == 1


def test_an_oauth_host_that_repeats_secrets_in_its_error_does_not_make_them_shown(app: OAuth):
    words = {"error": "odd", "message": f"code CodeOfTheTests with {CLIENT_SECRET}"}
    with pytest.raises(PipedriveAuthError, match=r"code \*\*\* with \*\*\*"):
        exchange(answering(400, words), app, "CodeOfTheTests", REDIRECT_URI)


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ({"refresh_token": "R"}, PipedriveResponseError, "without a usable access_token"),
        ({"access_token": "A\nB", "refresh_token": "R"}, PipedriveResponseError, "without a usable access_token"),
        ({"access_token": "A"}, PipedriveResponseError, "without a usable refresh_token"),
        (
            {"access_token": "A", "refresh_token": "R", "api_domain": "https://evil.example.com"},
            PipedriveAuthError,
            "strange api_domain",
        ),
        (
            {"access_token": "A", "refresh_token": "R", "api_domain": "http://127.0.0.1:80"},
            PipedriveAuthError,
            "the credential stays here",
        ),
        ({"success": False, "error": "nope"}, PipedriveAuthError, "refuses: nope"),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_refused(answer: dict[str, str], error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        exchange(answering(200, answer), OAuth("app-1", "SecretOfApp1"), "code", REDIRECT_URI)


@pytest.mark.parametrize("said", [None, "soon", -5, 0, 10**9])
def test_a_strange_lifetime_counts_as_the_documented_hour(said: object):
    answer = {"access_token": "A", "refresh_token": "R", "expires_in": said}
    assert exchange(answering(200, answer), OAuth("app-1", "SecretOfApp1"), "code", REDIRECT_URI).expires_in == 3600


def test_a_refresh_keeps_the_refresh_token_where_the_host_sends_none():
    credential = OAuth("app-1", "SecretOfApp1", refresh_token="OldRefreshToken")
    assert refresh(answering(200, {"access_token": "A"}), credential).refresh_token == "OldRefreshToken"


def test_a_refresh_tells_the_scopes_and_starts_the_idle_days_anew(app: OAuth, send: Send, sandbox: Sandbox):
    for _ in range(3):
        sandbox.advance(59 * 86_400)
        assert "base" in refresh(send, app).scopes


def test_sixty_idle_days_end_the_authorization(app: OAuth, send: Send, sandbox: Sandbox):
    sandbox.advance(60 * 86_400)
    with pytest.raises(PipedriveAuthError, match="unused for 60 days: connect the account again"):
        refresh(send, app)


def test_a_revoked_refresh_token_is_refused(app: OAuth, send: Send, sandbox: Sandbox):
    revoke(send, app)
    assert sandbox.requests[-1].body == {"token": REFRESH_TOKEN, "token_type_hint": "refresh_token"}
    with pytest.raises(PipedriveAuthError, match="revoked, replaced, or unused"):
        refresh(send, app)


def test_revoking_an_access_token_leaves_the_authorization(app: OAuth, send: Send, sandbox: Sandbox):
    access_token = refresh(send, app).access_token
    revoke(send, OAuth(CLIENT_ID, CLIENT_SECRET, access_token=access_token, origin=sandbox.url))
    me = requests.get(f"{sandbox.url}/v1/users/me", headers={"Authorization": f"Bearer {access_token}"}, timeout=10)
    assert me.status_code == 401
    refresh(send, app)


def test_a_revocation_needs_no_words_in_the_answer(app: OAuth):
    def silent(request: PreparedRequest) -> Response:
        return Response(200, {}, b"")

    revoke(silent, app)


def test_a_revocation_with_a_wrong_secret_is_refused(app: OAuth, send: Send):
    wrong = OAuth(CLIENT_ID, "WrongSecretOfTheApp", refresh_token=REFRESH_TOKEN, origin=app.origin)
    with pytest.raises(PipedriveAuthError, match="must be those of the app"):
        revoke(send, wrong)
    refresh(send, app)

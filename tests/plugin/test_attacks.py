"""Twenty attacks and more: what someone could try, and that it fails."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from airflow.models import Connection
from airflow.utils.session import create_session
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.accounts import authorization, store
from airflow_provider_pipedrive.accounts.status import consume_attempt
from airflow_provider_pipedrive.plugin import sealed_cookies
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import CLIENT_ID, CLIENT_SECRET
from tests.support.web_app import ORIGIN, PAGES, SAME_SITE, Browser, Clock, add_connection, change, stored, text_of

CALLBACK = f"{PAGES}/callback"
EVIL = "https://evil.example.com"


def refused(page: httpx.Response) -> bool:
    """Whether the answer is a refusal and nothing was stored."""
    return page.status_code in (400, 403, 409, 410, 413) and "refresh_token" not in stored()


# 1 to 5: the state


def test_a_code_with_a_forged_state_is_refused(browser: Browser, crm: str) -> None:
    address = browser.consent(browser.start())
    code = parse_qs(urlsplit(address).query)["code"][0]
    assert refused(browser.get(f"{CALLBACK}?code={code}&state=forged"))


def test_a_cookie_of_one_attempt_does_not_answer_for_another(browser: Browser, crm: str) -> None:
    """As a neighbouring host that may set cookies for the whole domain could try."""
    code = parse_qs(urlsplit(browser.consent(browser.start())).query)["code"][0]
    (cookie,) = [c for c in browser.http.cookies.jar if c.name.startswith("pipedrive_state_")]
    name = "pipedrive_state_" + hashlib.sha256(b"forged").hexdigest()[:16]
    browser.http.cookies.set(name, str(cookie.value), domain="127.0.0.1", path="/")
    assert refused(browser.get(f"{CALLBACK}?code={code}&state=forged"))


def test_a_code_whose_state_was_taken_away_needs_a_confirmation(browser: Browser, crm: str) -> None:
    address = browser.consent(browser.start())
    code = parse_qs(urlsplit(address).query)["code"][0]
    page = browser.get(f"{CALLBACK}?code={code}")
    assert "Go on only if you yourself have just installed the app" in text_of(page)
    assert "refresh_token" not in stored()


def test_an_answer_is_refused_in_another_browser(browser: Browser, stranger: Browser, crm: str) -> None:
    """The attacker's own code and state, sent to a victim as a link."""
    assert refused(browser.get(stranger.consent(stranger.start())))


def test_an_answer_is_refused_for_another_user_of_the_same_browser(browser: Browser, crm: str) -> None:
    address = browser.consent(browser.start())
    browser.sign_in("other")
    assert refused(browser.get(address))


def test_an_answer_works_once(browser: Browser, crm: str) -> None:
    address = browser.consent(browser.start())
    browser.get(address)
    token = stored()["refresh_token"]
    assert browser.get(address).status_code == 400
    assert stored()["refresh_token"] == token


def test_an_answer_works_once_even_with_its_cookie_put_back(browser: Browser, crm: str) -> None:
    """And even where another web server of the same Airflow gets it: the database remembers."""
    address = browser.consent(browser.start())
    (cookie,) = [c for c in browser.http.cookies.jar if c.name.startswith("pipedrive_state_")]
    browser.get(address)
    exchanges = tokens_asked_for(browser.pipedrive)
    browser.http.cookies.jar.set_cookie(cookie)
    assert "has been used already" in text_of(browser.get(address))
    assert tokens_asked_for(browser.pipedrive) == exchanges


def test_of_two_servers_with_the_same_answer_at_once_one_wins(browser: Browser, crm: str) -> None:
    def edit(extra: dict[str, Any]) -> dict[str, Any]:
        """The other server is faster: it writes after this one has read."""
        if not others:
            others.append("faster")
            store.change_extra("crm", lambda extra: consume_attempt(extra, "the-same-attempt"))
        return consume_attempt(extra, "the-same-attempt")

    others: list[str] = []
    with pytest.raises(ValueError, match="has been used already"):
        store.change_extra("crm", edit)


def test_of_two_servers_that_change_a_connection_at_once_both_succeed(browser: Browser, crm: str) -> None:
    def edit(extra: dict[str, Any]) -> dict[str, Any]:
        if "theirs" not in extra:
            store.change_extra("crm", lambda extra: {**extra, "theirs": 1})
        return {**extra, "ours": 2}

    store.change_extra("crm", edit)
    assert (stored()["theirs"], stored()["ours"]) == (1, 2)


def test_an_answer_after_ten_minutes_is_refused(browser: Browser, crm: str, clock: Clock) -> None:
    address = browser.consent(browser.start())
    clock.passed = 601
    assert refused(browser.get(address))


def test_a_sealed_text_is_good_for_its_own_use_only(browser: Browser, crm: str) -> None:
    """A Marketplace code's cookie, offered as the cookie of a state."""
    browser.get(browser.install())
    (held,) = [c.value for c in browser.http.cookies.jar if c.name == "pipedrive_code"]
    assert held
    assert sealed_cookies.unseal("code", held, 300)
    assert sealed_cookies.unseal("state", held, 300) is None
    assert sealed_cookies.unseal("code", held[:-2] + "AA", 300) is None


# 6: code injection


def test_a_code_swapped_within_the_browser_shows_whose_account_it_is(
    browser: Browser, stranger: Browser, crm: str
) -> None:
    """Pipedrive ties a code to an app and a redirect URI, to no browser, and documents no PKCE: so people are asked."""
    own = browser.start()
    foreign = parse_qs(urlsplit(stranger.consent(stranger.start())).query)["code"][0]
    state = parse_qs(urlsplit(own).query)["state"][0]
    page = browser.get(f"{CALLBACK}?code={foreign}&state={state}")
    assert "Is this the account you meant? If not, press Disconnect." in text_of(page)


@pytest.mark.parametrize("code", ["a b", "a%0d%0aSet-Cookie:x=1", "%00", "a" * 3000, "caf%C3%A9"])
def test_a_code_that_is_none_is_refused(browser: Browser, crm: str, code: str) -> None:
    assert refused(browser.http.get(f"{CALLBACK}?code={code}"))


def test_a_part_given_twice_is_refused(browser: Browser, crm: str) -> None:
    assert refused(browser.http.get(f"{CALLBACK}?code=one&code=two"))


# 7: open redirects


@pytest.mark.parametrize("query", ["next", "url", "redirect_uri", "return_to", "conn_id"])
def test_no_parameter_leads_to_another_site(browser: Browser, crm: str, query: str) -> None:
    for page in ("page", "connected", "finish", "callback", "disconnect"):
        answer = browser.http.get(f"{PAGES}/{page}?{query}={EVIL}")
        assert not answer.headers.get("location", "/").startswith(("http", "//"))


@pytest.mark.parametrize("path", ["//evil.example.com", "/%5cevil.example.com", "/..//evil.example.com"])
def test_no_path_trick_leads_to_another_site(guest: Browser, path: str) -> None:
    answer = guest.http.get(f"{PAGES}{path}")
    assert "evil" not in answer.headers.get("location", "")


# 8 and 9: forms of other sites


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": EVIL},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://other.127.0.0.1"},
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {},
    ],
)
@pytest.mark.parametrize("action", ["connect", "test", "disconnect", "create", "finish"])
def test_a_form_of_another_site_is_refused(browser: Browser, crm: str, headers: dict[str, str], action: str) -> None:
    form = {"token": browser.form_token(), "conn_id": "crm"}
    answer = browser.http.post(f"{PAGES}/{action}", data=form, headers=headers)
    assert answer.status_code == 403
    assert "This form is not accepted" in answer.text


def test_a_form_over_plain_http_is_known_by_its_origin(browser: Browser, crm: str) -> None:
    """Browsers send Sec-Fetch-Site over https and to this machine only."""
    form = {"token": browser.form_token(), "conn_id": "crm"}
    assert browser.http.post(f"{PAGES}/connect", data=form, headers={"Origin": ORIGIN}).status_code == 200


@pytest.mark.parametrize("token", ["", "nonsense", "gAAAAABnotours"])
def test_a_form_without_its_token_is_refused(browser: Browser, crm: str, token: str) -> None:
    assert refused(browser.post("connect", conn_id="crm", token=token))


def test_a_form_token_of_another_session_is_refused(browser: Browser, stranger: Browser, crm: str) -> None:
    assert refused(browser.post("connect", conn_id="crm", token=stranger.form_token()))


def test_a_form_token_of_another_user_of_the_same_browser_is_refused(browser: Browser, crm: str) -> None:
    token = browser.form_token()
    browser.sign_in("other")
    assert refused(browser.post("connect", conn_id="crm", token=token))


def test_a_form_token_of_the_same_user_in_another_browser_is_refused(
    browser: Browser, stranger: Browser, crm: str
) -> None:
    stranger.sign_in("admin")
    browser.form_token()
    assert refused(browser.post("connect", conn_id="crm", token=stranger.form_token()))


def test_a_form_token_is_good_for_eight_hours(browser: Browser, crm: str, clock: Clock) -> None:
    token = browser.form_token()
    clock.passed = 8 * 3600 + 1
    assert refused(browser.post("connect", conn_id="crm", token=token))


@pytest.mark.parametrize("action", ["connect", "test", "create"])
def test_nothing_changes_by_a_link(browser: Browser, crm: str, action: str) -> None:
    assert browser.http.get(f"{PAGES}/{action}?conn_id=crm").status_code == 405


def test_a_glance_at_the_callback_uses_up_nothing(browser: Browser, crm: str) -> None:
    address = browser.consent(browser.start())
    assert browser.http.head(address).status_code == 405
    assert "Connected as" in text_of(browser.get(address))


# 10: the Host header


def test_a_foreign_host_header_makes_no_redirect_uri(browser: Browser, crm: str) -> None:
    page = browser.post("connect", {"Host": "evil.example.com"}, conn_id="crm")
    assert page.status_code == 400
    assert "Airflow does not know its own address" in text_of(page)
    assert "evil.example.com" not in page.text


def test_a_foreign_host_header_does_not_touch_a_configured_address(
    browser: Browser, crm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", ORIGIN)
    page = browser.post("connect", {"Host": "evil.example.com"}, conn_id="crm")
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fpipedrive%2Fcallback" in page.text


def test_a_foreign_host_header_does_not_reach_the_login(guest: Browser) -> None:
    answer = guest.http.get(f"{PAGES}/page", headers={"Host": "evil.example.com"})
    assert answer.headers["location"] == "/auth/login?next=%2Fpipedrive%2Fpage"


# 11: script in what is shown

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def test_script_in_names_is_shown_as_text(browser: Browser, crm: str) -> None:
    change("crm", refresh_token="r", oauth_status={"state": "connected", "user": SCRIPT, "company": SCRIPT})
    for page in ("page", "connected?conn_id=crm", "disconnect?conn_id=crm"):
        text = browser.get(page).text
        assert "&lt;script&gt;" in text
        assert "<img" not in text
        assert "<script>alert" not in text


@pytest.mark.parametrize("where", ["conn_id", "error", "state", "code"])
def test_script_in_an_address_is_shown_as_text(browser: Browser, crm: str, where: str) -> None:
    for page in ("connected", "disconnect", "callback", "finish"):
        answer = browser.http.get(f"{PAGES}/{page}", params={where: SCRIPT})
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text


def test_a_redirect_uri_that_is_script_is_refused(browser: Browser) -> None:
    add_connection(browser.pipedrive, "crm", redirect_uri="javascript:alert(1)//x")
    assert "must be a whole URL" in text_of(browser.post("connect", conn_id="crm"))


def test_a_strange_memory_does_not_break_the_page(browser: Browser, crm: str) -> None:
    """People with access to connections can write anything into the extra."""
    for strange in ([1], "x", {"state": 7, "scopes": "no list", "renewed": "yesterday", "used": []}, None):
        change("crm", refresh_token="r", oauth_status=strange)
        assert browser.get("page").status_code == 200


# 12: path prefixes


@pytest.mark.parametrize(
    "path",
    ["/pipedrive/../pipedrive/page", "/pipedrive//page", "/pipedrive/page/", "/PIPEDRIVE/page", "/pipedrive%2fpage"],
)
def test_no_spelling_of_a_path_goes_round_the_login(guest: Browser, crm: str, path: str) -> None:
    answer = guest.http.get(f"{ORIGIN}{path}")
    assert "crm" not in answer.text


# 13 to 15: secrets


def test_no_page_holds_a_secret(browser: Browser, crm: str) -> None:
    pages = [browser.connect(), browser.get("page"), browser.get("disconnect?conn_id=crm")]
    pages.append(browser.post("test", conn_id="crm"))
    secret = [CLIENT_SECRET, stored()["refresh_token"], base64.b64encode(CLIENT_SECRET.encode()).decode()[:-2]]
    for page in pages:
        assert not [word for word in (*secret, "v1u:", "code-") if word in page.text]


def test_no_code_state_or_token_is_logged(browser: Browser, crm: str, capfd: Any, caplog: Any) -> None:
    address = browser.consent(browser.start())
    parts = parse_qs(urlsplit(address).query)
    browser.get(address)
    browser.get(browser.install())
    browser.finish(conn_id="crm")
    browser.get(f"{CALLBACK}?code=SecretCode12345&state=SecretState12345")
    shown = "".join(capfd.readouterr()) + caplog.text
    assert "/pipedrive/callback" in shown
    secret = [
        *parts["code"],
        *parts["state"],
        stored()["refresh_token"],
        "SecretCode12345",
        "SecretState12345",
        "code-",
    ]
    assert not [word for word in (*secret, CLIENT_SECRET) if word in shown]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize(
    "address",
    [
        "callback?code=SecretCode12345&state=SecretState12345",
        "callback/?code=SecretCode12345",
        "callback/deeper?code=SecretCode12345",
        "Callback?code=SecretCode12345",
        "callback?code=SecretCode12345&code=SecretCode12345",
        "callback?%ZZ;SecretCode12345=%00&&=",
        "callback?" + "SecretCode12345&" * 60,
        "callback;SecretCode12345",
        "webhook/SecretCode12345?again=SecretCode12345",
        "webhook/SecretCode12345/",
        "webhooks/SecretCode12345",
        "SecretCode12345",
    ],
)
def test_the_access_log_shows_no_code_and_no_webhook_address_whatever_is_asked(
    guest: Browser, crm: str, method: str, address: str, capfd: Any, caplog: Any
) -> None:
    guest.http.request(method, f"{PAGES}/{address}")
    shown = "".join(capfd.readouterr()) + caplog.text
    assert "request finished" in shown
    assert "/pipedrive/" in shown
    assert "Secret" not in shown


@pytest.mark.parametrize("path", ["page/", "callback/?code=SecretCode12345", "connect/", "disconnect/", "", "/"])
def test_a_slash_too_many_leads_nowhere_whatever_host_the_request_names(guest: Browser, path: str) -> None:
    answer = guest.http.get(f"{PAGES}/{path}", headers={"Host": "evil.example.com"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["callback", "connect", "webhook/UnknownSecret"])
def test_a_client_that_hangs_up_writes_nothing_but_its_line_in_the_access_log(
    airflow_app: Any, crm: str, path: str, capfd: Any, caplog: Any
) -> None:
    messages = [{"type": "http.request", "body": b"a=", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0) if len(messages) > 1 else messages[0]

    async def send(message: Any) -> None:
        """Nobody is there."""

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "DELETE" if path == "callback" else "POST",
        "scheme": "http",
        "path": f"/pipedrive/{path}",
        "raw_path": f"/pipedrive/{path}".encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8080")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
        "app": airflow_app,
        "state": {},
    }
    asyncio.run(airflow_app(scope, receive, send))
    shown = "".join(capfd.readouterr()) + caplog.text
    assert "request finished" in shown
    assert "Traceback" not in shown
    assert "ClientDisconnect" not in shown


def test_an_address_with_a_code_shows_no_page_that_could_pass_it_on(browser: Browser, crm: str) -> None:
    answer = browser.http.get(browser.consent(browser.start()))
    assert answer.status_code == 303
    assert answer.headers["location"] == "/pipedrive/connected?conn_id=crm"
    assert answer.headers["referrer-policy"] == "same-origin"


def test_an_unexpected_fault_tells_neither_page_nor_log_a_value(
    browser: Browser, crm: str, mocker: MockerFixture, capfd: Any, caplog: Any
) -> None:
    secret = "Secret" + "OfTheFault"

    def fail(*_: Any) -> None:
        raise RuntimeError(secret)

    mocker.patch.object(authorization, "test", fail)
    page = browser.post("test", conn_id="crm")
    assert page.status_code == 500
    assert secret not in page.text + caplog.text + "".join(capfd.readouterr())
    assert "RuntimeError" in caplog.text


# 16: uninstall


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b":").decode(),
        "Basic " + base64.b64encode(b"None:None").decode(),
        "Basic " + base64.b64encode(f"{CLIENT_ID}:wrong".encode()).decode(),
        "Basic " + base64.b64encode(f"wrong:{CLIENT_SECRET}".encode()).decode(),
        f"Bearer {CLIENT_SECRET}",
    ],
)
def test_an_uninstallation_without_the_apps_secret_is_refused(
    browser: Browser, guest: Browser, crm: str, authorization: str | None
) -> None:
    browser.connect()
    with create_session() as session:
        session.add(Connection(conn_id="without_an_app", conn_type="pipedrive"))
    memory = stored()["oauth_status"]
    told = json.dumps({"company_id": memory["company_id"], "user_id": memory["user_id"]})
    headers = {"Authorization": authorization} if authorization else {}
    answer = guest.http.request("DELETE", CALLBACK, content=told, headers=headers)
    assert answer.status_code == 401
    assert stored()["oauth_status"]["state"] == "connected"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"company_id": 1}', b"\xff", b"[" * 9000])
def test_an_uninstallation_that_says_nothing_marks_nothing(guest: Browser, crm: str, body: bytes) -> None:
    answer = guest.http.request("DELETE", CALLBACK, content=body, auth=(CLIENT_ID, CLIENT_SECRET))
    assert answer.status_code == 400
    assert "oauth_status" not in stored()


# 17 and 18: people without the permission

GETS = ("page", "connected?conn_id=crm", "disconnect?conn_id=crm", "finish")
POSTS = ("connect", "test", "disconnect", "create", "finish")


def test_a_guest_sees_nothing_but_the_login(guest: Browser, crm: str) -> None:
    for page in GETS:
        assert guest.http.get(f"{PAGES}/{page}").headers["location"].startswith("/auth/login?next=%2Fpipedrive%2F")
    for action in POSTS:
        answer = guest.http.post(f"{PAGES}/{action}", data={"conn_id": "crm"}, headers=SAME_SITE)
        assert answer.headers["location"].startswith("/auth/login")
    assert "oauth_status" not in stored()


def test_a_viewer_may_do_nothing(viewer: Browser, crm: str) -> None:
    for page in GETS:
        answer = viewer.get(page)
        assert answer.status_code == 403
        assert "permission to edit Airflow's connections" in text_of(answer)
        assert "crm" not in text_of(answer)
    for action in POSTS:
        assert viewer.post(action, conn_id="crm").status_code == 403
    assert "oauth_status" not in stored()


def test_someone_who_lost_the_permission_meanwhile_is_not_connected(browser: Browser, crm: str) -> None:
    address = browser.consent(browser.start())
    browser.sign_in("admin", "viewer")
    assert refused(browser.get(address))


def test_a_forged_sign_in_is_none(guest: Browser, crm: str) -> None:
    guest.http.cookies.set("_token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.", domain="127.0.0.1", path="/")
    assert guest.http.get(f"{PAGES}/page").status_code in (303, 403)


# 19: too much of everything


def test_too_long_a_query_body_or_cookie_is_refused(browser: Browser, guest: Browser, crm: str) -> None:
    assert browser.http.get(f"{PAGES}/page?x=" + "a" * 9000).status_code == 413
    assert refused(browser.post("create", conn_id="a" * 20_000))
    assert refused(browser.http.post(f"{PAGES}/create", data={f"f{n}": "" for n in range(60)}, headers=SAME_SITE))
    assert guest.http.request("DELETE", CALLBACK, content=b"x" * 20_000).status_code == 413
    browser.http.cookies.set("pipedrive_code", "A" * 20_000, domain="127.0.0.1", path="/pipedrive")
    assert browser.get("finish").status_code == 410


# 20: frames, caches and the like


def test_every_answer_carries_the_headers_that_keep_it_safe(browser: Browser, guest: Browser, crm: str) -> None:
    answers = [
        browser.http.get(f"{PAGES}/page"),
        browser.http.get(f"{PAGES}/finish"),
        browser.http.get(f"{CALLBACK}?error=user_denied"),
        guest.http.get(f"{PAGES}/page"),
        guest.http.request("DELETE", CALLBACK),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_only_our_own_script_and_style_run(browser: Browser, crm: str) -> None:
    answer = browser.http.get(f"{PAGES}/page")
    (nonce,) = set(re.findall(r"nonce-([^']+)'", answer.headers["content-security-policy"]))
    assert set(re.findall(r"<(?:script|style)([^>]*)>", answer.text)) == {f' nonce="{nonce}"'}
    assert not re.search(r"\son[a-z]+=", answer.text)
    assert nonce not in browser.http.get(f"{PAGES}/page").text


def test_cookies_are_for_us_alone(browser: Browser, crm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = browser.http.post(
        f"{PAGES}/connect", data={"token": browser.form_token(), "conn_id": "crm"}, headers=SAME_SITE
    )
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("pipedrive_state_")
    assert "HttpOnly; Max-Age=600; Path=/pipedrive/callback; SameSite=lax" in cookie
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    said = browser.http.get(f"{CALLBACK}?code=a-code").headers.get_list("set-cookie")
    assert [c for c in said if "pipedrive_code=" in c and "; Secure" in c and "Path=/pipedrive;" in c]


def tokens_asked_for(pipedrive: Sandbox) -> int:
    return sum(request.path == "/oauth/token" for request in pipedrive.requests)

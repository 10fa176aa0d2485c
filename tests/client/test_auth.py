"""Keeping an OAuth access token alive: one renewal at a time, before it expires, once after a 401."""

from __future__ import annotations

import base64
import itertools
import json
import threading
from typing import Any
from urllib.parse import parse_qs

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, Settings, settings_from
from airflow_provider_pipedrive.client.auth import is_over, tokens_of
from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveConnectionError,
    PipedriveError,
    PipedriveResponseError,
    PipedriveServerError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.scripted_server import (
    API_TOKEN,
    FakeClock,
    Held,
    MakeClient,
    Reset,
    ScriptedServer,
    Silence,
    envelope,
    http,
)

JSON = "application/json"
UNAUTHORIZED = http(401, b'{"success": false, "error": "unauthorized access"}', Content_Type=JSON)
DEAD = http(400, b'{"success": false, "error": "invalid_grant"}', Content_Type=JSON)
GOOD = envelope({"id": 1})


def tokens(access: str, refresh: str | None = "refresh-1", **more: Any) -> bytes:
    answer = {"access_token": access, "token_type": "Bearer", "expires_in": 3600, "scope": "base,deals:read"}
    return http(200, json.dumps({**answer, "refresh_token": refresh, **more}).encode(), Content_Type=JSON)


@pytest.fixture
def oauth(make_client: MakeClient, server: ScriptedServer) -> Any:
    """Makes clients with the same refresh token."""

    def make(**extra: Any) -> PipedriveClient:
        extra = {"refresh_token": "refresh-1", "oauth_host": server.url, **extra}
        return make_client(login="client-1", password="the-app-secret", **extra)

    return make


def sandbox_settings(sandbox: Sandbox, **extra: Any) -> Settings:
    extra = {"refresh_token": sandbox.refresh_token, "oauth_host": sandbox.url, **extra}
    return settings_from(login=sandbox.client_id, password=sandbox.client_secret, extra=extra)


def bearers(server: ScriptedServer) -> list[str]:
    """The credentials of the API's requests, ``renewal`` where the token endpoint was asked."""
    return [
        "renewal" if request.target == "/oauth/token" else request.headers["authorization"].removeprefix("Bearer ")
        for request in server.requests
    ]


def test_a_refresh_token_is_enough_the_first_request_fetches_an_access_token(
    oauth: Any, server: ScriptedServer
) -> None:
    server.script = [tokens("access-1"), GOOD, GOOD]
    client = oauth()
    client.run("getDeal", {"id": 1})
    client.run("getDeal", {"id": 1})
    assert bearers(server) == ["renewal", "access-1", "access-1"]
    renewal = server.requests[0]
    assert (renewal.method, renewal.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    assert base64.b64decode(renewal.headers["authorization"].removeprefix("Basic ")) == b"client-1:the-app-secret"
    assert parse_qs(renewal.body.decode()) == {"grant_type": ["refresh_token"], "refresh_token": ["refresh-1"]}


@pytest.mark.parametrize(("seconds", "requests"), [(3299, ["access-1"]), (3300, ["renewal", "access-2"])])
def test_a_token_is_renewed_five_minutes_before_it_expires(
    oauth: Any, server: ScriptedServer, clock: FakeClock, seconds: int, requests: list[str]
) -> None:
    server.script = [tokens("access-1"), GOOD] + ([tokens("access-2"), GOOD] if len(requests) == 2 else [GOOD])
    client = oauth()
    client.run("getDeal", {"id": 1})
    clock.now += seconds
    client.run("getDeal", {"id": 1})
    assert bearers(server) == ["renewal", "access-1", *requests]


def test_a_401_renews_once_and_sends_again(oauth: Any, server: ScriptedServer) -> None:
    server.script = [UNAUTHORIZED, tokens("access-2"), GOOD]
    assert oauth(access_token="access-1").run("getDeal", {"id": 1}) == {"id": 1}
    assert bearers(server) == ["access-1", "renewal", "access-2"]


def test_a_write_that_got_a_401_is_sent_again_too(oauth: Any, server: ScriptedServer) -> None:
    server.script = [UNAUTHORIZED, tokens("access-2"), GOOD]
    assert oauth(access_token="access-1").run("addDeal", {"title": "A"}) == {"id": 1}
    assert [request.body for request in server.requests if request.target != "/oauth/token"] == [b'{"title": "A"}'] * 2


def test_a_second_401_is_an_error(oauth: Any, server: ScriptedServer) -> None:
    server.script = [UNAUTHORIZED, tokens("access-2"), UNAUTHORIZED, GOOD]
    with pytest.raises(PipedriveAuthError, match="unauthorized access"):
        oauth(access_token="access-1").run("getDeal", {"id": 1})
    assert bearers(server) == ["access-1", "renewal", "access-2"]


def test_a_401_with_nothing_to_renew_by_is_an_error(make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [UNAUTHORIZED] * 2
    for client in (make_client(), make_client(api_token=None, access_token="access-1")):
        with pytest.raises(PipedriveAuthError):
            client.run("getDeal", {"id": 1})
    assert len(server.requests) == 2


def test_a_rotated_refresh_token_is_the_next_one_used(oauth: Any, server: ScriptedServer, clock: FakeClock) -> None:
    server.script = [tokens("access-1", "refresh-2"), GOOD, tokens("access-2", None), GOOD, tokens("access-3"), GOOD]
    client = oauth()
    for _ in range(3):
        client.run("getDeal", {"id": 1})
        clock.now += 3600
    renewals = [parse_qs(request.body.decode()) for request in server.requests if request.target == "/oauth/token"]
    assert [form["refresh_token"] for form in renewals] == [["refresh-1"], ["refresh-2"], ["refresh-2"]]


def test_clients_of_one_credential_share_its_tokens_and_each_masks_them(oauth: Any, server: ScriptedServer) -> None:
    server.script = [tokens("access-1", "refresh-2"), GOOD, GOOD]
    first, second = oauth(), oauth()
    first.run("getDeal", {"id": 1})
    second.run("getDeal", {"id": 1})
    assert bearers(server) == ["renewal", "access-1", "access-1"]
    assert second.redact("access-1 refresh-2 refresh-1 the-app-secret") == "*** *** *** ***"


def test_clients_of_another_app_or_grant_do_not(oauth: Any, make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [tokens("access-1"), GOOD, tokens("access-2"), GOOD]
    oauth().run("getDeal", {"id": 1})
    oauth(refresh_token="refresh-9").run("getDeal", {"id": 1})
    assert bearers(server) == ["renewal", "access-1", "renewal", "access-2"]


def together(count: int, work: Any) -> list[Any]:
    """What ``work`` answered or raised in so many threads that began together."""
    barrier, results = threading.Barrier(count), []

    def one() -> None:
        barrier.wait()
        try:
            results.append(work())
        except PipedriveError as error:
            results.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_hundred_threads_with_ten_clients_renew_once(oauth: Any, server: ScriptedServer) -> None:
    server.script = [tokens("access-1")] + [GOOD] * 100
    clients = itertools.cycle([oauth(burst_limit=1000) for _ in range(10)])
    assert together(100, lambda: next(clients).run("getDeal", {"id": 1})) == [{"id": 1}] * 100
    assert bearers(server) == ["renewal"] + ["access-1"] * 100


def test_a_hundred_threads_whose_token_dies_renew_once(sandbox: Sandbox, clock: FakeClock) -> None:
    with PipedriveClient(sandbox_settings(sandbox, burst_limit=1000), clock=clock) as client:
        deal = client.run("getDeal", {"id": 1})
        sandbox.expire_access_tokens()
        assert together(100, lambda: client.run("getDeal", {"id": 1})) == [deal] * 100
    assert sandbox.counters()["refreshes"] == 2


class ObservedLock:
    """A lock that reports everybody who comes to it."""

    def __init__(self) -> None:
        self.came = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *exc: object) -> None:
        self._lock.release()


def test_threads_that_waited_for_a_renewal_share_its_failure(oauth: Any, server: ScriptedServer) -> None:
    client = oauth(max_attempts=1)
    lock = tokens_of(client.settings.credential).lock = ObservedLock()  # type: ignore[assignment]
    held = Held(threading.Event(), http(503, b"{}", Content_Type=JSON))
    server.script = [held, tokens("access-1"), GOOD]
    results: list[Any] = []
    everybody = threading.Thread(target=lambda: results.extend(together(100, lambda: client.run("getDeal", {"id": 1}))))
    everybody.start()
    for _ in range(100):
        lock.came.acquire()
    held.until.set()
    everybody.join()
    assert [type(error) for error in results] == [PipedriveServerError] * 100
    assert len({id(error) for error in results}) == 100  # one for each thread: tracebacks do not mingle
    assert bearers(server) == ["renewal"]
    assert client.run("getDeal", {"id": 1}) == {"id": 1}


def test_a_renewal_is_repeated_after_a_passing_fault(oauth: Any, server: ScriptedServer) -> None:
    server.script = [http(503, b"{}", Content_Type=JSON), Reset, tokens("access-1"), GOOD]
    assert oauth().run("getDeal", {"id": 1}) == {"id": 1}
    assert bearers(server) == ["renewal", "renewal", "renewal", "access-1"]


def test_the_time_of_a_renewal_is_counted_once(oauth: Any, server: ScriptedServer, clock: FakeClock) -> None:
    server.script = [http(503, b"{}", Content_Type=JSON), tokens("access-1"), GOOD]
    client = oauth()
    client.run("getDeal", {"id": 1})
    assert client.usage.seconds == pytest.approx(sum(clock.slept))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (http(503, b"{}", Content_Type=JSON), PipedriveServerError),
        (Reset, PipedriveConnectionError),
        (Silence, PipedriveConnectionError),
        (http(200, b"<html>"), PipedriveResponseError),
        (http(302, b"", Location="https://elsewhere.example/"), PipedriveResponseError),
        (http(200, b"{}"), PipedriveResponseError),
        (tokens("access\r\nX: y"), PipedriveResponseError),
    ],
)
def test_a_passing_fault_of_the_oauth_host_is_no_dead_authorization(
    oauth: Any, server: ScriptedServer, fault: Any, kind: type
) -> None:
    server.script = [fault, tokens("access-1"), GOOD]
    client = oauth(max_attempts=1, timeout=1)
    with pytest.raises(PipedriveError) as raised:
        client.run("getDeal", {"id": 1})
    assert type(raised.value) is kind
    assert "X: y" not in str(raised.value)
    assert client.run("getDeal", {"id": 1}) == {"id": 1}


@pytest.mark.parametrize(
    "refusal", [DEAD, http(400, b'{"error": "invalid_client"}', Content_Type=JSON), http(400, b"no JSON")]
)
def test_a_dead_authorization_says_so_and_is_not_offered_again(
    oauth: Any, server: ScriptedServer, refusal: bytes
) -> None:
    server.script = [refusal]
    for client in (oauth(), oauth()):
        with pytest.raises(
            PipedriveAuthError, match="Authorize the app again and store the new refresh_token"
        ) as raised:
            client.run("getDeal", {"id": 1})
        assert (raised.value.retryable, raised.value.status) == (False, int(refusal[9:12]))
    assert bearers(server) == ["renewal"]


@pytest.mark.parametrize(
    ("status", "reason", "over"),
    [
        (400, "Invalid grant: refresh token is invalid or already exchanged.", True),
        (400, "invalid_grant", True),
        (400, "invalid_client", False),
        (400, None, False),
        (401, "invalid_grant", False),
    ],
)
def test_an_authorization_is_over_where_the_host_refuses_it_and_not_only_the_app(
    status: int, reason: str | None, over: bool
) -> None:
    assert is_over(PipedriveAuthError("no", status=status, reason=reason)) is over


def test_a_401_of_the_oauth_host_is_not_taken_for_a_dead_authorization(oauth: Any, server: ScriptedServer) -> None:
    server.script = [http(401, b"{}", Content_Type=JSON), tokens("access-1"), GOOD]
    client = oauth()
    with pytest.raises(PipedriveAuthError):
        client.run("getDeal", {"id": 1})
    assert client.run("getDeal", {"id": 1}) == {"id": 1}


def settings_without_host(server: ScriptedServer) -> Settings:
    extra = {"refresh_token": "refresh-1", "oauth_host": server.url}
    return settings_from(login="client-1", password="the-app-secret", extra=extra)


def test_the_companys_host_comes_with_the_token(server: ScriptedServer, clock: FakeClock) -> None:
    settings = settings_without_host(server)
    server.script = [tokens("access-1", api_domain=server.url), GOOD]
    with PipedriveClient(settings, clock=clock) as client:
        assert client.origin == server.url
        assert client.run("getDeal", {"id": 1}) == {"id": 1}


@pytest.mark.parametrize("said", [None, "", 5])
def test_without_an_api_domain_the_shared_host_is_used(server: ScriptedServer, clock: FakeClock, said: Any) -> None:
    settings = settings_without_host(server)
    server.script = [tokens("access-1", api_domain=said)]
    with PipedriveClient(settings, clock=clock) as client:
        assert client.origin == "https://api.pipedrive.com"


def test_a_strange_api_domain_never_gets_the_token(server: ScriptedServer, clock: FakeClock) -> None:
    settings = settings_without_host(server)
    server.script = [tokens("access-1", api_domain="https://evil.example")]
    with PipedriveClient(settings, clock=clock) as client:
        for _ in range(2):
            with pytest.raises(PipedriveAuthError, match="strange api_domain"):
                client.run("getDeal", {"id": 1})


def test_the_connections_own_host_goes_before_the_api_domain(oauth: Any, server: ScriptedServer) -> None:
    server.script = [tokens("access-1", api_domain="https://evil.example"), GOOD]
    assert oauth().run("getDeal", {"id": 1}) == {"id": 1}


@pytest.mark.parametrize("lifetime", ["3600", None, "soon", -5, 0, 1e12])
def test_a_strange_lifetime_counts_as_an_hour(
    oauth: Any, server: ScriptedServer, clock: FakeClock, lifetime: Any
) -> None:
    server.script = [tokens("access-1", expires_in=lifetime), GOOD, tokens("access-2"), GOOD]
    client = oauth()
    client.run("getDeal", {"id": 1})
    clock.now += 3300
    client.run("getDeal", {"id": 1})
    assert bearers(server) == ["renewal", "access-1", "renewal", "access-2"]


def test_a_clock_that_is_set_back_costs_one_401_and_no_more(
    oauth: Any, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [tokens("access-1"), GOOD, UNAUTHORIZED, tokens("access-2"), GOOD]
    client = oauth()
    client.run("getDeal", {"id": 1})
    clock.now -= 86_400
    assert client.run("getDeal", {"id": 1}) == {"id": 1}


def test_an_api_token_is_never_sent_as_a_bearer(make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [GOOD]
    make_client().run("getDeal", {"id": 1})
    assert server.requests[0].headers["x-api-token"] == API_TOKEN
    assert "authorization" not in server.requests[0].headers


def test_against_the_sandbox_a_walk_survives_that_its_token_expires(sandbox: Sandbox, clock: FakeClock) -> None:
    with PipedriveClient(sandbox_settings(sandbox), clock=clock) as client:
        deals = client.iterate("getDeals", {"limit": 5})
        first = next(deals)
        sandbox.expire_access_tokens()
        assert len([first, *deals]) == len(client.run("getDeals"))
    assert client.origin == sandbox.url
    assert sandbox.counters()["refreshes"] == 2

"""What goes over the wire, and what happens when the wire fails: the real transport against a scripted server."""

from __future__ import annotations

import gzip
import json
import resource
import socket

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import (
    PipedriveConnectionError,
    PipedriveError,
    PipedriveResponseError,
)
from tests.support.scripted_server import (
    API_TOKEN,
    FakeClock,
    Forever,
    HurryingClock,
    MakeClient,
    Reset,
    ScriptedServer,
    Silence,
    Step,
    ThenClose,
    closed_port,
    envelope,
    http,
)

GOOD = envelope({"id": 1})
JSON = "application/json"


def test_a_request_carries_the_token_as_a_header_and_says_who_asks(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [GOOD]
    assert client.run("getDeal", {"id": 1}) == {"id": 1}
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/api/v2/deals/1")
    assert request.headers["x-api-token"] == API_TOKEN
    assert request.headers["accept"] == JSON
    assert request.headers["user-agent"].startswith("airflow-provider-pipedrive/")


@pytest.mark.parametrize(
    "spoilt",
    [
        Reset,
        ThenClose(b""),
        ThenClose(GOOD[:-5]),  # truncated: content-length says more
        ThenClose(b"HTTP/1.1 200 OK\r\nContent-Length: 1" + b"0" * 15 + b"\r\n\r\n{}"),
        ThenClose(b"HTTP/1.1 200 OK\r\nContent-Length: 1" + b"0" * 30 + b"\r\n\r\n{}"),
        ThenClose(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"),
        ThenClose(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
        ThenClose(b"not HTTP at all\r\n\r\n"),
        ThenClose(b"HTTP/1.1 200 OK\r\n\r\n" + GOOD[-9:-3]),  # cut, and no content-length to tell
        http(200, b"not gzip", Content_Encoding="gzip"),
        http(200, gzip.compress(b'{"data": {"id": 1}}')[:-12], Content_Encoding="gzip"),
        http(200, b""),
        http(200, b"<html>"),
        http(200, b'{"data": NaN}'),
        http(200, b'{"success": true, "data": null}'),
        http(200, b'{"data": "\xff"}'),
        http(200, b"[]"),
        http(500, b"{}", Content_Type=JSON),
        http(502, b"<html>Bad gateway</html>", Content_Type="text/html"),
        http(429, b"{}", Content_Type=JSON),
    ],
)
def test_a_read_is_repeated_after_a_passing_fault(
    client: PipedriveClient, server: ScriptedServer, spoilt: Step
) -> None:
    server.script = [spoilt, GOOD]
    assert client.run("getDeal", {"id": 1}) == {"id": 1}
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "spoilt",
    [Reset, ThenClose(GOOD[:-5]), http(200, b""), http(200, b"<html>"), http(500, b"{}", Content_Type=JSON)],
)
def test_a_create_whose_outcome_is_unknown_is_not_repeated(
    client: PipedriveClient, server: ScriptedServer, spoilt: Step
) -> None:
    server.script = [spoilt, GOOD]
    with pytest.raises(PipedriveError, match="look in Pipedrive before you repeat it") as raised:
        client.run("addDeal", {"title": "A"})
    assert raised.value.retryable is False
    assert len(server.requests) == 1


def test_a_create_that_was_refused_for_its_pace_is_repeated(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [http(429, b"{}", Content_Type=JSON), GOOD]
    assert client.run("addDeal", {"title": "A"}) == {"id": 1}
    assert [json.loads(request.body) for request in server.requests] == [{"title": "A"}] * 2


def test_a_create_that_found_nobody_listening_is_repeated_until_the_attempts_are_used_up(clock: FakeClock) -> None:
    settings = settings_from(host=f"http://127.0.0.1:{closed_port()}", extra={"api_token": "t", "max_attempts": 3})
    with PipedriveClient(settings, clock=clock) as client, pytest.raises(PipedriveConnectionError) as raised:
        client.run("addDeal", {"title": "A"})
    assert client.usage.requests == 3
    assert (raised.value.nothing_sent, raised.value.retryable) == (True, True)
    assert "unknown" not in str(raised.value)
    first, second = clock.slept
    assert 0.5 <= first <= 0.625
    assert 1.0 <= second <= 1.25


def test_a_host_that_nobody_knows_is_said_in_words(clock: FakeClock, mocker: MockerFixture) -> None:
    mocker.patch("socket.getaddrinfo", side_effect=socket.gaierror(-2, "Name or service not known"))
    settings = settings_from(host="acmme.pipedrive.com", extra={"api_token": API_TOKEN, "max_attempts": 1})
    with PipedriveClient(settings, clock=clock) as client, pytest.raises(PipedriveConnectionError) as refused:
        client.run("addDeal", {"title": "A"})
    assert str(refused.value) == (
        "addDeal: the name in https://acmme.pipedrive.com cannot be resolved: check the connection's host, and this "
        "machine's network."
    )
    assert (refused.value.nothing_sent, refused.value.retryable) == (True, True)


def test_a_gzip_answer_is_unpacked(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [http(200, gzip.compress(b'{"data": {"id": 1}}'), Content_Encoding="gzip")]
    assert client.run("getDeal", {"id": 1}) == {"id": 1}


def test_a_gzip_answer_in_two_members_is_read_whole(client: PipedriveClient, server: ScriptedServer) -> None:
    packed = gzip.compress(b'{"data": ') + gzip.compress(b'{"id": 1}}')
    server.script = [http(200, packed, Content_Encoding="gzip")]
    assert client.run("getDeal", {"id": 1}) == {"id": 1}


def test_an_integer_of_any_size_stays_exact(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [envelope({"id": 123456789012345678901234567890})]
    assert client.run("getDeal", {"id": 1}) == {"id": 123456789012345678901234567890}


def test_a_silence_is_bounded_by_the_timeout(make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [Silence]
    with pytest.raises(PipedriveConnectionError, match=r"no answer within 0\.1 s \(the connection's timeout\)"):
        make_client(timeout=0.1, max_attempts=1).run("getDeal", {"id": 1})


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n"


@pytest.mark.parametrize(
    "dribble",
    [
        Forever(HEAD + b"\r\n", b" "),
        Forever(HEAD + b"X-Long: ", b"x" * 100),
        Forever(HEAD, b"X-Many: " + b"x" * 1000 + b"\r\n"),
        Forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        Forever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        Forever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        # deflate blocks that hold nothing: bytes come, but none of the unpacked answer
        Forever(HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], b"\x00\x00\x00\xff\xff" * 1000),
    ],
    ids=["body", "one header", "headers", "100 continue", "chunks", "chunk size", "empty gzip"],
)
def test_a_whole_answer_must_come_within_ten_timeouts_however_it_is_dribbled(
    make_client: MakeClient, server: ScriptedServer, dribble: Step
) -> None:
    server.script = [dribble]
    client = make_client(use_clock=HurryingClock(), timeout=1, max_attempts=1)
    with pytest.raises(PipedriveConnectionError, match="the answer was not complete after 10 s"):
        client.run("getDeal", {"id": 1})


@pytest.mark.parametrize(
    "huge",
    [
        Forever(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", b" " * 2**16),
        Forever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + b" " * 2**20 + b"\r\n"),
        http(200, 200 * gzip.compress(b" " * 2**20), Content_Encoding="gzip"),
    ],
    ids=["declared", "endless", "packed"],
)
def test_an_answer_larger_than_any_of_pipedrives_is_not_read_to_its_end(
    make_client: MakeClient, server: ScriptedServer, huge: Step
) -> None:
    server.script = [huge]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        PipedriveResponseError, match=r"is larger than 128 MiB: nothing more .* fewer records"
    ) as raised:
        make_client(max_attempts=1).run("getDeals")
    assert raised.value.retryable
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 180 * 1024  # KiB


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_an_api_request_follows_no_redirect(client: PipedriveClient, server: ScriptedServer, status: int) -> None:
    server.script = [http(status, b"", Location=f"{server.url}/v1/elsewhere"), GOOD]
    with pytest.raises(PipedriveResponseError, match="It redirects, which the API does not do"):
        client.run("getDeal", {"id": 1})
    assert len(server.requests) == 1


def test_no_text_of_the_libraries_clings_to_an_error(make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [Reset]
    with pytest.raises(PipedriveConnectionError) as raised:
        make_client(max_attempts=1).run("getDeal", {"id": 1})
    assert raised.value.__context__ is None
    assert raised.value.__cause__ is None

"""Requests that no action describes go to the connection's own host and nowhere else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveParameterError,
)
from tests.support.scripted_server import ScriptedServer, envelope


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/v1/deals",
        "//evil.example\\@{host}/v1/deals",
        "https://evil.example/v1/deals",
        "http://{host}@evil.example/v1/deals",
        "http://user@{host}/v1/deals",
        "http://{host}.evil.example/v1/deals",
        "http://127.0.0.1:1/v1/deals",
        "https://{host}/v1/deals",
        "http:\\\\evil.example/v1/deals",
        "http://evil.example\\{host}/v1/deals",
        "http://[/v1/deals",
        "//[/v1/deals",
        "\\\\evil.example/v1/deals",
        "@evil.example/v1/deals",
        ":1/v1/deals",
        ".evil.example/v1/deals",
        "evil.example/v1/deals",
        "javascript:/v1/deals",
        "",
        "/",
        "/oauth/token",
        "/api/v3/deals",
        "/v1",
        "/v1/../oauth/token",
        "/v1/..",
        "/v1/%2e%2e/oauth/token",
        "/v1/%2E./oauth/token",
        "/v1/.%2e%2foauth/token",
        "/v1/..\\oauth\\token",
        "/v1/%5c..%5coauth",
        "/v1/deals#fragment",
        "/v1/deals\r\nHost: evil.example",
        "/v1/deals\n",
        "/v1/deals\x00",
        "/v1/deals%0d%0aHost:evil.example",
        "http://{host}/v1/../oauth/token",
        "http://{host}/oauth/token",
        "http://{host}",
    ],
)
@pytest.mark.parametrize("way", ["request", "rawRequest"])
def test_a_raw_request_goes_nowhere_but_to_the_api_of_the_connections_own_host(
    client: PipedriveClient, server: ScriptedServer, path: str, way: str
) -> None:
    path = path.replace("{host}", urlsplit(server.url).netloc)
    with pytest.raises(PipedriveParameterError):
        client.request("GET", path) if way == "request" else client.run("rawRequest", {"method": "GET", "path": path})
    assert server.requests == []


@pytest.mark.parametrize(
    ("path", "params", "target"),
    [
        ("/v1/deals", None, "/v1/deals"),
        ("/api/v1/deals", None, "/v1/deals"),
        ("/api/v2/deals", {"ids": [1, 2], "done": True, "x": None}, "/api/v2/deals?ids=1%2C2&done=true"),
        ("/api/v2/deals?a=1", {"a": 2}, "/api/v2/deals?a=1&a=2"),
        ("/v1/x?url=https://evil.example/..", None, "/v1/x?url=https://evil.example/.."),
        ("/v1/x", {"a": "b&c=d\r\nHost: evil"}, "/v1/x?a=b%26c%3Dd%0D%0AHost%3A+evil"),
        ("/v1/x", {"t": datetime(2026, 1, 31, tzinfo=UTC)}, "/v1/x?t=2026-01-31+00%3A00%3A00"),
        ("/api/v2/x", {"t": datetime(2026, 1, 31, tzinfo=UTC)}, "/api/v2/x?t=2026-01-31T00%3A00%3A00Z"),
        ("/v1/files/a%2Fb", None, "/v1/files/a%2Fb"),
        ("{url}/v1/deals?a=1", None, "/v1/deals?a=1"),
    ],
)
def test_a_raw_request(client: PipedriveClient, server: ScriptedServer, path: str, params: Any, target: str) -> None:
    server.script = [envelope([1])]
    answer = client.request("get", path.replace("{url}", server.url), params)
    assert answer == {"success": True, "data": [1]}
    assert [(request.method, request.target) for request in server.requests] == [("GET", target)]


def test_the_action_raw_request_answers_the_data(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [envelope({"id": 1})]
    sent = {"method": "POST", "path": "/v1/things", "query": {"a": 1}, "body": {"b": None}}
    assert client.run("rawRequest", sent) == {"id": 1}
    (request,) = server.requests
    assert (request.target, json.loads(request.body)) == ("/v1/things?a=1", {"b": None})


@pytest.mark.parametrize(
    "path",
    [
        "/v1/\uff0e\uff0e/oauth",
        "/v1/\u2025/oauth",
        "/v1/d\u0435als",
        "/\u0473v1/deals",
        "\uff0fv1/deals",
        "/v1/..;x=1/oauth",
        "/v1/%2e%2e;/oauth",
        "/v1/%2E%2E/oauth",
        "/v1/%5c..%5coauth",
        "/v1/notes\t/1",
        "/v1/notes%0d%0aX-Api-Token: x",
        "/v1/notes\x00",
        "https://acme.pipedr\u0131ve.com/v1/deals",
        "https://storage.example\\.pipedrive.com/v1/deals",
        "https://storage.example/v1/deals",
        "https:/v1/deals",
        "\thttps://storage.example/v1/deals",
        "///storage.example/v1/deals",
        "//storage.example/v1/deals",
        "/v1@storage.example/",
        "@storage.example/v1/",
        ":80/v1/deals",
    ],
)
def test_a_raw_path_that_could_be_read_in_another_way_is_refused(
    client: PipedriveClient, server: ScriptedServer, path: str
) -> None:
    with pytest.raises(PipedriveParameterError):
        client.request("GET", path)
    with pytest.raises(PipedriveParameterError):
        client.run("rawRequest", {"method": "GET", "path": path})
    assert server.requests == []


def test_what_a_query_says_may_have_any_letter(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [envelope([])]
    client.request("GET", "/api/v2/deals/search?term=M\u00fcller")
    assert server.requests[0].target == "/api/v2/deals/search?term=M%C3%BCller"

"""How connections are opened: kept, with no cookie, through which proxy, with which certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import PipedriveConnectionError, PipedriveParameterError
from tests.support.scripted_server import (
    API_TOKEN,
    FakeClock,
    MakeClient,
    ScriptedServer,
    ThenClose,
    closed_port,
    envelope,
    http,
)

GOOD = envelope({"id": 1})


def test_connections_are_kept(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [GOOD, GOOD, GOOD]
    for _ in range(3):
        client.run("getDeal", {"id": 1})
    assert server.connections == 1


def test_netrc_replaces_no_credential(
    client: PipedriveClient, server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.script = [GOOD]
    client.run("getDeal", {"id": 1})
    assert "authorization" not in server.requests[0].headers


def test_cookies_are_not_kept(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [http(200, b'{"data": 1}', Set_Cookie="who=somebody; Path=/"), GOOD]
    client.run("getDeal", {"id": 1})
    client.run("getDeal", {"id": 1})
    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_no_proxy_stands_before_this_machine_whatever_the_environment_says(
    client: PipedriveClient, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    server.script = [GOOD]
    assert client.run("getDeal", {"id": 1}) == {"id": 1}


def test_nor_whatever_the_connection_says(make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [GOOD]
    client = make_client(proxies={"http": f"http://127.0.0.1:{closed_port()}"})
    assert client.run("getDeal", {"id": 1}) == {"id": 1}


@pytest.mark.parametrize("where", ["connection", "environment"])
def test_pipedrive_is_reached_through_the_proxy(
    server: ScriptedServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    extra: dict[str, object] = {"api_token": API_TOKEN, "max_attempts": 1}
    if where == "connection":
        extra["proxies"] = {"https": server.url}
    else:
        monkeypatch.setenv("HTTPS_PROXY", server.url)
    server.script = [ThenClose(http(502))]
    with PipedriveClient(settings_from(host="acme", extra=extra), clock=clock) as client:
        with pytest.raises(PipedriveConnectionError, match="the proxy failed") as raised:
            client.run("addDeal", {"title": "A"})
    assert raised.value.nothing_sent is True
    (request,) = server.requests
    assert (request.method, request.target) == ("CONNECT", "acme.pipedrive.com:443")
    assert "x-api-token" not in request.headers


def test_a_proxy_that_cannot_be_used_is_a_wrong_setting(clock: FakeClock) -> None:
    proxies = {"https": "http://user:ProxyWord@:port"}
    with PipedriveClient(
        settings_from(host="acme", extra={"api_token": "t", "proxies": proxies}), clock=clock
    ) as client:
        with pytest.raises(PipedriveParameterError, match="check host and proxies") as raised:
            client.run("getDeal", {"id": 1})
    assert "ProxyWord" not in str(raised.value)


def test_a_certificate_file_that_is_not_there_is_a_wrong_setting(make_client: MakeClient) -> None:
    with pytest.raises(
        PipedriveParameterError, match=r"verify must be true, false, or the path .* not '/nowhere\.pem'"
    ):
        make_client(verify="/nowhere.pem").run("getDeal", {"id": 1})

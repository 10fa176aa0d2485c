"""Files on their way out of Pipedrive."""

from __future__ import annotations

import io
from contextlib import nullcontext
from typing import Any, BinaryIO

import pytest
import urllib3

from airflow_provider_pipedrive.client import PipedriveClient, settings_from, transport
from airflow_provider_pipedrive.client.downloads import DOWNLOAD_IN_MEMORY
from airflow_provider_pipedrive.client.responses import Operation
from airflow_provider_pipedrive.client.transport import redirect_target
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveParameterError,
    PipedriveResponseError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.scripted_server import FakeClock, Reset, ScriptedServer, ThenClose, http

CONTENT = bytes(range(256)) * 1000


class NamedBytes(io.BytesIO):
    name = "/somewhere/report.pdf"


@pytest.mark.parametrize("redirects", [False, True])
def test_a_download_comes_directly_or_from_a_storage_host(clock: FakeClock, redirects: bool) -> None:
    with Sandbox(deals=1, download_redirect=redirects) as sandbox:
        file = sandbox.add_file("a.bin", CONTENT)
        settings = settings_from(host=sandbox.url, extra={"api_token": sandbox.api_token})
        with PipedriveClient(settings, clock=clock) as client:
            sink = io.BytesIO(b"head")
            sink.seek(4)
            assert client.download("downloadFile", {"id": file["id"]}, sink) == len(CONTENT)
    assert sink.getvalue() == b"head" + CONTENT


def test_the_storage_host_does_not_see_the_credential(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [http(302, b"", Location="/storage/1?signature=x"), http(200, CONTENT)]
    assert client.run("downloadFile", {"id": 1}) == CONTENT
    first, second = server.requests
    assert "x-api-token" in first.headers
    assert (second.target, "x-api-token" in second.headers) == ("/storage/1?signature=x", False)
    assert "authorization" not in second.headers


@pytest.mark.parametrize(
    "location",
    ["http://storage.example/1", "ftp://storage.example/1", "file:///etc/passwd", "https://[", "http://10.0.0.1/1"],
)
def test_a_redirect_to_anything_but_https_is_not_followed(
    client: PipedriveClient, server: ScriptedServer, location: str
) -> None:
    server.script = [http(302, b"", Location=location)]
    with pytest.raises(PipedriveResponseError, match="redirects to"):
        client.run("downloadFile", {"id": 1})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("origin", "location", "followed"),
    [
        ("https://acme.pipedrive.com/v1/files/1/download", "https://storage.example/1", True),
        ("https://acme.pipedrive.com/v1/files/1/download", "https://127.0.0.1/1", False),
        ("https://acme.pipedrive.com/v1/files/1/download", "http://127.0.0.1/1", False),
        ("http://127.0.0.1:5/v1/files/1/download", "http://127.0.0.1:6/1", True),
        ("http://127.0.0.1:5/v1/files/1/download", "https://127.0.0.1:6/1", True),
    ],
)
def test_this_machine_is_a_storage_host_only_where_the_connection_is_here_too(
    origin: str, location: str, followed: bool
) -> None:
    with nullcontext() if followed else pytest.raises(PipedriveResponseError, match="redirects to"):
        assert redirect_target(Operation("GET", "/v1/files/1/download"), origin, location) == location


@pytest.mark.parametrize(
    "location",
    [
        "https://10.0.0.1/1",
        "https://169.254.169.254/latest/",
        "https://[::1]/1",
        "https://[::ffff:10.0.0.1]/1",
        "https://[fe80::1%25eth0]/1",
        "https://localhost/1",
        "https://\uff11\uff12\uff17.0.0.1/1",
        "https://loca\u017fhost/1",
        "https://storage.example\\@10.0.0.1/1",
        "https://user@storage.example/1",
        "//10.0.0.1/1",
    ],
)
def test_a_redirect_from_pipedrive_to_an_address_that_is_not_on_the_internet_is_not_followed(location: str) -> None:
    with pytest.raises(PipedriveResponseError, match="redirects to"):
        redirect_target(Operation("GET", "/v1/files/1/download"), "https://acme.pipedrive.com/v1/1", location)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:192.168.0.1", "100.64.0.1"]
)
def test_a_name_that_leads_to_such_an_address_is_refused_when_it_is_connected_to(
    client: PipedriveClient, server: ScriptedServer, mocker: Any, address: str
) -> None:
    """The server is here in the place of Pipedrive, which is told apart from this machine by its name only."""
    mocker.patch.object(transport, "is_loopback", return_value=False)
    opened = mocker.Mock()
    opened.getpeername.return_value = (address, 443)
    real = urllib3.util.connection.create_connection

    def create(target: tuple[str, int], *args: Any, **options: Any) -> Any:
        return opened if target[0] == "storage.example" else real(target, *args, **options)

    mocker.patch("urllib3.util.connection.create_connection", create)
    server.script = [http(302, b"", Location="https://storage.example/1?signature=x")]
    with pytest.raises(PipedriveResponseError, match="whose address is on this machine or in a private network") as no:
        client.run("downloadFile", {"id": 1})
    assert not no.value.retryable
    opened.close.assert_called_once_with()
    opened.sendall.assert_not_called()


def test_pipedrives_own_host_may_be_anywhere(client: PipedriveClient, server: ScriptedServer, mocker: Any) -> None:
    mocker.patch.object(transport, "is_loopback", return_value=False)
    server.script = [http(200, CONTENT)]
    assert client.run("downloadFile", {"id": 1}) == CONTENT


def test_redirects_in_a_circle_end(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [http(302, b"", Location="/again")] * 9
    with pytest.raises(PipedriveResponseError, match="more than 5 redirects"):
        client.run("downloadFile", {"id": 1})
    assert len(server.requests) == 5


def test_a_storage_host_that_refuses_is_not_mistaken_for_pipedrive(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    refused = http(403, b"<Error><Code>AccessDenied</Code></Error>", Content_Type="application/xml")
    redirect = http(302, b"", Location="/storage/1")
    server.script = [redirect, refused, redirect, http(200, CONTENT)]
    assert client.run("downloadFile", {"id": 1}) == CONTENT


@pytest.mark.parametrize(
    "broken",
    [
        Reset,
        ThenClose(http(200, CONTENT)[:-1000]),
        ThenClose(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        http(503, b"{}", Content_Type="application/json"),
    ],
)
def test_a_broken_download_begins_again(client: PipedriveClient, server: ScriptedServer, broken: Any) -> None:
    server.script = [broken, http(200, CONTENT)]
    sink = io.BytesIO()
    assert client.download("downloadFile", {"id": 1}, sink) == len(CONTENT)
    assert sink.getvalue() == CONTENT


def test_nothing_of_a_broken_download_remains_behind_a_shorter_one(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [ThenClose(http(200, CONTENT)[:-1000]), http(200, b"short")]
    sink = io.BytesIO()
    assert client.download("downloadFile", {"id": 1}, sink) == 5
    assert sink.getvalue() == b"short"


def test_a_file_is_asked_for_as_it_is_stored(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [http(302, b"", Location="/storage/1"), http(200, CONTENT)]
    client.run("downloadFile", {"id": 1})
    assert [request.headers["accept-encoding"] for request in server.requests] == ["identity", "identity"]


class FullDisk(io.BytesIO):
    def write(self, chunk: Any) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_an_os_error_and_not_a_fault_of_the_connections(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [http(200, CONTENT)]
    with pytest.raises(OSError, match="No space left on device"):
        client.download("downloadFile", {"id": 1}, FullDisk())
    assert len(server.requests) == 1


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("sink", [Pipe(), io.StringIO()])
def test_a_sink_that_cannot_take_a_download_is_refused_before_sending(
    client: PipedriveClient, server: ScriptedServer, sink: Any
) -> None:
    with pytest.raises(PipedriveParameterError, match="open it with 'wb'"):
        client.download("downloadFile", {"id": 1}, sink)
    assert server.requests == []


def test_a_download_without_a_target_is_bounded(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [ThenClose(http(200, bytes(DOWNLOAD_IN_MEMORY + 1)))]
    with pytest.raises(PipedriveParameterError, match="the file is larger than 50 MB: give save_to"):
        client.run("downloadFile", {"id": 1})


def test_429s_that_say_nothing_end_a_download_as_a_spent_day(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [http(429, b"{}", Content_Type="application/json")] * 9
    with pytest.raises(PipedriveDailyBudgetError):
        client.run("downloadFile", {"id": 1})
    assert len(server.requests) == 4


def test_a_download_is_streamed(client: PipedriveClient, server: ScriptedServer) -> None:
    class Largest(io.BytesIO):
        largest = 0

        def write(self, chunk: Any) -> int:
            Largest.largest = max(self.largest, len(chunk))
            return super().write(chunk)

    sink: BinaryIO = Largest()
    server.script = [http(200, CONTENT * 20)]
    assert client.download("downloadFile", {"id": 1}, sink) == len(CONTENT) * 20
    assert Largest.largest <= 64 * 1024

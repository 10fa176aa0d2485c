"""Files on their way to Pipedrive."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.client.uploads import Upload
from airflow_provider_pipedrive.errors import (
    PipedriveError,
    PipedriveParameterError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.scripted_server import FakeClock, Reset, ScriptedServer, envelope, http

CONTENT = bytes(range(256)) * 1000


class NamedBytes(io.BytesIO):
    name = "/somewhere/report.pdf"


@pytest.mark.parametrize("form", ["path as text", "path", "bytes", "file object", "named file object", "pair"])
def test_a_file_arrives_as_it_was_with_its_name(sandbox: Sandbox, clock: FakeClock, tmp_path: Path, form: str) -> None:
    path = tmp_path / "Übersicht.pdf"
    path.write_bytes(CONTENT)
    given: dict[str, tuple[Any, str]] = {
        "path as text": (str(path), "Übersicht.pdf"),
        "path": (path, "Übersicht.pdf"),
        "bytes": (CONTENT, "file"),
        "file object": (io.BytesIO(CONTENT), "file"),
        "named file object": (NamedBytes(CONTENT), "report.pdf"),
        "pair": (("offer.pdf", CONTENT), "offer.pdf"),
    }
    file, name = given[form]
    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": sandbox.api_token}), clock=clock
    ) as client:
        uploaded = client.run("addFile", {"file": file, "deal_id": 1})
        assert (uploaded["name"], uploaded["deal_id"]) == (name, 1)
        assert client.run("downloadFile", {"id": uploaded["id"]}) == CONTENT


def test_a_file_name_cannot_bring_headers_in() -> None:
    upload = Upload("addFile", [("deal_id", "1")], "file", ('a"\r\nX-Evil: 1\r\n\r\n.pdf', b"content"))
    with upload.opened() as blocks:
        body = b"".join(blocks)
    assert len(upload) == len(body)
    assert b"X-Evil: 1\r\n" not in body
    assert b'filename="a%22%0D%0AX-Evil: 1%0D%0A%0D%0A.pdf"' in body


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("/nowhere/at/all.pdf", "/nowhere/at/all.pdf cannot be read: No such file or directory"),
        ("zero\x00byte", "cannot be read: ValueError"),
        (Path("/"), "cannot be read: Is a directory"),
        (io.StringIO("text"), "open it in binary mode"),
        (5, "a path, bytes or a binary file object was expected, not int"),
        ("s3://bucket/key", "a path, bytes or a binary file object was expected, not str"),
    ],
)
def test_what_is_no_file_is_refused_before_sending(
    client: PipedriveClient, server: ScriptedServer, file: Any, message: str
) -> None:
    with pytest.raises(PipedriveParameterError, match=message):
        client.run("addFile", {"file": file})
    assert server.requests == []


def test_an_upload_whose_outcome_is_unknown_is_not_repeated(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [Reset, envelope({"id": 1})]
    with pytest.raises(PipedriveError, match="look in Pipedrive before you repeat it"):
        client.run("addFile", {"file": b"content"})
    assert len(server.requests) == 1


def test_an_upload_that_was_refused_for_its_pace_is_sent_again_whole(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [http(429, b"{}", Content_Type="application/json"), envelope({"id": 1})]
    client.run("addFile", {"file": io.BytesIO(CONTENT)})
    bodies = [request.body for request in server.requests]
    assert bodies[0] == bodies[1]
    assert CONTENT in bodies[0]


class Zeros(io.RawIOBase):
    """A file of so many zeros, which notes how many bytes are asked for at once."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.place = 0
        self.asked: list[int] = []

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.place = offset + {0: 0, 1: self.place, 2: self.size}[whence]
        return self.place

    def tell(self) -> int:
        return self.place

    def read(self, size: int = -1) -> bytes:
        self.asked.append(size)
        block = bytes(min(size, self.size - self.place))
        self.place += len(block)
        return block


def test_a_long_file_is_read_in_small_blocks_while_it_is_sent(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [envelope({"id": 1})]
    file = Zeros(1_000_000)
    client.run("addFile", {"file": ("zeros.bin", file)})
    assert bytes(1_000_000) in server.requests[0].body
    assert len(server.requests[0].body) == int(server.requests[0].headers["content-length"])
    assert max(file.asked) == 64 * 1024


def test_a_file_object_that_cannot_be_rewound_is_sent_whole(client: PipedriveClient, server: ScriptedServer) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    server.script = [http(429, b"{}", Content_Type="application/json"), envelope({"id": 1})]
    client.run("addFile", {"file": Pipe(CONTENT)})
    assert [CONTENT in request.body for request in server.requests] == [True, True]


@pytest.mark.parametrize(("size", "says"), [(3, "log.txt has become shorter"), (5, "log.txt has become longer")])
def test_a_file_that_changes_while_it_is_read_is_not_uploaded(sandbox: Sandbox, size: int, says: str) -> None:
    class Changing:
        name = "log.txt"
        sizes = (4, size)

        def open(self, mode: str) -> io.BytesIO:
            now, *self.sizes = self.sizes  # type: ignore[assignment]
            return io.BytesIO(b"x" * now)

        def __str__(self) -> str:
            return self.name

    before = len(sandbox.records("files"))
    with (
        PipedriveClient(settings_from(host=sandbox.url, extra={"api_token": sandbox.api_token})) as client,
        pytest.raises(PipedriveParameterError, match=f"addFile: file: {says} while it was read"),
    ):
        client.run("addFile", {"file": Changing()})
    assert len(sandbox.records("files")) == before

"""Files on their way to Pipedrive."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.client.uploads import multipart
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
    body, _ = multipart("addFile", [("deal_id", "1")], "file", ('a"\r\nX-Evil: 1\r\n\r\n.pdf', b"content"))
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

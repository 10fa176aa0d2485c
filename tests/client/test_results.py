"""What a caller gets of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from tests.support.scripted_server import ScriptedServer, envelope, http


@pytest.mark.parametrize(
    ("action", "answer", "data"),
    [
        ("getPermissionSet", http(204), None),
        ("deleteLead", envelope(None), None),
        ("getPermissionSet", http(200, b'{"success": true}'), None),
        ("getPermissionSet", http(200, b'{"id": "a", "name": "b"}'), {"id": "a", "name": "b"}),
    ],
)
def test_an_answer_without_data(
    client: PipedriveClient, server: ScriptedServer, action: str, answer: bytes, data: Any
) -> None:
    server.script = [answer]
    assert client.run(action, {"id": "a"}) == data

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


def test_a_record_that_comes_as_a_list_of_one_is_the_record(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [envelope([{"id": "a", "name": "b"}]), envelope([{"deal_default_visibility": 1}])]

    assert client.run("getPermissionSet", {"id": "a"}) == {"id": "a", "name": "b"}
    assert client.run("getUserRoleSettings", {"id": 1}) == [{"deal_default_visibility": 1}]

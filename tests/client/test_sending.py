"""A request's way from the client to the HTTP library is short enough to be read in a traceback."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest
import urllib3
from pytest_mock import MockerFixture

import airflow_provider_pipedrive
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveError
from tests.support.scripted_server import Reset, ScriptedServer, envelope, http

PACKAGE = str(Path(airflow_provider_pipedrive.__file__).parent)
SCREEN = 30


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("getDeal", {"id": 1}),
        ("updateDeal", {"id": 1, "title": "Sail"}),
        ("deleteDeal", {"id": 1}),
        ("getDeals", {}),
        ("rawRequest", {"method": "GET", "path": "/v1/deals/1"}),
    ],
)
def test_at_most_9_named_functions_are_between_the_client_and_the_http_library(
    action: str, parameters: dict[str, Any], client: PipedriveClient, server: ScriptedServer, mocker: MockerFixture
) -> None:
    stacks: list[list[str]] = []
    urlopen = urllib3.HTTPConnectionPool.urlopen

    def seen(*arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        stacks.append([frame.name for frame in traceback.extract_stack() if frame.filename.startswith(PACKAGE)])
        return urlopen(*arguments, **options)

    mocker.patch.object(urllib3.HTTPConnectionPool, "urlopen", autospec=True, side_effect=seen)
    server.script = [envelope({"id": 1})]
    client.run(action, parameters)
    (names,) = stacks
    assert names[0] == "run"
    assert len(names) <= 9
    assert [name for name in names if name.startswith("<")] == []


@pytest.mark.parametrize(
    ("action", "parameters"), [("getDeal", {"id": 1}), ("addDeal", {"title": "Sail"}), ("getDeals", {})]
)
@pytest.mark.parametrize("answer", [http(400, b'{"success":false,"error":"No"}'), http(502), Reset])
def test_the_traceback_of_a_failed_request_fits_a_screen(
    action: str, parameters: dict[str, Any], answer: Any, client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [answer] * 10
    with pytest.raises(PipedriveError) as failed:
        client.run(action, parameters)
    lines = "".join(traceback.format_exception(failed.value)).splitlines()
    assert len(lines) <= SCREEN

"""The company's lists, and names in them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.values import InvalidValue
from tests.support.scripted_server import ScriptedServer, envelope

STAGES = [{"id": 1}, {"id": 2, "name": None, "pipeline_id": None}, {"id": 3, "name": "Won over", "pipeline_id": 9}]
PIPELINES = [{"id": 8}, {"id": 9, "name": "Sales", "of_the_future": True}]


@pytest.mark.parametrize("named", ["Won over", "Sales: won over", "3", "3.0", 3.0])
def test_what_has_no_name_hides_nothing_that_has_one(
    client: PipedriveClient, server: ScriptedServer, named: Any
) -> None:
    server.script = [envelope(PIPELINES), envelope(STAGES)]

    assert Directory(client).stage_id(named) == 3


def test_what_has_no_name_has_not_the_name_none(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [envelope(PIPELINES), envelope(STAGES), envelope([{"id": 1}, {"key_string": "call"}])]
    directory = Directory(client)

    with pytest.raises(InvalidValue, match="the name or id of a stage, which 'None' is not"):
        directory.stage_id("None")
    with pytest.raises(InvalidValue, match="the name or id of a pipeline, which 'None' is not"):
        directory.pipeline_id("None")
    assert directory.activity_type("call") == "call"

"""Actions of the catalog as tools."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.catalog import ACTIONS, get_action
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.toolsets.tools import action_tools, general_tools, request_of, schema_of

OFFERED = [
    key
    for key, action in ACTIONS.items()
    if action.lifecycle != "removed" and action.result != "binary" and action.adapter != "any_request"
]


def test_every_action_that_can_be_called_is_a_tool_with_a_closed_schema() -> None:
    tools = action_tools(OFFERED)

    assert len(tools) == len(OFFERED) > 250
    for tool in tools:
        assert tool.schema["additionalProperties"] is False
        assert set(tool.schema["required"]) <= set(tool.schema["properties"])
        assert not {"cursor", "start"} & set(tool.schema["properties"])
        assert tool.description.endswith("API tokens a request.")


def test_a_schema_says_what_the_catalog_knows() -> None:
    schema = schema_of(get_action("getDeals"))["properties"]

    assert schema["status"] == {
        "type": "array",
        "items": {"type": "string", "enum": ["open", "won", "lost", "deleted"]},
    }
    assert schema["owner_id"] == {"type": "integer"}
    assert schema["limit"]["type"] == "integer"


def test_custom_fields_are_written_by_name() -> None:
    assert "by label" in schema_of(get_action("updateDeal"))["properties"]["custom_fields"]["description"]


def test_deletions_and_merges_are_destructive_and_other_writes_are_not() -> None:
    tools = {tool.name: tool for tool in action_tools(OFFERED)}

    assert {name for name, tool in tools.items() if tool.is_destructive} == {
        key
        for key in OFFERED
        if ACTIONS[key].method == "DELETE" or key in ("mergeDeals", "mergePersons", "mergeOrganizations")
    }
    assert tools["addNote"].is_write
    assert not tools["getDeals"].is_write


def test_the_general_tools_come_to_actions() -> None:
    search, record, fields = general_tools()

    assert request_of(search, {"term": "acme", "limit": 3}) == ("searchItem", {"term": "acme"})
    assert request_of(record, {"entity": "persons", "id": 7}) == ("getPerson", {"id": 7})
    assert request_of(fields, {"entity": "deals"}) == ("getDealFields", {})
    with pytest.raises(PipedriveParameterError, match="entity must be one of deals"):
        request_of(record, {"entity": "invoices", "id": 7})


@pytest.mark.parametrize(
    ("key", "message"),
    [("rawRequest", "sends any request"), ("downloadFile", "downloads a file"), ("nothing", "no action")],
)
def test_what_is_not_for_agents_is_refused(key: str, message: str) -> None:
    with pytest.raises(PipedriveParameterError, match=message):
        action_tools([key])

"""Records to choose from, as keys and labels."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveParameterError,
)


@pytest.mark.parametrize(
    "source",
    [
        "selectDeal",
        "selectOrganization",
        "selectPerson",
        "pipelines",
        "stages",
        "users",
        "filters",
        "labels",
        "leadLabels",
    ],
)
def test_options_are_keys_and_labels_as_text(boxed: PipedriveClient, source: str) -> None:
    for option in boxed.options(source):
        assert option.keys() == {"key", "label"}
        assert all(isinstance(text, str) for text in option.values())


def test_options_are_an_action_too(boxed: PipedriveClient) -> None:
    assert boxed.run("selectDeal", {"status": "open"}) == boxed.options("selectDeal", status="open")
    title = boxed.run("getDeals", {"limit": 1, "cursor": None})[0]["title"]
    assert any(title in option["label"] for option in boxed.run("selectDeal", {"term": title}))


@pytest.mark.parametrize("parameters", [{"source": "users"}, {"self": 1}, {"nonsense": 1}])
def test_options_take_no_other_names(boxed: PipedriveClient, parameters: dict[str, Any]) -> None:
    with pytest.raises(PipedriveParameterError, match="there is no parameter"):
        boxed.run("selectDeal", parameters)

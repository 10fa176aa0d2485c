"""Users, stages, pipelines and labels by name in single writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.client.parameters import check
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[PipedriveClient]:
    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    ) as made:
        yield made


def test_a_write_names_stage_owner_and_labels_as_people_do(client: PipedriveClient) -> None:
    deal = client.run(
        "updateDeal",
        {"id": 1, "stage_id": "negotiation", "owner_id": "harry2@example.com", "label_ids": ["Hot", "key account"]},
    )

    assert (deal["stage_id"], deal["owner_id"], deal["label_ids"]) == (5, 2, [1, 4])


@pytest.mark.parametrize(
    ("action", "given", "kept"),
    [
        ("addDeal", {"title": "A", "pipeline_id": "Renewals", "stage_id": "Signed"},
         {"pipeline_id": 2, "stage_id": 10}),
        ("addDeal", {"title": "A", "stage_id": "Partners: Trial"}, {"stage_id": 13}),
        ("addPerson", {"name": "A", "owner_id": "明美 山本", "label_ids": "Hot, Cold"},
         {"owner_id": 3, "label_ids": [1, 3]}),
        ("addPerson", {"name": "A", "label_ids": "['Warm']"}, {"label_ids": [2]}),
        ("addLead", {"title": "A", "person_id": 1, "label_ids": ["Hot"]},
         {"label_ids": ["f0dfb4a5-d8a0-44df-bfd6-3116e1ea24c4"]}),
    ],
)  # fmt: skip
def test_what_is_made_takes_names_too(
    client: PipedriveClient, action: str, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    made = client.run(action, given)

    assert {name: made[name] for name in kept} == kept


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stage_id": "Negotation"}, "stage_id must be the name or id of a stage, which 'Negotation' is not"),
        ({"stage_id": "Negotation"}, "did you mean 'Negotiation'?"),
        ({"owner_id": "nobody@example.com"}, "owner_id must be the name or id of a user"),
        ({"label_ids": ["Hott"]}, "label_ids must be the name or id of an option"),
        ({"stage_id": "Signed", "pipeline_id": "New business"}, "stage_id must be the name or id of a stage"),
    ],
)
def test_a_name_of_nothing_is_refused_with_the_nearest_one_and_nothing_is_written(
    client: PipedriveClient, sandbox: Sandbox, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(PipedriveParameterError, match="updateDeal") as raised:
        client.run("updateDeal", {"id": 1, **given})

    assert words in str(raised.value)
    assert {entry.method for entry in sandbox.requests} == {"GET"}


def test_a_name_that_two_stages_have_lists_both_with_their_ids(client: PipedriveClient) -> None:
    client.run("addStage", {"name": "Signed", "pipeline_id": 3})

    with pytest.raises(PipedriveParameterError, match=r"Renewals: Signed \(10\), Partners: Signed \(15\)"):
        client.run("updateDeal", {"id": 1, "stage_id": "Signed"})


def test_ids_read_no_lists(client: PipedriveClient, sandbox: Sandbox) -> None:
    client.run("updateDeal", {"id": 1, "stage_id": "5", "owner_id": 2, "label_ids": "[1, 2]"})
    client.run("updateDeal", {"id": 1, "stage_id": "5.0", "owner_id": 2.0})

    assert [entry.method for entry in sandbox.requests] == ["PATCH", "PATCH"]


def test_lists_are_read_once_for_many_writes_and_again_for_a_name_that_is_new(
    client: PipedriveClient, sandbox: Sandbox
) -> None:
    for _ in range(3):
        client.run("updateDeal", {"id": 1, "stage_id": "Negotiation"})
    assert [entry.path for entry in sandbox.requests].count("/api/v2/stages") == 1

    client.run("addStage", {"name": "Legal review", "pipeline_id": 1})
    assert client.run("updateDeal", {"id": 1, "stage_id": "Legal review"})["stage_id"] == 15


def test_what_a_name_means_is_only_asked_when_it_is_sent() -> None:
    check(ACTIONS["updateDeal"], {"id": 1, "stage_id": "Negotiation", "label_ids": ["Hot"]})

    with pytest.raises(PipedriveParameterError, match="stage_id must be a whole number"):
        check(ACTIONS["getDeals"], {"stage_id": "Negotiation"})

"""What a person is given to choose from: few, the right ones first, no two alike."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.choices import GETS, choices
from airflow_provider_pipedrive.client.options import SOURCES
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_can_be_chosen_from_and_no_two_labels_are_equal(boxed: PipedriveClient, source: str) -> None:
    found = choices(boxed, source, most=500)
    assert found.labels
    assert len(set(found.labels.values())) == len(found.labels)
    assert not found.has_more


def test_deals_of_one_title_are_told_apart_by_organization_owner_and_id(boxed: PipedriveClient) -> None:
    organization = boxed.run("addOrganization", {"name": "Acme"})["id"]
    made = [
        boxed.run("addDeal", {"title": "Renewal", "org_id": organization, "owner_id": 1})["id"],
        boxed.run("addDeal", {"title": "Renewal", "owner_id": 2})["id"],
    ]
    names = {user["id"]: user["name"] for user in boxed.run("getUsers")}
    for term in (None, "Renewal"):
        labels = choices(boxed, "selectDeal", term=term).labels
        assert [labels[str(key)] for key in made] == [
            f"Renewal - open (Acme, {names[1]}, #{made[0]})",
            f"Renewal - open ({names[2]}, #{made[1]})",
        ]


def test_the_newest_come_first_and_no_more_are_read_than_are_shown(boxed: PipedriveClient) -> None:
    newest = boxed.run("addDeal", {"title": "The newest"})["id"]
    before = boxed.usage.requests
    found = choices(boxed, "selectDeal", most=3)
    assert (next(iter(found.labels)), len(found.labels), found.has_more) == (str(newest), 3, True)
    assert boxed.usage.requests == before + 1


@pytest.mark.parametrize("given", [{"term": "a b"}, {"parameters": {"filter_id": 1}}, {"parameters": {"owner_id": 1}}])
def test_own_first_does_not_go_with_what_narrows_by_owner_itself(boxed: PipedriveClient, given: dict[str, str]) -> None:
    with pytest.raises(PipedriveParameterError, match="own_first is for"):
        choices(boxed, "selectDeal", own_first=True, **given)  # type: ignore[arg-type]


def test_a_record_of_each_source_with_records_can_be_read(boxed: PipedriveClient) -> None:
    for source, action in GETS.items():
        key = next(iter(choices(boxed, source, most=1).labels))
        assert str(boxed.run(action, {"id": key})["id"]) == key

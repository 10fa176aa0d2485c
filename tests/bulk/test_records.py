"""A few rows' records among many: searched for where that costs less, and found as surely as in the list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import lines, people

PEOPLE = 6000
LIST = PEOPLE // 500 * 10
"""API tokens of reading all of them."""
ME_AND_FIELDS = 12
"""API tokens of what every run reads first."""
LATER = 600.0
"""Seconds after which a search finds what was written."""


@pytest.fixture(scope="module")
def running_company() -> Iterator[Sandbox]:
    with Sandbox(deals=PEOPLE * 5 // 4, api_token="many") as sandbox:
        yield sandbox


@pytest.fixture
def company(running_company: Sandbox) -> Sandbox:
    running_company.reset()
    return running_company


@pytest.fixture
def client(company: Sandbox) -> Iterator[PipedriveClient]:
    with PipedriveClient(settings_from(host=company.url, extra={"api_token": "many", "burst_limit": 10_000})) as made:
        yield made


def decided(client: PipedriveClient, rows: list[dict[str, Any]], job: BulkJob, folder: Path) -> list[Any]:
    """What a dry run decides on each of the rows: the record, or why there is none."""
    receipt = write(client, rows, job, folder=folder)
    found = [(line["id"], line["key"], line["before"]) for line in lines(receipt["diff"])] if receipt["diff"] else []
    rejects = [(line["row"], line["reason"]) for line in lines(receipt["rejects"])] if receipt["rejects"] else []
    numbers = range(1, 7)
    return [receipt["lookup"], found, [reject for reject in rejects if reject[0] in numbers]]


def test_three_rows_among_many_cost_three_searches_instead_of_the_list(client: PipedriveClient, tmp_path: Path) -> None:
    known = [person for person in client.iterate("getPersons") if person["emails"]][40:42]
    rows = [{"email": person["emails"][0]["value"], "name": "Known"} for person in known]

    receipt = write(client, [*rows, *people(1)], BulkJob("persons"), folder=tmp_path)

    assert (receipt["updated"], receipt["created"], receipt["lookup"]) == (2, 1, "search")
    newest, changed, searches, records, writes = 10, 10, 3 * 20, 2, 3 * 5
    assert receipt["tokens"] == ME_AND_FIELDS + newest + changed + searches + records + writes
    assert receipt["tokens"] < LIST + ME_AND_FIELDS + writes


def test_more_rows_than_searching_pays_for_read_the_list_and_nothing_besides(
    client: PipedriveClient, tmp_path: Path
) -> None:
    receipt = write(client, people(8), BulkJob("persons", dry_run=True), folder=tmp_path)

    assert (receipt["created"], receipt["lookup"]) == (8, "index")
    assert receipt["tokens"] == ME_AND_FIELDS + LIST


def test_awkward_addresses_are_found_alike_by_search_and_in_the_list(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    for name, address in {
        "Capitals": "Zoe@Example.COM",
        "Spaces": "  spaced@example.com ",
        "Plus": "plus+sales@example.com",
        "Twin": "twin@example.com",
        "Twin too": "TWIN@example.com",
        "Gone": "gone@example.com",
        "Longer": "xplus@example.com.au",
    }.items():
        made = client.run("addPerson", {"name": name, "emails": [{"value": address, "primary": True}]})
        if name == "Gone":
            client.run("deletePerson", {"id": made["id"]})
    company.advance(LATER)
    addresses = ["zoe@example.com", "spaced@example.com", "plus+sales@example.com", "twin@example.com"]
    rows = [{"email": address, "name": "New"} for address in addresses]
    rows += [{"email": "gone@example.com", "name": "New"}, {"email": "plus@example.com", "name": "New"}]
    job = BulkJob("persons", mode="update", max_rejects=1.0, dry_run=True)
    many = [{"email": f"nobody{number}@example.com", "name": "New"} for number in range(100)]

    searched = decided(client, rows[:3], job, tmp_path / "1"), decided(client, rows[3:], job, tmp_path / "2")
    [how, found, rejects] = decided(client, [*rows, *many], job, tmp_path / "3")

    assert (how, searched[0][0], searched[1][0]) == ("index", "search", "search")
    assert searched[0][1] + searched[1][1] == found
    assert [line[2]["Name"] for line in found] == ["Capitals", "Spaces", "Plus"]
    assert searched[0][2] == []
    assert [reason for _row, reason in searched[1][2]] == [reason for _row, reason in rejects]
    assert "several records have the key" in rejects[0][1]
    assert [reason for _row, reason in rejects[1:]] == [
        "there is no record with the key gone@example.com",
        "there is no record with the key plus@example.com",
    ]


def test_an_archived_deal_is_found_by_search_too(client: PipedriveClient, company: Sandbox, tmp_path: Path) -> None:
    known = client.run("addDeal", {"title": "Harbour  crane zwei"})["id"]
    client.run("updateDeal", {"id": known, "is_archived": True})
    company.advance(LATER)
    job = BulkJob("deals", match_on="name", max_rejects=1, dry_run=True)

    receipt = write(client, [{"title": "harbour crane zwei"}], job, folder=tmp_path)

    assert (receipt["rejected"], receipt["lookup"]) == (1, "search")
    assert "is archived" in lines(receipt["rejects"])[0]["reason"]


def test_what_a_search_does_not_find_yet_is_found(
    client: PipedriveClient, company: Sandbox, tmp_path: Path, mocker: MockerFixture
) -> None:
    edited = next(client.iterate("getPersons"))["id"]
    made = client.run("addPerson", {"name": "Made", "emails": [{"value": "made@example.com", "primary": True}]})["id"]
    company.advance(5)
    client.run("updatePerson", {"id": edited, "emails": [{"value": "edited@example.com", "primary": True}]})
    mocker.patch("airflow_provider_pipedrive.sandbox.resources.search.searching.search", return_value=[])
    rows = [{"email": "made@example.com", "name": "New"}, {"email": "edited@example.com", "name": "New"}]

    receipt = write(client, rows, BulkJob("persons"), folder=tmp_path)

    assert (receipt["updated"], receipt["created"], receipt["lookup"]) == (2, 0, "search")
    assert {line["id"] for line in lines(receipt["results"])} == {made, edited}


def test_a_key_that_many_records_have_reads_the_list(client: PipedriveClient, tmp_path: Path) -> None:
    job = BulkJob("deals", match_on="name", dry_run=True)

    assert write(client, [{"title": "deal"}], job, folder=tmp_path)["lookup"] == "index"


@pytest.mark.parametrize(
    ("match_on", "value"),
    [("name", "Zoë"), ("name", "Strasser"), ("name", "Office"), ("phone", "+49 30 1234567"), ("domain", "e@acme.com")],
)
def test_keys_that_a_search_may_miss_are_looked_for_in_the_list(
    client: PipedriveClient, tmp_path: Path, match_on: str, value: str
) -> None:
    column = "email" if match_on == "domain" else match_on
    rows = [{column: value, "name": "New"}] if column != "name" else [{"name": value}]
    job = BulkJob("persons", match_on=match_on, dry_run=True, max_rejects=1)

    assert write(client, rows, job, folder=tmp_path)["lookup"] == "index"


def test_an_organization_that_one_row_names_is_searched_for(client: PipedriveClient, tmp_path: Path) -> None:
    person = next(client.iterate("getPersons"))["id"]
    organization = client.run("addOrganization", {"name": "Quartz  Works"})["id"]

    write(client, [{"id": person, "organization": "quartz works"}], BulkJob("persons", match_on="id"), folder=tmp_path)

    assert client.run("getPerson", {"id": person})["org_id"] == organization

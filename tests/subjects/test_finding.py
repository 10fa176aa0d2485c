"""What is found of a person."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.subjects.finding import KINDS, find
from tests.subjects.conftest import EMAIL


def test_all_that_hangs_on_a_person_is_found_once_and_nothing_of_who_has_a_similar_address(
    client: PipedriveClient, jana: dict[str, list[Any]]
) -> None:
    found = find(client, f" {EMAIL.upper()} ")
    assert {kind: sorted(ids) for kind, ids in found.records.items() if ids} == {
        kind: sorted(ids) for kind, ids in jana.items()
    }


def test_mail_is_found_with_the_persons_who_have_some(client: PipedriveClient) -> None:
    with_mail = (
        (person, messages)
        for person in client.iterate("getPersons")
        if person["emails"] and (messages := client.run("getPersonMailMessages", {"id": person["id"]}))
    )
    person, messages = next(with_mail)
    found = find(client, person["emails"][0]["value"])
    assert {message["data"]["id"] for message in messages} <= found.records["mail"].keys()


@pytest.mark.parametrize("path", ["/v1/notes", "/v1/leads", "/v1/persons/*/files"])
def test_what_a_broken_answer_leaves_out_is_found_all_the_same(
    path: str, client: PipedriveClient, jana: dict[str, list[Any]], sandbox: Sandbox
) -> None:
    sandbox.fault(path, "null-data", method="GET", count=1)
    found = find(client, EMAIL)
    assert {kind: sorted(ids) for kind, ids in found.records.items() if ids} == {
        kind: sorted(ids) for kind, ids in jana.items()
    }
    sorts = {dict(request.query).get("sort") for request in sandbox.requests if request.path == "/v1/notes"}
    assert sorts - {None} == {"id ASC"}  # None: the notes that were made


def test_an_address_that_nobody_has_finds_nothing(client: PipedriveClient) -> None:
    found = find(client, "nobody@example.com")
    assert (found.count, tuple(found.records)) == (0, KINDS)


@pytest.mark.parametrize("text", ["", "Jana", "@"])
def test_what_is_not_an_address_is_refused_before_anything_is_sent(client: PipedriveClient, text: str) -> None:
    with pytest.raises(PipedriveParameterError, match="is not an e-mail address"):
        find(client, text)
    assert client.usage.requests == 0

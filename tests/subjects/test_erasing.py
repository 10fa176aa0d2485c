"""What becomes of a person's records when they are erased."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveServerError
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.subjects.erasing import erase
from airflow_provider_pipedrive.subjects.finding import find
from tests.subjects.conftest import EMAIL


def lines(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.read_text().splitlines()]


def test_everything_is_deleted_persons_last_and_the_journal_has_no_word_of_the_person(
    client: PipedriveClient, jana: dict[str, list[Any]], tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    became = list(erase(client, find(client, EMAIL), journal))
    assert {each.outcome for each in became} == {"deleted"}
    assert len(became) == sum(map(len, jana.values()))
    assert became[-1].kind == "persons"
    assert find(client, EMAIL).count == 0
    assert [line["outcome"] for line in lines(journal)] == ["begun", "deleted"] * len(became)
    assert journal.stat().st_mode & 0o777 == 0o600
    assert "jana" not in journal.read_text().lower()


def test_what_pipedrive_keeps_for_a_while_says_until_when(
    client: PipedriveClient, jana: dict[str, list[Any]], tmp_path: Path, mocker: MockerFixture
) -> None:
    from datetime import UTC, datetime

    clock = mocker.patch("airflow_provider_pipedrive.subjects.erasing.datetime")
    clock.now.return_value = datetime(2026, 3, 1, 12, tzinfo=UTC)
    kept = {each.kind: each.kept_until for each in erase(client, find(client, EMAIL), tmp_path / "journal")}
    assert kept == {
        "notes": None,
        "files": "2026-03-31",
        "activities": "2026-03-31",
        "leads": None,
        "deals": "2026-03-31",
        "persons": "2026-03-31",
    }


def test_kinds_that_are_to_stay_are_not_touched(
    client: PipedriveClient, jana: dict[str, list[Any]], tmp_path: Path
) -> None:
    became = list(erase(client, find(client, EMAIL), tmp_path / "journal", keep=["deals", "leads"]))
    assert {each.kind for each in became} == {"notes", "files", "activities", "persons"}
    assert client.run("getDeal", {"id": jana["deals"][0]})["is_deleted"] is False
    with pytest.raises(PipedriveParameterError, match="There is no kind deels"):
        next(erase(client, find(client, EMAIL), tmp_path / "journal", keep=["deels"]))


def test_what_is_refused_or_gone_is_reported_and_the_rest_is_deleted(
    client: PipedriveClient, jana: dict[str, list[Any]], tmp_path: Path, sandbox: Sandbox
) -> None:
    found = find(client, EMAIL)
    sandbox.fault(path=f"/v1/notes/{jana['notes'][0]}", kind="403", count=1)
    client.run("deleteLead", {"id": jana["leads"][0]})
    outcomes = {(each.kind, each.id): each for each in erase(client, found, tmp_path / "journal")}
    refused = outcomes["notes", jana["notes"][0]]
    assert refused.outcome == "refused"
    assert refused.reason
    assert outcomes["leads", jana["leads"][0]].outcome == "gone"
    assert outcomes["persons", jana["persons"][0]].outcome == "deleted"


def test_who_is_stopped_in_between_runs_it_again(
    client: PipedriveClient, jana: dict[str, list[Any]], tmp_path: Path, sandbox: Sandbox
) -> None:
    sandbox.fault(path="/api/v2/deals/*", kind="500", method="DELETE", count=5)
    journal = tmp_path / "journal"
    with pytest.raises(PipedriveServerError):
        list(erase(client, find(client, EMAIL), journal))
    assert lines(journal)[-1]["outcome"] == "begun"
    again = list(erase(client, find(client, EMAIL), journal))
    assert [(each.kind, each.outcome) for each in again] == [("deals", "deleted"), ("persons", "deleted")]
    assert find(client, EMAIL).count == 0

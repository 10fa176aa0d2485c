"""A run and its folder: continued, answered again, corrected or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import BulkJob, undo, write
from airflow_provider_pipedrive.bulk.journal import Journal
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveParameterError,
    PipedriveRejectedRowsError,
    PipedriveTokenCapError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, made, people, writes


def test_a_spent_day_ends_the_run_and_the_next_day_continues_it(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.fault(path="/api/v2/persons", method="POST", kind="429-daily", count=None, skip=8)
    with pytest.raises(PipedriveDailyBudgetError):
        write(client, people(20), BulkJob("persons", concurrency=4), folder=tmp_path)

    sandbox.clear_faults()
    receipt = write(client, people(20), BulkJob("persons", concurrency=4), folder=tmp_path)

    assert receipt["created"] == 20
    assert set(made(client).values()) == {1}


def test_the_tokens_of_a_run_are_those_of_all_its_tries(client: PipedriveClient, tmp_path: Path) -> None:
    with pytest.raises(PipedriveTokenCapError, match="counts for the whole run"):
        write(client, people(20), BulkJob("persons", max_tokens=90), folder=tmp_path)
    read = client.usage.tokens

    with pytest.raises(PipedriveTokenCapError):
        write(client, people(20), BulkJob("persons", max_tokens=read + 100), folder=tmp_path)
    receipt = write(client, people(20), BulkJob("persons", max_tokens=3 * read + 100), folder=tmp_path)

    assert receipt["created"] == 20
    assert receipt["tokens"] == client.usage.tokens


def test_a_finished_run_answers_its_receipt_again_and_other_rows_need_another_folder(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    first = write(client, people(3), BulkJob("persons"), folder=tmp_path)
    sent = len(sandbox.requests)

    assert write(client, people(3), BulkJob("persons"), folder=tmp_path) == first
    assert len(sandbox.requests) == sent + 1  # whose account it is
    with pytest.raises(PipedriveParameterError, match="Give each run a folder of its own"):
        write(client, people(4), BulkJob("persons"), folder=tmp_path)


@pytest.mark.parametrize("bound", [{"max_writes": 2}, {"max_rejects": 0}], ids=["writes", "rejects"])
def test_a_run_that_was_refused_before_its_first_write_may_be_corrected_in_its_folder(
    client: PipedriveClient, tmp_path: Path, bound: dict[str, Any]
) -> None:
    wrong = [*people(3), {"email": "", "name": "No key"}]
    with pytest.raises((PipedriveParameterError, PipedriveRejectedRowsError)):
        write(client, wrong if "max_rejects" in bound else people(3), BulkJob("persons", **bound), folder=tmp_path)

    assert write(client, people(2), BulkJob("persons"), folder=tmp_path)["created"] == 2


def test_what_is_compared_with_the_state_of_another_company_is_read(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path, write_rows: Write
) -> None:
    job = BulkJob("deals", match_on="id", diff="state")
    write(client, [{"id": 1, "title": "Theirs"}], job, folder=tmp_path)
    journal = Journal(tmp_path)
    journal.set(company=999, identity="another company's")
    journal.close()
    client.run("updateDeal", {"id": 1, "title": "Ours"})

    assert write(client, [{"id": 1, "title": "Theirs"}], job, folder=tmp_path)["updated"] == 1


def test_a_run_that_was_undone_is_not_written_on(client: PipedriveClient, tmp_path: Path) -> None:
    write(client, people(2), BulkJob("persons"), folder=tmp_path)
    assert undo(client, tmp_path)["restored"] == 2

    with pytest.raises(PipedriveParameterError, match="was undone"):
        write(client, people(2), BulkJob("persons"), folder=tmp_path)


def test_a_second_run_of_the_same_rows_writes_nothing(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    rows = [{"email": "new@example.com", "name": "New"}]
    write_rows(rows, "persons", folder="first")
    before = len(writes(sandbox))

    receipt = write_rows(rows, "persons", folder="second")

    assert (receipt["created"], receipt["unchanged"], receipt["diff"]) == (0, 1, None)
    assert len(writes(sandbox)) == before


def test_rows_that_can_be_read_once_only_are_compared_with_the_state_and_written(
    client: PipedriveClient, tmp_path: Path
) -> None:
    job = BulkJob("deals", match_on="id", diff="state")
    write(client, iter([{"id": 1, "title": "First"}]), job, folder=tmp_path)

    second = write(client, iter([{"id": 1, "title": "Second"}]), job, folder=tmp_path)
    again = write(client, iter([{"id": 1, "title": "Second"}]), job, folder=tmp_path)

    assert second["updated"] == 1
    assert again == second
    assert client.run("getDeal", {"id": 1})["title"] == "Second"

"""What a run says of itself, in the log and in its receipt."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveRejectedRowsError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, lines


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "airflow_provider_pipedrive.bulk")


def test_the_log_of_a_dry_run_shows_the_first_records_and_what_would_be(
    client: PipedriveClient, write_rows: Write, caplog: pytest.LogCaptureFixture
) -> None:
    person = client.run("addPerson", {"name": "Old", "emails": [{"value": "old@example.com", "primary": True}]})["id"]
    rows = [
        {"email": "old@example.com", "name": "New", "organization": "Harbour"},
        {"email": "eva@example.com", "name": "Eva", "organization": "Harbour"},
    ]

    write_rows(rows, "persons", dry_run=True, create_related=True)

    said = caplog.messages
    assert (
        "persons: 2 rows; 1 to create, 1 to update, 1 organization to create first; 0 unchanged, 0 rejected" in said[0]
    )
    assert f"update persons {person}: Name: Old -> New; Organization: - -> Harbour" in said
    assert "create persons eva@example.com: Email: eva@example.com; Name: Eva; Organization: Harbour" in said
    assert said[-1].startswith(
        "persons: nothing written; would be: 1 created, 1 updated, 1 related record created, for about 15 API tokens; "
        "the dry run itself took "
    )


def test_the_log_names_the_first_rows_that_are_set_aside_and_the_file_with_all_of_them(
    write_rows: Write, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"email": "", "name": f"No key {n}"} for n in range(7)]

    receipt = write_rows(rows, "persons", max_rejects=7)

    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    reason = "email, which rows are matched on, is empty"
    assert warnings == [
        *(f"persons: row {row} is set aside: {reason}." for row in range(1, 6)),
        f"persons: 7 rows set aside; each with its reason: {receipt['rejects']}",
    ]


def test_the_log_says_that_a_run_has_ended_and_its_receipt_comes_again(
    write_rows: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"email": "a@example.com", "name": "A"}]
    first = write_rows(rows, "persons")
    caplog.clear()

    assert write_rows(rows, "persons") == first
    assert caplog.messages == [
        f"persons: the run in {tmp_path / 'run'} has ended, and this is its receipt again: nothing was compared or "
        "written. To compare the rows again, give each run a folder of its own."
    ]


def test_more_rejects_than_allowed_are_named_with_their_file_before_anything_is_written(
    write_rows: Write, tmp_path: Path
) -> None:
    with pytest.raises(PipedriveRejectedRowsError) as raised:
        write_rows([{"email": "", "name": "No key"}], "persons")

    assert str(raised.value) == (
        "Rejected: 1 of 1 row, more than max_rejects=0 allows; for example row 1: email, which rows are matched on, is "
        f"empty. Each row with its reason: {tmp_path / 'run' / 'rejects.jsonl'}. Nothing was written: correct the "
        "rows, or raise max_rejects to write the others."
    )


def test_rows_that_pipedrive_refuses_are_named_with_their_file_too(
    sandbox: Sandbox, write_rows: Write, tmp_path: Path
) -> None:
    rows = [{"name": "A", "visible_to": 99}]

    with pytest.raises(PipedriveRejectedRowsError, match="What was written before is journalled"):
        write_rows(rows, "persons", mode="create")

    assert lines(str(tmp_path / "run" / "rejects.jsonl"))[0]["row"] == 1


def test_results_have_the_link_of_each_record_that_was_written(client: PipedriveClient, write_rows: Write) -> None:
    receipt = write_rows([{"email": "a@example.com", "name": "A"}], "persons")

    [result] = lines(receipt["results"])
    assert result["link"] == f"{client.origin}/person/{result['id']}"
    assert (result["row"], result["key"], result["action"]) == (1, "a@example.com", "create")

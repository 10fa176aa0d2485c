"""What a run says of itself, in the log and in its receipt."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
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
    assert said[-1].startswith("persons: nothing written; would be: 1 created, 1 updated, 1 related record created; ")


def test_the_log_names_a_row_that_is_set_aside_and_the_file_with_all_of_them(
    write_rows: Write, caplog: pytest.LogCaptureFixture
) -> None:
    receipt = write_rows(
        [{"email": "", "name": "No key"}, {"email": "a@example.com", "name": "A"}], "persons", max_rejects=1
    )

    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert (
        warning
        == f"persons: row 1 is set aside: {lines(receipt['rejects'])[0]['reason']}. All that are: {receipt['rejects']}"
    )


def test_results_have_the_link_of_each_record_that_was_written(client: PipedriveClient, write_rows: Write) -> None:
    receipt = write_rows([{"email": "a@example.com", "name": "A"}], "persons")

    [result] = lines(receipt["results"])
    assert result["link"] == f"{client.origin}/person/{result['id']}"
    assert (result["row"], result["key"], result["action"]) == (1, "a@example.com", "create")

"""What Pipedrive answers: each kind of answer has its own consequence, for one row or for the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedrivePermissionError,
    PipedriveRejectedRowsError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, lines, made, people


@pytest.mark.parametrize("kind", ["reset-after", "503", "truncate"])
def test_an_update_whose_answer_is_lost_is_written_again(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write, kind: str
) -> None:
    sandbox.fault(path="/api/v2/deals/*", method="PATCH", kind=kind, count=2)

    receipt = write_rows([{"id": n, "title": f"T{n}"} for n in (1, 2, 3)], "deals", match_on="id")

    assert receipt["updated"] == 3
    assert client.run("getDeal", {"id": 2})["title"] == "T2"


def test_a_deletion_whose_answer_is_lost_is_done(client: PipedriveClient, sandbox: Sandbox, write_rows: Write) -> None:
    sandbox.fault(path="/api/v2/products/*", method="DELETE", kind="reset-after", count=1)

    receipt = write_rows([{"id": 1}], "products", mode="delete", match_on="id", max_deletes=1)

    assert receipt["deleted"] == 1


def test_one_row_that_pipedrive_refuses_does_not_stop_the_others(client: PipedriveClient, write_rows: Write) -> None:
    rows = people(1000)
    rows[500]["org_id"] = 987_654

    receipt = write_rows(rows, "persons", max_rejects=1)

    assert (receipt["created"], receipt["rejected"]) == (999, 1)
    [reject] = lines(receipt["rejects"])
    assert (reject["row"], reject["values"]) == (501, rows[500])
    assert "987654" in reject["reason"]
    assert made(client).total() == 999


def test_a_record_that_vanishes_after_it_was_looked_at_is_set_aside(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.fault(path="/api/v2/deals/2", method="PATCH", kind="410", count=1)
    rows = [{"id": n, "title": f"T{n}"} for n in (1, 2, 3)]

    with pytest.raises(PipedriveRejectedRowsError, match="row 2: the record was deleted after it was looked at"):
        write(client, rows, BulkJob("deals", match_on="id"), folder=tmp_path)
    receipt = write(client, rows, BulkJob("deals", match_on="id", max_rejects=1), folder=tmp_path)

    assert (receipt["updated"], receipt["rejected"]) == (2, 1)


def test_a_missing_right_ends_the_run_at_once_and_says_which(sandbox: Sandbox, write_rows: Write) -> None:
    sandbox.fault(path="/api/v2/persons", method="POST", kind="403", count=None)

    with pytest.raises(PipedrivePermissionError):
        write_rows(people(200), "persons")

    assert len([entry for entry in sandbox.requests if entry.method == "POST"]) <= 33  # those that were under way


def test_rows_whose_organization_pipedrive_does_not_make_are_set_aside_and_nothing_is_emptied(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    known = client.run("addOrganization", {"name": "Before"})["id"]
    entry = {"value": "ben@example.com", "primary": True}
    ben = client.run("addPerson", {"name": "Ben", "emails": [entry], "org_id": known})["id"]
    sandbox.fault(path="/api/v2/organizations", method="POST", kind="410", count=1)
    rows = [
        {"email": "anna@example.com", "name": "Anna", "organization": "Refused"},
        {"email": "ben@example.com", "name": "Ben", "organization": "refused"},
        {"email": "cleo@example.com", "name": "Cleo"},
    ]

    receipt = write_rows(rows, "persons", create_related=True, max_rejects=2)

    assert (receipt["created"], receipt["updated"], receipt["rejected"]) == (1, 0, 2)
    assert "'Refused' that it names could not be made" in lines(receipt["rejects"])[0]["reason"]
    assert client.run("getPerson", {"id": ben})["org_id"] == known

"""Records that somebody edits between the reading and the writing."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedrivePermissionError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import SEGMENT, Write, field_named


def test_a_record_that_somebody_edits_in_between_is_written_and_the_receipt_says_so(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.fault(path="/api/v2/deals/*", method="PATCH", kind="403", count=1)
    rows = [{"id": n, "title": f"T{n}"} for n in range(1, 26)]
    job = BulkJob("deals", match_on="id", concurrency=1)
    with pytest.raises(PipedrivePermissionError):
        write(client, rows, job, folder=tmp_path)
    sandbox.advance(5)
    client.run("updateDeal", {"id": 20, "expected_close_date": "2027-05-05"})

    receipt = write(client, rows, job, folder=tmp_path)

    assert receipt["edited_meanwhile"] == 1
    assert client.run("getDeal", {"id": 20})["title"] == "T20"


def test_what_was_edited_in_the_second_before_it_was_looked_at_counts_as_seen(
    client: PipedriveClient, write_rows: Write
) -> None:
    rows = [{"id": n, "title": f"T{n}"} for n in range(1, 26)]
    write_rows(rows, "deals", folder="first", match_on="id")

    receipt = write_rows(
        [{**row, "title": f"{row['title']}!"} for row in rows], "deals", folder="second", match_on="id"
    )

    assert (receipt["updated"], receipt["edited_meanwhile"]) == (25, 0)


def test_what_an_earlier_try_wrote_itself_is_not_taken_for_an_edit(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = [{"id": n, "title": f"T{n}"} for n in range(1, 26)]
    job = BulkJob("deals", match_on="id", concurrency=1)
    sandbox.fault(path="/api/v2/deals/*", method="PATCH", kind="403", count=1, skip=4)
    with pytest.raises(PipedrivePermissionError):
        write(client, rows, job, folder=tmp_path)
    sandbox.advance(5)
    client.run("updateDeal", {"id": 20, "title": "T20"})  # as a try that died before it noted the answer

    receipt = write(client, rows, job, folder=tmp_path)

    assert (receipt["updated"], receipt["edited_meanwhile"]) == (25, 0)


def test_an_option_that_somebody_renames_in_between_is_written_as_the_option_that_was_meant(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    segment = field_named(client, "Segment")
    large = next(option["id"] for option in segment["options"] if option["label"] == "Large")
    sandbox.fault(path="/api/v2/deals/*", method="PATCH", kind="403", count=1)
    rows = [{"id": n, "Segment": "Large", "title": f"T{n}"} for n in (1, 2, 3)]
    job = BulkJob("deals", match_on="id", concurrency=1)
    with pytest.raises(PipedrivePermissionError):
        write(client, rows, job, folder=tmp_path)
    client.run("updateDealFieldOptions", {"field_code": SEGMENT, "body": [{"id": large, "label": "Enterprise"}]})

    receipt = write(client, rows, job, folder=tmp_path)

    assert receipt["updated"] == 3
    assert [client.run("getDeal", {"id": n})["custom_fields"][SEGMENT] for n in (1, 2, 3)] == [large] * 3

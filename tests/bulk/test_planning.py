"""The plan held against what the job allows: beyond it, nothing is written."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveParameterError,
    PipedriveRejectedRowsError,
    PipedriveTokenCapError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, people, writes


def test_a_run_that_would_cost_more_than_it_may_writes_nothing(sandbox: Sandbox, write_rows: Write) -> None:
    with pytest.raises(PipedriveTokenCapError, match="Writing costs about 100 API tokens"):
        write_rows(people(20), "persons", max_tokens=90)

    assert all(entry.method == "GET" for entry in sandbox.requests)


def test_more_rejects_than_allowed_end_the_run_before_anything_is_written(sandbox: Sandbox, write_rows: Write) -> None:
    with pytest.raises(PipedriveRejectedRowsError, match="Rejected: 1 of 2 rows"):
        write_rows([{"id": 1, "Seats": "many"}, {"id": 2, "Seats": 2}], "deals", match_on="id")

    assert writes(sandbox) == []


def test_more_removals_than_allowed_are_refused_before_anything_is_written(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    with pytest.raises(PipedriveParameterError, match="would remove 2 records, more than max_deletes=1 allows"):
        write_rows([{"id": 1}, {"id": 2}], "deals", mode="delete", match_on="id", max_deletes=1)

    assert writes(sandbox) == []


def test_a_dry_run_decides_everything_and_writes_nothing(sandbox: Sandbox, write_rows: Write) -> None:
    rows = [{"email": "dry@example.com", "name": "Dry"}]

    dry = write_rows(rows, "persons", dry_run=True)
    wet = write_rows(rows, "persons")

    assert (dry["created"], dry["dry_run"], dry["price"]) == (1, True, 5)
    assert dry["created"] == wet["created"]
    assert len(writes(sandbox)) == 1

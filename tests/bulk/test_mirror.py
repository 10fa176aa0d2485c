"""A journal in object storage."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_pipedrive.bulk import BulkJob, undo, write
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import made, people
from tests.transfers.conftest import bucket as bucket


def test_a_run_whose_folder_is_in_object_storage_continues_on_another_machine(
    client: PipedriveClient, sandbox: Sandbox, bucket: str
) -> None:
    folder = ObjectStoragePath(f"{bucket}/bulk/run-1")
    sandbox.fault(path="/api/v2/persons", method="POST", kind="429-daily", count=None, skip=8)
    with pytest.raises(PipedriveDailyBudgetError):
        write(client, people(20), BulkJob("persons", concurrency=4), folder=folder)
    for stored in list(folder.iterdir()):  # as if the machine had died before its last answers were stored
        if stored.name.startswith("segment-"):
            stored.unlink()

    sandbox.clear_faults()
    receipt = write(client, people(20), BulkJob("persons"), folder=folder)

    assert receipt["created"] == 20
    assert set(made(client).values()) == {1}
    assert ObjectStoragePath(receipt["results"]).read_text().count("\n") == 20
    assert write(client, people(20), BulkJob("persons"), folder=folder) == receipt
    assert undo(client, folder)["restored"] == 20

"""A run that continues after another one has made records with its keys."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveRejectedRowsError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, lines, made, people


@pytest.fixture
def ended_after_five(sandbox: Sandbox, write_rows: Write) -> None:
    """A run of twelve rows, in the folder ``first``, that ended when it had created five persons."""
    sandbox.fault(path="/api/v2/persons", method="POST", kind="403", count=None, skip=5)
    with pytest.raises(PipedriveError):
        write_rows(people(12), "persons", folder="first", concurrency=1)
    sandbox.clear_faults()


@pytest.mark.usefixtures("ended_after_five")
def test_a_run_that_continues_does_not_create_what_another_run_has_created_meanwhile(
    client: PipedriveClient, write_rows: Write
) -> None:
    assert write_rows(people(10), "persons", folder="second")["created"] == 5

    with pytest.raises(PipedriveRejectedRowsError, match="was made with this key after the run was planned"):
        write_rows(people(12), "persons", folder="first", concurrency=1)
    receipt = write_rows(people(12), "persons", folder="first", concurrency=1, max_rejects=5)

    assert (receipt["created"], receipt["rejected"]) == (7, 5)
    assert [line["row"] for line in lines(receipt["rejects"])] == [6, 7, 8, 9, 10]
    assert dict(made(client)) == {f"Bulk {n}": 1 for n in range(12)}


@pytest.mark.usefixtures("ended_after_five")
def test_a_run_that_continues_after_no_other_asks_for_nothing_more(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    before = len(sandbox.requests)

    assert write_rows(people(12), "persons", folder="first", concurrency=1)["created"] == 12

    listed = [entry.path for entry in sandbox.requests[before:] if entry.method == "GET"]
    assert "/api/v2/persons" not in listed
    assert dict(made(client)) == {f"Bulk {n}": 1 for n in range(12)}


@pytest.mark.usefixtures("ended_after_five")
def test_a_run_that_continues_on_another_machine_takes_its_own_records_for_its_own(
    client: PipedriveClient, monkeypatch: pytest.MonkeyPatch, write_rows: Write
) -> None:
    monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", "")

    assert write_rows(people(12), "persons", folder="first", concurrency=1)["created"] == 12

    assert dict(made(client)) == {f"Bulk {n}": 1 for n in range(12)}

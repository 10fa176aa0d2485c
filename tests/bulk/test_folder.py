"""The folder of a run: one run's at a time, and what happens where it cannot be used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import BulkJob, undo, write
from airflow_provider_pipedrive.bulk.journal import Journal
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError, PipedriveRejectedRowsError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write
from tests.bulk.test_hardships import made, people


def test_a_folder_in_which_another_process_writes_is_refused(client: PipedriveClient, tmp_path: Path) -> None:
    other = Journal(tmp_path)
    try:
        for use in (
            lambda: write(client, people(1), BulkJob("persons"), folder=tmp_path),
            lambda: undo(client, tmp_path),
        ):
            with pytest.raises(PipedriveParameterError, match="is in use: another process"):
                use()
    finally:
        other.close()

    assert write(client, people(1), BulkJob("persons"), folder=tmp_path)["created"] == 1


def test_a_file_is_no_folder(client: PipedriveClient, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    with pytest.raises(PipedriveParameterError, match="cannot be the folder of a run"):
        write(client, people(1), BulkJob("persons"), folder=tmp_path / "file")

    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_said(client: PipedriveClient, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PipedriveParameterError, match="Permission denied. Give a folder that can be written to"):
            write(client, people(1), BulkJob("persons"), folder=tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_ends_the_run_and_it_continues_when_there_is_room(
    client: PipedriveClient, tmp_path: Path, mocker: Any
) -> None:
    small = mocker.patch.object(Journal, "checkpoint", autospec=True)
    small.side_effect = lambda journal, **_: journal.run("PRAGMA max_page_count = 1") and None
    rows = people(300)
    with pytest.raises(PipedriveError, match="journal cannot be kept: database or disk is full"):
        write(client, rows, BulkJob("persons", concurrency=4), folder=tmp_path)
    mocker.stopall()

    assert write(client, rows, BulkJob("persons"), folder=tmp_path)["created"] == 300
    assert set(made(client).values()) == {1}


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


def test_an_undo_takes_back_what_was_made_and_never_answered(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    write(client, people(3), BulkJob("persons"), folder=tmp_path)
    journal = Journal(tmp_path)  # as if the process had died before the answers came
    journal.run("UPDATE operations SET state = 'sent', id = NULL, note = ?", [journal.get("writing_since")])
    journal.close()

    assert undo(client, tmp_path)["restored"] == 3
    assert not made(client)


def test_an_undo_that_died_before_it_noted_what_it_did_counts_it_as_restored(
    client: PipedriveClient, tmp_path: Path
) -> None:
    before = client.run("getDeal", {"id": 1})["title"]
    write(client, [{"id": 1, "title": "New"}], BulkJob("deals", match_on="id"), folder=tmp_path)
    client.run("updateDeal", {"id": 1, "title": before})

    assert undo(client, tmp_path)["restored"] == 1

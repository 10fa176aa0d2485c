"""The journal: one run's at a time, kept through a kill and a full disk."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import BulkJob, undo, write
from airflow_provider_pipedrive.bulk.journal import Journal, row_to_json
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveError,
    PipedriveParameterError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, made, people
from tests.conftest import API_TOKEN


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

    with pytest.raises(PipedriveParameterError, match="file is a file, and a folder is needed there"):
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


CHILD = """
import sys
from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.client import PipedriveClient, settings_from

url, token, folder = sys.argv[1:]
client = PipedriveClient(settings_from(host=url, extra={"api_token": token, "burst_limit": 10_000}))
rows = [{"email": f"bulk{n}@example.com", "name": f"Bulk {n}", "Organization": f"Bulk org {n % 7}"} for n in range(400)]
write(client, rows, BulkJob("persons", create_related=True, concurrency=8), folder=folder)
"""


def test_a_run_that_is_killed_again_and_again_writes_each_row_once(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    moments = random.Random(5)
    command = [sys.executable, "-c", CHILD, sandbox.url, API_TOKEN, str(tmp_path)]
    ended = False
    for _ in range(12):
        before = len(sandbox.requests)
        wanted = moments.randrange(5, 40)
        with subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE) as process:
            while process.poll() is None and len(sandbox.requests) - before < wanted:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        ended = process.returncode == 0
    subprocess.run(command, check=True, capture_output=True)

    assert not ended
    assert made(client) == {f"Bulk {n}": 1 for n in range(400)}
    organizations = [o["name"] for o in client.iterate("getOrganizations") if o["name"].startswith("Bulk org")]
    assert sorted(organizations) == [f"Bulk org {n}" for n in range(7)]


def test_rejects_are_json_though_the_rows_hold_nan(write_rows: Write) -> None:
    receipt = write_rows([{"email": math.nan, "name": "Nobody"}], "persons", max_rejects=1)

    text = Path(receipt["rejects"]).read_text()
    assert json.loads(text, parse_constant=pytest.fail)["values"] == {"email": None, "name": "Nobody"}


def test_a_row_with_a_set_is_the_same_row_in_every_process() -> None:
    assert row_to_json({"tags": {"b", "a", "c"}}) == '{"tags":["a","b","c"]}'

"""Whose parts are in a folder: another live run's, or those of one that is dead."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.extraction.output.run_folder import RunFolder


def lease(folder: Path, **said: Any) -> None:
    usual = {"owner": "other", "host": socket.gethostname(), "pid": os.getpid(), "time": time.time()}
    folder.mkdir(parents=True)
    (folder / "lease-other.json").write_text(json.dumps({**usual, **said}))


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ({}, True),
        ({"host": "elsewhere", "pid": 1}, True),
        ({"pid": 2**22 + 1}, False),  # no such process
        ({"time": time.time() - 1000}, False),  # no sign of life for over 15 minutes
        ({"owner": "me", "pid": 2**22 + 1}, False),  # an earlier try
        ({"owner": "me", "host": "elsewhere"}, False),  # an earlier try on another machine
        ({"owner": "me"}, True),  # another run of the same owner at the same time
        ({"owner": "me", "time": time.time() - 200}, False),  # another process has its id
    ],
)
def test_a_run_leaves_the_parts_of_another_live_run_alone(tmp_path: Path, said: dict[str, Any], held: bool) -> None:
    folder = tmp_path / "_pipedrive" / "unfinished" / "job"
    lease(folder, **said)
    assert (RunFolder(tmp_path, "job", "me").folder != folder) is held


def test_the_lease_of_a_run_that_is_dead_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "_pipedrive" / "unfinished" / "job"
    lease(folder, pid=2**22 + 1)
    RunFolder(tmp_path, "job", "me")
    assert not (folder / "lease-other.json").exists()


def test_of_many_runs_that_begin_at_once_each_has_a_folder_of_its_own(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    folders: list[Path] = []

    def begin(number: int) -> None:
        barrier.wait()
        folders.append(RunFolder(tmp_path, "job", f"owner {number}").folder)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(folders)) == 8

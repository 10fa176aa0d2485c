"""What dlt runs for the files of a load."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from tests.warehouse.test_lake import lake_in
from tests.warehouse.test_merging import MONDAY, TUESDAY, deal

load = pytest.importorskip("dlt.load.load", reason="the extra warehouse is not installed")


def test_a_load_into_a_lake_never_waits_for_a_job_that_wakes_nobody(tmp_path: Path, mocker: MockerFixture) -> None:
    waited = mocker.spy(load.Load, "start_new_jobs")
    lake = lake_in(tmp_path, "delta")
    lake.load([deal(1, "first", MONDAY)])
    lake.load([deal(1, "edited", TUESDAY)], deleted=[{"id": 2, "deleted_at": TUESDAY}])
    started = [job for jobs in waited.spy_return_list for job in jobs]
    assert {type(job).__name__ for job in started} == {"LeftWhereItIs", "DeltaLoadFilesystemJob"}
    assert lake.table().column("title").to_pylist() == ["edited"]

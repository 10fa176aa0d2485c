"""A run that is killed continues where it was, in another process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from trials import kills

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN
from tests.extraction.conftest import by_id, landed

RUN = """
import sys
from pathlib import Path
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.extraction.output import staging
from airflow_provider_pipedrive.extraction.reading import plans, snapshot
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract

staging.PART_ROWS = staging.MOST_ROWS = 500
plan = {"windows": plans.WindowsPlan, "bidirectional": plans.BidirectionalPlan}[sys.argv[4]]
snapshot.choose_plan = lambda *_, **__: plan
client = PipedriveClient(settings_from(host=sys.argv[1], extra={"api_token": sys.argv[2]}))
extract(client, Path(sys.argv[3]), ExtractionJob(["deals", "persons"], columns="raw", concurrency=4), owner="the task")
"""


def start(company: Sandbox, folder: Path, strategy: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", RUN, company.url, API_TOKEN, str(folder), strategy])


def wait_for_parts(process: subprocess.Popen[bytes], folder: Path, count: int) -> None:
    """Until so many parts are finished."""
    end = time.monotonic() + 60
    while len(list(folder.glob("_pipedrive/unfinished/*/*/part-*.json"))) < count:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("strategy", ["windows", pytest.param("bidirectional", marks=pytest.mark.long)])
def test_after_three_kills_the_landed_set_is_the_companys_set(
    client: PipedriveClient, company: Sandbox, tmp_path: Path, strategy: str
) -> None:
    company.fault("/api/v2/*", "slow", count=100_000, seconds=0.1)
    for parts in (2, 6, 10):
        process = start(company, tmp_path, strategy)
        try:
            wait_for_parts(process, tmp_path, parts)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(timeout=30)
        assert not list(tmp_path.glob("*/_manifest.json")), "a killed run looks finished"
        company.update("deals", parts, title=f"edited after {parts} parts")
    company.clear_faults()
    assert start(company, tmp_path, strategy).wait(timeout=60) == 0
    for entity, action in (("deals", "getDeals"), ("persons", "getPersons")):
        assert by_id(landed(tmp_path / entity)) == by_id(list(client.iterate(action)))
    assert not list(tmp_path.glob("_pipedrive/unfinished/*/*"))


def test_who_reads_by_the_manifest_never_sees_a_mix_an_old_state_or_a_missing_file_whenever_a_run_is_killed(
    tmp_path: Path,
) -> None:
    with Sandbox(deals=1200, seed=2, api_token=kills.TOKEN) as company:
        seen = kills.trial(kills.Place("disk", str(tmp_path / "crm")), company, 3, random.Random(4))
    assert (seen["wrong"], seen["orphans"]) == ([], [])
    assert sum(count for phase, count in seen["killed"].items() if phase != kills.ENDED) == 3
    assert seen["reads"] > 0

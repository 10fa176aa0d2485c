"""What goes wrong around an extraction: nothing that looks finished is left, and the next run succeeds."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveParameterError,
    PipedriveResponseError,
    PipedriveServerError,
    PipedriveTokenCapError,
)
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.output.part_writer import FileSink
from airflow_provider_pipedrive.extraction.output.rewriting import PartRewriter
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN
from tests.extraction.conftest import by_id, client_of, is_published, landed

DEALS = ExtractionJob(["deals"], columns="raw", concurrency=8)


class Killed(BaseException):
    """The process ends."""


def live(client: PipedriveClient, action: str = "getDeals") -> dict[Any, dict[str, Any]]:
    return by_id(list(client.iterate(action)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_an_error_before_anything_is_read(
    company: Sandbox, client: PipedriveClient, tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        extract(client, tmp_path, DEALS)
    assert company.counters()["tokens"] == 0


def test_a_path_that_is_a_file_is_an_error_before_anything_is_read(
    company: Sandbox, client: PipedriveClient, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PipedriveParameterError, match="file is a file, and a folder is needed there"):
        extract(client, tmp_path / "file", DEALS)
    assert company.counters()["tokens"] == 0


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("written", [0, 3, 9])
@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_a_full_disk_ends_a_run_and_the_next_one_goes_on(
    client: PipedriveClient,
    tmp_path: Path,
    mocker: MockerFixture,
    through: Callable[[str], None],
    strategy: str,
    written: int,
) -> None:
    through(strategy)
    left = [written]
    write = FileSink.write

    def full(self: Any, data: bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(ENOSPC, "No space left on device")
        return write(self, data)

    mocker.patch.object(FileSink, "write", full)
    with pytest.raises(OSError, match="No space left"):
        extract(client, tmp_path, DEALS, owner="me")
    mocker.stop(full)
    assert not is_published(tmp_path)
    extract(client, tmp_path, DEALS, owner="me")
    assert by_id(landed(tmp_path / "deals")) == live(client)


@pytest.mark.usefixtures("small_parts")
def test_a_run_that_failed_is_taken_up_by_whoever_comes_next(company: Sandbox, tmp_path: Path) -> None:
    company.fault("/api/v2/deals*", "500", count=1000, skip=9)
    with client_of(company, max_attempts=1) as client, pytest.raises(PipedriveServerError):
        extract(client, tmp_path, DEALS, owner="first")
    company.clear_faults()
    with client_of(company) as client:
        extract(client, tmp_path, DEALS, owner="second")
        assert by_id(landed(tmp_path / "deals")) == live(client)
    assert not list(tmp_path.glob("_pipedrive/unfinished/*")), "what the first had read is left lying about"


def test_a_publication_that_was_interrupted_goes_on_and_keeps_all_it_knew(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    job = ExtractionJob(["deals", "persons"], columns="raw", concurrency=8)
    extract(client, tmp_path, job)
    company.delete("deals", 7)

    def dies(self: PartRewriter, deleted: Any) -> list[dict[str, Any]]:
        raise Killed

    mocker.patch.object(PartRewriter, "tombstones", dies)
    with suppress(Killed):
        extract(client, tmp_path, job, owner="me")
    mocker.stop(dies)
    receipt = extract(client, tmp_path, job, owner="me")
    assert receipt["entities"]["deals"]["tombstones"] == 1
    assert by_id(landed(tmp_path / "deals")) == live(client)
    manifest = json.loads((tmp_path / "deals" / "_manifest.json").read_text())
    (tombstones,) = manifest["tombstones"]
    assert json.loads((tmp_path / "deals" / tombstones["name"]).read_text())["id"] == 7
    company.advance(3600)  # beyond what the next catch-up reaches back
    company.delete("deals", 8)
    assert extract(client, tmp_path, job)["entities"]["deals"]["tombstones"] == 1


def test_what_an_interrupted_publication_landed_is_looked_for_afterwards(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    def dies(self: PartRewriter, parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        raise Killed

    mocker.patch.object(PartRewriter, "published", dies)
    with suppress(Killed):
        extract(client, tmp_path, DEALS, owner="me")
    mocker.stop(dies)
    extract(client, tmp_path, DEALS, owner="me")
    company.delete("deals", 8)
    company.advance(3600)  # too long ago for a catch-up
    assert extract(client, tmp_path, DEALS)["entities"]["deals"]["tombstones"] == 1


def test_a_publication_that_was_interrupted_goes_on_in_the_folder_where_it_began(
    client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    job = ExtractionJob(["deals"], "changes", columns="raw", concurrency=8)
    put_together = PartRewriter.published

    def dies(self: PartRewriter, parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        put_together(self, parts)
        raise Killed

    mocker.patch.object(PartRewriter, "published", dies)
    with suppress(Killed):
        extract(client, tmp_path, job, run="first", owner="me")
    mocker.stop(dies)
    receipt = extract(client, tmp_path, job, run="second", owner="me")
    assert receipt["entities"]["deals"]["manifest"] == str(tmp_path / "deals" / "run=first" / "_manifest.json")
    assert by_id(landed(tmp_path / "deals" / "run=first")) == live(client)
    assert receipt["entities"]["deals"]["watermark"] is not None


def test_two_runs_of_one_job_at_once_leave_a_whole_folder(company: Sandbox, tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def run(owner: str) -> None:
        try:
            with client_of(company) as client:
                extract(client, tmp_path, DEALS, owner=owner)
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(owner,)) for owner in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # One that had read earlier than another one, and came to publish after it, is told to try again.
    assert [failure for failure in failures if "has read later than this one" not in str(failure)] == []
    assert len(failures) < 3
    with client_of(company) as client:
        assert by_id(landed(tmp_path / "deals")) == live(client)


@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_a_repeated_cursor_is_an_error_and_never_a_quiet_end(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, through: Callable[[str], None], strategy: str
) -> None:
    through(strategy)
    company.fault("/api/v2/deals", "repeated-cursor", skip=4, count=1000)
    with pytest.raises(PipedriveResponseError, match="cursor"):
        extract(client, tmp_path, DEALS, owner="me")
    assert not is_published(tmp_path)
    company.clear_faults()
    extract(client, tmp_path, DEALS, owner="me")
    assert by_id(landed(tmp_path / "deals")) == live(client)


@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_empty_pages_that_promise_more_are_followed(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, through: Callable[[str], None], strategy: str
) -> None:
    through(strategy)
    company.fault("/api/v2/deals", "empty-page", every=3, count=6)
    extract(client, tmp_path, DEALS)
    company.clear_faults()
    assert by_id(landed(tmp_path / "deals")) == live(client)


def test_an_offset_that_does_not_grow_is_an_error_and_never_a_quiet_end(
    company: Sandbox, client: PipedriveClient, tmp_path: Path
) -> None:
    company.fault("/v1/notes", "stuck-offset", count=1000)
    with pytest.raises(PipedriveResponseError, match="start="):
        extract(client, tmp_path, ExtractionJob(["notes"], columns="raw"))
    assert not is_published(tmp_path)


@pytest.mark.usefixtures("small_parts")
def test_a_run_whose_daily_budget_is_spent_goes_on_the_next_day(tmp_path: Path) -> None:
    with Sandbox(deals=6000, seed=2, api_token=API_TOKEN, daily_budget=100) as company:
        days = 0
        while not is_published(tmp_path):
            with client_of(company) as client, suppress(PipedriveDailyBudgetError):
                extract(client, tmp_path, ExtractionJob(["deals"], columns="raw", concurrency=1), owner="me")
            company.advance(86_400)
            days += 1
            assert days < 6
        assert days == 2
        found = by_id(landed(tmp_path / "deals"))
        company.advance(86_400)
        assert len(found) == 5754


def test_a_cap_of_tokens_holds_whatever_fails(company: Sandbox, tmp_path: Path) -> None:
    company.fault("*", "503", count=1000, probability=0.3, seed=4, headers={"Retry-After": "0"})
    with client_of(company, max_attempts=10) as client, suppress(PipedriveTokenCapError):
        extract(client, tmp_path, ExtractionJob(["deals", "persons"], columns="raw", concurrency=8, max_tokens=90))
        pytest.fail("90 tokens are not enough for this")
    assert company.counters()["tokens"] <= 90


def test_the_receipt_counts_what_the_summary_and_the_look_ups_cost(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, through: Callable[[str], None]
) -> None:
    through("windows")
    extract(client, tmp_path, DEALS)
    for number in (7, 8, 9):
        company.update("deals", number, is_archived=True)
    company.advance(3600)  # long ago for the catch-up: only looking them up tells
    receipt = extract(client, tmp_path, DEALS)
    reading_who = 2
    assert receipt["entities"]["deals"]["completeness"]["kind"] == "count"
    assert receipt["entities"]["deals"]["tokens"] == receipt["tokens"] - reading_who


# ---- windows that reach further than the lists


def test_a_window_that_begins_before_deleted_ones_are_listed_says_so(
    client: PipedriveClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    early = ExtractionJob(["deals"], "changes", now - timedelta(days=40), now - timedelta(days=1), columns="raw")
    receipt = extract(client, tmp_path / "early", early)
    assert receipt["entities"]["deals"]["completeness"]["deleted"].startswith("told from 20")
    assert "deals: Pipedrive lists deleted ones for 30 days: what was deleted before" in caplog.text
    caplog.clear()
    late = ExtractionJob(["deals"], "changes", now - timedelta(days=29), now - timedelta(days=1), columns="raw")
    receipt = extract(client, tmp_path / "late", late)
    assert receipt["entities"]["deals"]["completeness"]["deleted"] == "told"
    assert "deleted ones" not in caplog.text


# ---- columns


# ---- progress

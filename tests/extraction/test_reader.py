"""The thread that waits for the entities of a run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveTokenCapError
from airflow_provider_pipedrive.extraction import job, reader
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.progress import Progress
from airflow_provider_pipedrive.extraction.reading.request_pool import RequestPool
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.extraction.conftest import by_id, landed


def live(client: PipedriveClient, action: str = "getDeals") -> dict[Any, dict[str, Any]]:
    return by_id(list(client.iterate(action)))


def test_the_thread_that_waits_for_the_entities_watches_too(
    client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    waiting: list[bool] = []

    def watch(self: Any) -> None:
        waiting.append(threading.current_thread() is threading.main_thread())

    mocker.patch.object(Progress, "watch", watch)
    extract(client, tmp_path, ExtractionJob(["users"]))
    assert True in waiting


@pytest.mark.usefixtures("small_parts")
def test_a_task_that_is_ended_stops_reading_and_keeps_what_it_has(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    whole = extract(client, tmp_path / "whole", ExtractionJob(["persons"], columns="raw", concurrency=1))["tokens"]

    def ended(self: Progress) -> None:
        if threading.current_thread() is threading.main_thread() and company.counters()["tokens"] > whole + 30:
            raise KeyboardInterrupt

    mocker.patch.object(reader, "wait", lambda waiting, timeout: wait(waiting, timeout=0.001))
    mocker.patch.object(Progress, "watch", ended)
    with pytest.raises(KeyboardInterrupt):
        extract(client, tmp_path / "half", ExtractionJob(["persons"], columns="raw", concurrency=1), owner="me")
    mocker.stop(ended)
    assert company.counters()["tokens"] < 2 * whole - 20
    before = company.counters()["tokens"]
    extract(client, tmp_path / "half", ExtractionJob(["persons"], columns="raw", concurrency=1), owner="me")
    assert company.counters()["tokens"] - before < whole
    assert by_id(landed(tmp_path / "half" / "persons")) == live(client, "getPersons")


@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_first_pages_are_asked_for_with_whose_account_it_is_and_what_is_edited_since_is_caught_up_on(
    client: PipedriveClient,
    company: Sandbox,
    tmp_path: Path,
    through: Callable[[str], None],
    mocker: MockerFixture,
    strategy: str,
) -> None:
    through(strategy)
    answered = threading.Semaphore(0)
    ask, who_reads = RequestPool._ask, job.who_reads

    def asked(*arguments: Any) -> Any:
        answer = ask(*arguments)
        answered.release()
        return answer

    def waits_for_both_ends(client: PipedriveClient) -> Any:
        assert answered.acquire(timeout=30)
        assert answered.acquire(timeout=30)
        company.update("deals", 1, title="Edited")
        company.advance(600)  # longer than the passes after the walk look back
        return who_reads(client)

    mocker.patch.object(RequestPool, "_ask", asked)
    mocker.patch.object(job, "who_reads", waits_for_both_ends)
    extract(client, tmp_path, ExtractionJob(["deals"], columns="raw", concurrency=8))
    assert by_id(landed(tmp_path / "deals")) == live(client)
    assert by_id(landed(tmp_path / "deals"))[1]["title"] == "Edited"


@pytest.mark.usefixtures("small_parts")
def test_a_run_that_continues_asks_for_nothing_early(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    deals = ExtractionJob(["deals"], columns="raw", concurrency=8)
    with pytest.raises(PipedriveTokenCapError):
        extract(client, tmp_path, replace(deals, max_tokens=90), owner="me")
    early = mocker.spy(RequestPool, "ask_early")
    extract(client, tmp_path, deals, owner="me")
    early.assert_not_called()
    assert by_id(landed(tmp_path / "deals")) == live(client)


def test_a_task_that_is_ended_sends_no_failed_request_again(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    sent: list[int] = []

    def ended(self: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            sent.append(len(company.requests))
            raise KeyboardInterrupt

    extract(client, tmp_path, ExtractionJob(["persons"], concurrency=1))
    company.fault("/api/v2/persons", "503", count=None)
    mocker.patch.object(Progress, "watch", ended)
    with pytest.raises(KeyboardInterrupt):
        extract(client, tmp_path, ExtractionJob(["persons"], concurrency=1))

    assert len(company.requests) - sent[0] <= 1  # one was perhaps on its way
    company.clear_faults()
    assert client.token_cap is None

"""The thread that waits for the entities of a run."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.extraction import reader
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.progress import Progress
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

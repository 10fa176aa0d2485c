"""A company with several pages of records, and what an extraction of it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.extraction.output import staging
from airflow_provider_pipedrive.extraction.reading import snapshot
from airflow_provider_pipedrive.extraction.reading.plans import BidirectionalPlan, WindowsPlan
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN

Landed = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def running_company() -> Iterator[Sandbox]:
    with Sandbox(deals=6000, seed=2, api_token=API_TOKEN) as sandbox:
        yield sandbox


@pytest.fixture
def company(running_company: Sandbox) -> Sandbox:
    """6,000 deals, 5,754 of them neither archived nor deleted, in the state they begin with."""
    running_company.reset()
    return running_company


@pytest.fixture
def client(company: Sandbox) -> Iterator[PipedriveClient]:
    with client_of(company) as client:
        yield client


def client_of(sandbox: Sandbox, **extra: Any) -> PipedriveClient:
    return PipedriveClient(settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, **extra}))


def landed(folder: Path) -> list[dict[str, Any]]:
    """The records in the parts that an entity's last manifest names."""
    manifest = last_manifest(folder)
    named = json.loads(manifest.read_text())["parts"]
    return [json.loads(line) for part in named for line in (manifest.parent / part["name"]).read_text().splitlines()]


def is_published(folder: Path) -> bool:
    """Whether anything in a folder looks finished: only what a manifest names does."""
    return any(folder.rglob("_manifest.json"))


def last_manifest(folder: Path) -> Path:
    return max(folder.rglob("_manifest.json"), key=lambda path: path.stat().st_mtime_ns)


def by_id(records: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """The records by id; each may be there once only."""
    found = {record["id"]: record for record in records}
    assert len(found) == len(records), "a record was landed twice"
    return found


@pytest.fixture
def small_parts(mocker: MockerFixture) -> None:
    """Parts of one page, so that a run leaves many."""
    for name in ("PART_ROWS", "MOST_ROWS"):
        mocker.patch.object(staging, name, 500)


@pytest.fixture
def through(mocker: MockerFixture) -> Callable[[str], None]:
    """Chooses how lists are read, which is otherwise a matter of latency and rate limit."""
    plans = {"windows": WindowsPlan, "bidirectional": BidirectionalPlan}
    return lambda strategy: mocker.patch.object(snapshot, "choose_plan", return_value=plans[strategy])

"""A client of the sandbox, and short words for what the tests of bulk runs do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN

Write = Callable[..., dict[str, Any]]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[PipedriveClient]:
    """A client of the sandbox that waits for nothing."""
    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    ) as made:
        yield made


@pytest.fixture
def write_rows(client: PipedriveClient, tmp_path: Path) -> Write:
    """Write rows in a folder of the test's own: ``write_rows(rows, "persons", mode="create")``."""

    def run(rows: Any, entity: str, folder: str = "run", **job: Any) -> dict[str, Any]:
        return write(client, rows, BulkJob(entity, **job), folder=tmp_path / folder)

    return run


def lines(path: str | None) -> list[dict[str, Any]]:
    """The records of a file of JSON lines."""
    return [json.loads(line) for line in Path(path or "").read_text(encoding="utf-8").splitlines()]

"""A client of the sandbox, and short words for what the tests of bulk runs do."""

from __future__ import annotations

import json
from collections import Counter
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


SEATS = "6e120c093758d5c0827f0156eacde1d87220eb8a"
SEGMENT = "48518331116f22e83ac2f70301c01ab410b46e3c"
YEARLY = "9c99cc41db474687114c1353fe580e0475b755a0"


def people(number: int) -> list[dict[str, Any]]:
    return [{"email": f"bulk{n}@example.com", "name": f"Bulk {n}"} for n in range(number)]


def made(client: PipedriveClient) -> Counter[str]:
    """How often each of the people is in Pipedrive."""
    names = [person["name"] for person in client.iterate("getPersons")]
    return Counter(name for name in names if name.startswith("Bulk "))


def field_named(client: PipedriveClient, name: str, action: str = "getDealFields") -> dict[str, Any]:
    return next(field for field in client.iterate(action) if field["field_name"] == name)


def writes(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Method and path of every request that writes, in order."""
    return [(entry.method, entry.path) for entry in sandbox.requests if entry.method != "GET"]

"""A real Airflow and a sandbox next to it, each in processes of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from environment import ROOT, clean_environ
from live_sandbox import LiveSandbox

EXAMPLE_DAGS = ROOT / "example_dags"
PYTHON = Path(sys.executable)
# Each Airflow has its own file: 2 runs DAGs by its command, 3 also by a REST API.
_ON_2 = metadata.version("apache-airflow").startswith("2.")
collect_ignore = ["test_on_airflow_3.py" if _ON_2 else "test_on_airflow_2.py"]

INBOUND = """mail,name,company,subject,manager
eva@new.example,Eva Example,New Ltd,Wants an offer,
bo@new.example,Bo Example,new  ltd,Wants another,
"""
"""A file of the DAG `pipedrive_inbound_leads`: leads of two persons of one organization."""


@pytest.fixture(scope="module")
def live_sandbox() -> Iterator[LiveSandbox]:
    """A company of 20,000 deals: enough pages for every kind of failure to come up."""
    with LiveSandbox(PYTHON, deals=20_000, environ=clean_environ()) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def environ(live_sandbox: LiveSandbox) -> dict[str, str]:
    """What Airflow's processes are given: the account by OAuth as the default, by API token under another name."""
    return clean_environ() | {
        "AIRFLOW_CONN_PIPEDRIVE_DEFAULT": live_sandbox.oauth_connection(),
        "AIRFLOW_CONN_PIPEDRIVE_BY_TOKEN": live_sandbox.connection(),
    }


def secrets_of(sandbox: LiveSandbox) -> set[str]:
    """All secrets that were in play: those of the connections, and the access tokens that were issued."""
    sent = {request["headers"].get("authorization", "") for request in sandbox.requests()}
    return {*sandbox.secrets.values(), *(header.removeprefix("Bearer ") for header in sent if header)}


def files_with(secret: str, folder: Path) -> list[Path]:
    """The files in which a secret stands: logs, database, configuration."""
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def ask(sandbox: LiveSandbox, path: str, body: dict[str, Any] | None = None) -> Any:
    """A request to the sandbox: its API, or with a body its control API."""
    headers = {"x-api-token": sandbox.secrets["api-token"], "Content-Type": "application/json"}
    request = Request(sandbox.url + path, None if body is None else json.dumps(body).encode(), headers)
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]

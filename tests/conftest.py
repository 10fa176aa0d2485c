"""What all tests share: an Airflow without a database, a sandbox, and a watch over secrets."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

# Before anything imports Airflow: a home of its own, so that nobody's real Airflow plays a part.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="pipedrive-tests-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "False")
# A place of its own for shared access tokens too; each test has one below.
os.environ["PIPEDRIVE_TOKEN_CACHE"] = tempfile.mkdtemp(prefix="pipedrive-tokens-")

import pytest

from airflow_provider_pipedrive.client.auth import forget_tokens
from airflow_provider_pipedrive.client.ledger import forget_ledgers
from airflow_provider_pipedrive.client.limits import forget_limits
from airflow_provider_pipedrive.sandbox import Sandbox

pytest_plugins = ["tests.support.scripted_server"]

SHARED_TOKENS = os.environ["PIPEDRIVE_TOKEN_CACHE"]
API_TOKEN = "ApiTokenOfTheTests0123456789abcdef"
CLIENT_ID = "client-id-of-the-tests"
CLIENT_SECRET = "ClientSecretOfTheTests0123456789"
REFRESH_TOKEN = "RefreshTokenOfTheTests0123456789"
SECRETS = (API_TOKEN, CLIENT_SECRET, REFRESH_TOKEN)

_shown: list[tuple[str, str]] = []


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """One server for all tests."""
    with Sandbox(
        deals=30,
        seed=1,
        api_token=API_TOKEN,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        refresh_token=REFRESH_TOKEN,
    ) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The server in its first state, with ``pipedrive_default`` pointing at it."""
    running_sandbox.reset()
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(running_sandbox))
    return running_sandbox


@pytest.fixture(autouse=True)
def _a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins as the first process of a machine does: with no shared tokens, paces or ledgers."""
    monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", f"{SHARED_TOKENS}/{uuid4().hex}")
    forget_tokens()
    forget_limits()
    forget_ledgers()


def api_token_connection(sandbox: Sandbox, **extra: Any) -> str:
    """A connection to ``sandbox`` with its API token, as JSON."""
    extra = {"api_token": API_TOKEN, "burst_limit": 10_000, **extra}
    return json.dumps({"conn_type": "pipedrive", "host": sandbox.url, "extra": extra})


def oauth_connection(sandbox: Sandbox, **extra: Any) -> str:
    """A connection to ``sandbox`` with its OAuth app and a refresh token, as JSON."""
    extra = {"refresh_token": REFRESH_TOKEN, "oauth_host": sandbox.url, "burst_limit": 10_000, **extra}
    return json.dumps(
        {"conn_type": "pipedrive", "login": CLIENT_ID, "password": CLIENT_SECRET, "host": sandbox.url, "extra": extra}
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what a test printed and logged, and how its failure reads, for the test that looks for secrets."""
    text = "\n".join(content for _name, content in report.sections)
    _shown.append((report.nodeid, f"{text}\n{report.longreprtext}"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test that looks for secrets in what the others showed comes last."""
    items.sort(key=lambda item: "test_no_secret_was_shown" in item.nodeid)


@pytest.fixture
def everything_shown() -> list[tuple[str, str]]:
    """Each test so far, with all that it printed and logged."""
    return _shown

"""A sandbox for the tests of the sandbox, and a bare HTTP client of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api
from tests.support.webhook_subscriber import Receiver


@pytest.fixture(scope="session")
def one_sandbox() -> Iterator[Sandbox]:
    with Sandbox(deals=30, seed=1) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    """A sandbox in its first state."""
    one_sandbox.reset()
    return one_sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    client = Api(sandbox)
    with client.session:
        yield client


@pytest.fixture
def deal(sandbox: Sandbox) -> dict[str, Any]:
    """An open deal."""
    return next(
        record
        for record in sandbox.records("deals").values()
        if record["status"] == "open" and not record["is_archived"] and not record["is_deleted"]
    )


@pytest.fixture
def bare(api: Api) -> int:
    """A new deal without anything."""
    return int(api.post("/api/v2/deals", {"title": "Bare"}).json()["data"]["id"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A subscriber that is listening."""
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


@pytest.fixture
def deal_id(api: Api) -> int:
    """A deal that a search finds by its own words, its person's, its organization's and its note's."""
    body = {"name": "Quixotic Mills", "address": {"value": "Wharf Road 9"}}
    org = api.post("/api/v2/organizations", body).json()["data"]["id"]
    emails = [{"value": "zelda@example.com", "primary": True, "label": "work"}]
    person = api.post("/api/v2/persons", {"name": "Zelda Quixotic", "emails": emails, "org_id": org}).json()["data"][
        "id"
    ]
    body = {"title": "Quixotic Deal", "person_id": person, "org_id": org}
    deal = int(api.post("/api/v2/deals", body).json()["data"]["id"])
    api.post("/v1/notes", {"content": "remember the windmills", "deal_id": deal})
    return deal

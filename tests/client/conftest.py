"""What the tests of several of the client's modules share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.scripted_server import FakeClock


@pytest.fixture
def boxed(sandbox: Sandbox, clock: FakeClock) -> Iterator[PipedriveClient]:
    """A client of the sandbox."""
    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": sandbox.api_token}), clock=clock
    ) as client:
        yield client

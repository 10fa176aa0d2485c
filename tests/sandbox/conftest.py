"""A server for the tests of the sandbox, and a bare HTTP client for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox


class Api:
    """A bare client: paths instead of URLs, the API token on every request."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.headers["x-api-token"] = sandbox.api_token

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.sandbox.url + path, timeout=10, allow_redirects=False, **options)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self("GET", path, params=query)

    def data(self, path: str, **query: Any) -> Any:
        """The ``data`` of a good answer."""
        answer = self("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def post(self, path: str, body: Any = None) -> requests.Response:
        return self("POST", path, json=body)

    def patch(self, path: str, body: Any) -> requests.Response:
        return self("PATCH", path, json=body)

    def put(self, path: str, body: Any) -> requests.Response:
        return self("PUT", path, json=body)

    def delete(self, path: str, **query: Any) -> requests.Response:
        return self("DELETE", path, params=query)


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

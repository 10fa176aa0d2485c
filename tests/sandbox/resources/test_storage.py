"""The storage that a download may redirect to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api

BYTES = bytes(range(256)) + b"\r\n--boundary\r\n\r\n"


def upload(api: Api, name: str = "data.bin", **links: Any) -> dict[str, Any]:
    answer = api("POST", "/v1/files", files={"file": (name, BYTES)}, data=links)
    assert answer.status_code == 200, answer.text
    record: dict[str, Any] = answer.json()["data"]
    return record


@pytest.fixture(scope="module")
def redirecting() -> Iterator[Sandbox]:
    with Sandbox(deals=3, download_redirect=True) as sandbox:
        yield sandbox


def test_a_download_may_redirect_to_a_storage_that_refuses_credentials(redirecting: Sandbox) -> None:
    api = Api(redirecting)
    file = upload(api)
    answer = api.get(f"/v1/files/{file['id']}/download")
    assert answer.status_code == 302
    location = answer.headers["location"]
    assert requests.get(location, timeout=10).content == BYTES
    with_token = requests.get(location, headers={"x-api-token": "sandbox-token"}, timeout=10)
    assert (with_token.status_code, "Only one auth mechanism allowed" in with_token.text) == (400, True)
    assert requests.get(location.split("?")[0], timeout=10).status_code == 403

"""A bare HTTP client of the sandbox, and what several of its tests ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

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


def walk(api: Api, path: str, **query: Any) -> list[Any]:
    """All pages by the cursor."""
    records: list[Any] = []
    while True:
        document = api.get(path, **query).json()
        records += document["data"]
        cursor = document["additional_data"]["next_cursor"]
        if cursor is None:
            return records
        assert cursor != query.get("cursor")
        query["cursor"] = cursor


def ids(records: list[Any]) -> list[Any]:
    return [record["id"] for record in records]


def living(sandbox: Sandbox, table: str) -> list[Any]:
    rows = sandbox.records(table).values()
    return [r["id"] for r in rows if not r.get("is_deleted") and not r.get("is_archived")]


def a_product(api: Api, **fields: Any) -> int:
    return int(api.post("/api/v2/products", {"name": "New", **fields}).json()["data"]["id"])


@contextmanager
def small_company(**settings: Any) -> Iterator[Api]:
    """A bare client of a sandbox of its own, with these settings."""
    with Sandbox(deals=8, **settings) as sandbox:
        client = Api(sandbox)
        with client.session:
            yield client


def code_of(api: Api, name: str) -> str:
    fields = api.sandbox.records("dealFields").values()
    return next(str(field["field_code"]) for field in fields if field["field_name"] == name)


def days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")


def control(sandbox: Sandbox, method: str, path: str, **options: Any) -> Any:
    """A request to the control API; no credentials are needed."""
    answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", timeout=10, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]

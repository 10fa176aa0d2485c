"""The sandbox's time."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api


def test_the_clock_is_in_the_date_header_and_in_new_records(api: Api, sandbox: Sandbox) -> None:
    before = api.post("/api/v2/persons", {"name": "New"}).json()["data"]["add_time"]
    sandbox.advance(10 * 86_400)
    answer = api.post("/api/v2/persons", {"name": "New"})
    after = answer.json()["data"]["add_time"]
    assert after[:10] > before[:10]
    assert f"{int(after[8:10]):02d} " in answer.headers["date"]

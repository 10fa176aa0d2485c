"""A sandbox as a test holds it."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api


def test_a_reset_brings_everything_back(api: Api, sandbox: Sandbox) -> None:
    before = {name: api.data(f"/api/v2/{name}", limit=500) for name in ("deals", "persons", "dealFields")}
    api.post("/api/v2/deals", {"title": "New"})
    api.delete("/api/v2/persons/1")
    api.post("/api/v2/dealFields", {"field_name": "New", "field_type": "varchar"})
    sandbox.fault("*", "500", count=None)
    sandbox.advance(1000)
    sandbox.reset()
    assert {name: api.data(f"/api/v2/{name}", limit=500) for name in before} == before
    assert len(sandbox.requests) == len(before)


def test_two_sandboxes_of_one_seed_are_the_same_company() -> None:
    with Sandbox(deals=5, seed=3) as one, Sandbox(deals=5, seed=3) as two, Sandbox(deals=5, seed=4) as other:
        titles = [[deal["title"] for deal in box.records("deals").values()] for box in (one, two, other)]
        assert one.url != two.url
    assert titles[0] == titles[1]
    assert titles[0] != titles[2]

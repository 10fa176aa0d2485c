"""Deals to wait for."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox


@pytest.fixture
def deals(sandbox: Sandbox) -> list[int]:
    """The ids of deals that can be moved."""
    return [d["id"] for d in sandbox.records("deals").values() if d["status"] == "open" and not d["is_archived"]]


@pytest.fixture
def target(sandbox: Sandbox, deals: list[int]) -> int:
    """A stage that none of them is in."""
    taken = {sandbox.records("deals")[deal_id]["stage_id"] for deal_id in deals}
    made: dict[str, Any] = next(s for s in sandbox.records("stages").values() if s["id"] not in taken)
    return int(made["id"])

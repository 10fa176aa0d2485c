"""Waits for any deal, judged on literal data."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.moves import AnyDealWait

SINCE = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
DEAL = {"id": 5, "stage_id": 3, "status": "open", "add_time": "2026-05-01T08:00:00Z"}
MOVED = {"stage_change_time": "2026-05-04T12:05:00Z", "pipeline_id": 1, "owner_id": 2}


@pytest.mark.parametrize(
    ("narrowed", "counts"),
    [
        ({}, True),
        ({"pipeline_id": 1}, True),
        ({"pipeline_id": 9}, False),
        ({"owner_id": 2}, True),
        ({"owner_id": 3}, False),
    ],
)
def test_any_deal_of_a_pipeline_or_an_owner(narrowed: dict[str, int], counts: bool) -> None:
    spec = AnyDealWait(Movement(moves=True), "2026-05-04T12:00:00Z", **narrowed)  # type: ignore[arg-type]
    move, _ = spec.judge({**DEAL, **MOVED}, SINCE, {}, lambda deal: ())
    assert bool(move) == counts

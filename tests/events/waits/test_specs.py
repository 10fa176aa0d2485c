"""What all that can be waited for has in common."""

from __future__ import annotations

import json

import pytest

from airflow_provider_pipedrive.events.waits.checking import wait_spec_from_json
from airflow_provider_pipedrive.events.waits.conditions import Condition
from airflow_provider_pipedrive.events.waits.files import FilesWait
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.moves import AnyDealWait
from airflow_provider_pipedrive.events.waits.records import DealsWait, RecordWait
from airflow_provider_pipedrive.events.waits.specs import WaitSpec

WON = RecordWait("getDeal", {"id": 5}, (Condition("status", "==", "won"),), (Condition("status", "==", "lost"),))


@pytest.mark.parametrize(
    "spec",
    [
        WON,
        DealsWait((5, 6), Movement(reaches=(3,), names={"3": "Negotiation"}), "2026-05-04T12:00:00Z", require="any"),
        AnyDealWait(Movement(statuses=("won",)), "2026-05-04T12:00:00Z", True, filter_id=9),
        FilesWait(link="lead_id", record_id="adf2", since="2026-05-04T12:00:00Z", names=("*.pdf",), types=("pdf",)),
    ],
    ids=lambda spec: spec.kind,
)
def test_what_is_waited_for_survives_the_journey_to_a_trigger(spec: WaitSpec) -> None:
    assert wait_spec_from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    ("spec", "tokens"),
    [
        (DealsWait((5,), Movement(), ""), 288),
        (DealsWait(tuple(range(150)), Movement(), ""), 288 * 20),
        (AnyDealWait(Movement(), ""), 288 * 10),
        (FilesWait(), 288 * 20),
        (RecordWait("getLead", {"id": "x"}), 288 * 2),
    ],
    ids=lambda value: value.kind if isinstance(value, WaitSpec) else "",
)
def test_what_a_day_of_looks_costs(spec: WaitSpec, tokens: int) -> None:
    assert spec.tokens_a_day(300) == tokens

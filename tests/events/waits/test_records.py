"""Waits for given records, judged on literal data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_pipedrive.events.waits.conditions import Condition
from airflow_provider_pipedrive.events.waits.histories import Histories
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.records import DealsWait, RecordWait
from airflow_provider_pipedrive.events.waits.specs import Wait

SINCE = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
WON = RecordWait("getDeal", {"id": 5}, (Condition("status", "==", "won"),), (Condition("status", "==", "lost"),))


def deal(deal_id: int, stage: int, **more: Any) -> dict[str, Any]:
    return {"id": deal_id, "stage_id": stage, "status": "open", "add_time": "2026-05-01T08:00:00Z", **more}


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"status": "won"}, "success"),
        ({"status": "open"}, "waiting"),
        ({"status": "lost"}, "failed"),
        ({"status": "deleted", "is_deleted": True}, "gone"),
        (None, "gone"),
    ],
)
def test_a_record_is_judged_by_its_conditions(record: dict[str, Any] | None, kind: str) -> None:
    assert WON.judge(record).kind == kind


def test_why_a_record_will_not_come_is_told() -> None:
    assert "status == 'lost' holds" in WON.judge({"status": "lost"}).reason
    assert "getDeal(id=5): there is no such record" in WON.judge(None).reason


def test_all_of_several_deals_must_move_and_one_that_moved_on_still_counts() -> None:
    spec = DealsWait((5, 6), Movement(reaches=(3,)), "2026-05-04T12:00:00Z")
    first, memory = spec.judge({5: deal(5, 3), 6: deal(6, 1)}, SINCE, {}, lambda deal: ())
    assert first.kind == "waiting"
    outcome, _ = spec.judge({5: deal(5, 4), 6: deal(6, 3)}, SINCE, memory, lambda deal: ())
    assert [(move["deal_id"], move["to_stage_id"]) for move in outcome.result] == [(5, 3), (6, 3)]


def test_any_of_several_deals_is_enough_where_that_is_asked_for() -> None:
    spec = DealsWait((5, 6), Movement(reaches=(3,)), "2026-05-04T12:00:00Z", require="any")
    outcome, _ = spec.judge({5: None, 6: deal(6, 3)}, SINCE, {}, lambda deal: ())
    assert [move["deal_id"] for move in outcome.result] == [6]


@pytest.mark.parametrize(
    ("require", "found", "kind"),
    [
        ("all", (None, {"stage": 1}), "gone"),
        ("any", (None, {"stage": 1}), "waiting"),
        ("any", (None, None), "gone"),
        ("all", ({"stage": 3, "is_deleted": True}, {"stage": 3}), "gone"),
    ],
)
def test_a_deal_that_is_gone_ends_the_wait_unless_another_may_still_come(
    require: Any, found: tuple[Any, ...], kind: str
) -> None:
    spec = DealsWait((5, 6), Movement(reaches=(3,)), "2026-05-04T12:00:00Z", require=require)
    deals = {
        number: given and deal(number, given["stage"], is_deleted=given.get("is_deleted", False))
        for number, given in zip((5, 6), found, strict=True)
    }
    assert spec.judge(deals, SINCE, {}, lambda deal: ()).outcome.kind == kind


def test_the_result_for_a_single_deal_is_its_move() -> None:
    spec = DealsWait((5,), Movement(reaches=(3,)), "2026-05-04T12:00:00Z", single=True)
    assert spec.judge({5: deal(5, 3)}, SINCE, {}, lambda deal: ()).outcome.result["deal_id"] == 5


def test_the_present_value_of_what_is_waited_for_is_remembered() -> None:
    wait = Wait(WON)
    judged = WON.judged({WON.reads[0]: {"status": "open"}}, wait, 0.0, Histories(None))  # type: ignore[arg-type]
    assert judged.memory == {"values": {"status": "'open'"}, "faults": []}
    assert wait.memory == {}
    long = WON.judged({WON.reads[0]: {"status": "x" * 100_000}}, wait, 0.0, Histories(None))  # type: ignore[arg-type]
    assert len(long.memory["values"]["status"]) == 203

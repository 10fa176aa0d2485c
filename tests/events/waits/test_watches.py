"""What can be waited for, judged on literal data."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_pipedrive.events.waits.conditions import Condition
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.watches import (
    DealWatch,
    FileWatch,
    MoveWatch,
    Need,
    RecordWatch,
    Watch,
    batch_action,
    watch_from_json,
)

SINCE = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
WON = RecordWatch("getDeal", {"id": 5}, (Condition("status", "==", "won"),), (Condition("status", "==", "lost"),))


def deal(deal_id: int, stage: int, **more: Any) -> dict[str, Any]:
    return {"id": deal_id, "stage_id": stage, "status": "open", "add_time": "2026-05-01T08:00:00Z", **more}


def needs(*deals: dict[str, Any] | None, ids: tuple[int, ...] = ()) -> dict[Need, Any]:
    numbers = ids or tuple(deal["id"] for deal in deals if deal)
    return {Need.of("getDeal", {"id": number}): deal for number, deal in zip(numbers, deals, strict=True)}


@pytest.mark.parametrize(
    "watch",
    [
        WON,
        DealWatch((5, 6), Movement(reaches=(3,), names={"3": "Negotiation"}), "2026-05-04T12:00:00Z", require="any"),
        MoveWatch(Movement(statuses=("won",)), "2026-05-04T12:00:00Z", True, filter_id=9),
        FileWatch(link="lead_id", record_id="adf2", since="2026-05-04T12:00:00Z", names=("*.pdf",), types=("pdf",)),
    ],
    ids=lambda watch: watch.kind,
)
def test_a_watch_survives_the_journey_to_a_trigger(watch: Watch) -> None:
    assert watch_from_json(json.loads(json.dumps(watch.to_json()))) == watch


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"status": "won"}, "met"),
        ({"status": "open"}, "waiting"),
        ({"status": "lost"}, "failed"),
        ({"status": "deleted", "is_deleted": True}, "gone"),
        (None, "gone"),
    ],
)
def test_a_record_is_judged_by_its_conditions(record: dict[str, Any] | None, kind: str) -> None:
    assert WON.judge({WON.needs[0]: record}).kind == kind


def test_why_a_record_will_not_come_is_told() -> None:
    assert "status == 'lost' holds" in WON.judge({WON.needs[0]: {"status": "lost"}}).reason
    assert "getDeal(id=5): there is no such record" in WON.judge({WON.needs[0]: None}).reason


def test_all_of_several_deals_must_move_and_one_that_moved_on_still_counts() -> None:
    watch = DealWatch((5, 6), Movement(reaches=(3,)), "2026-05-04T12:00:00Z")
    memory: dict[str, Any] = {}
    assert watch.judge(needs(deal(5, 3), deal(6, 1)), SINCE, memory, lambda deal: ()).kind == "waiting"
    outcome = watch.judge(needs(deal(5, 4), deal(6, 3)), SINCE, memory, lambda deal: ())
    assert [(move["deal_id"], move["to_stage_id"]) for move in outcome.result] == [(5, 3), (6, 3)]


def test_any_of_several_deals_is_enough_where_that_is_asked_for() -> None:
    watch = DealWatch((5, 6), Movement(reaches=(3,)), "2026-05-04T12:00:00Z", require="any")
    outcome = watch.judge(needs(None, deal(6, 3), ids=(5, 6)), SINCE, {}, lambda deal: ())
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
    watch = DealWatch((5, 6), Movement(reaches=(3,)), "2026-05-04T12:00:00Z", require=require)
    deals = [
        given and deal(number, given["stage"], is_deleted=given.get("is_deleted", False))
        for number, given in zip((5, 6), found, strict=True)
    ]
    assert watch.judge(needs(*deals, ids=(5, 6)), SINCE, {}, lambda deal: ()).kind == kind


def test_the_result_for_a_single_deal_is_its_move() -> None:
    watch = DealWatch((5,), Movement(reaches=(3,)), "2026-05-04T12:00:00Z", single=True)
    assert watch.judge(needs(deal(5, 3)), SINCE, {}, lambda deal: ()).result["deal_id"] == 5


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
    watch = MoveWatch(Movement(moves=True), "2026-05-04T12:00:00Z", **narrowed)  # type: ignore[arg-type]
    assert bool(watch.judge(deal(5, 3, **MOVED), SINCE, {}, lambda deal: ())) == counts


FILE = {
    "id": 70,
    "name": "Contract signed.PDF",
    "file_type": "pdf",
    "file_size": 2000,
    "user_id": 2,
    "deal_id": 5,
    "add_time": "2026-05-04 12:05:00",
    "active_flag": True,
    "inline_flag": False,
    "mail_message_id": None,
}


@pytest.mark.parametrize(
    ("watch", "fits"),
    [
        (FileWatch(), True),
        (FileWatch(link="deal_id", record_id=5), True),
        (FileWatch(link="deal_id", record_id=6), False),
        (FileWatch(link="lead_id", record_id="5"), False),
        (FileWatch(after_id=69), True),
        (FileWatch(after_id=70), False),
        (FileWatch(names=("*.docx", "*signed.pdf")), True),
        (FileWatch(names=("signed*",)), False),
        (FileWatch(types=("pdf",)), True),
        (FileWatch(types=("docx",)), False),
        (FileWatch(min_size=2000, max_size=2000), True),
        (FileWatch(min_size=2001), False),
        (FileWatch(max_size=1999), False),
        (FileWatch(uploader_id=2), True),
        (FileWatch(uploader_id=3), False),
    ],
)
def test_a_file_fits_or_not(watch: FileWatch, fits: bool) -> None:
    assert watch.fits(FILE, SINCE) == fits


@pytest.mark.parametrize(
    ("change", "watch", "fits"),
    [
        ({"add_time": "2026-05-04 11:59:59"}, FileWatch(), False),
        ({"active_flag": False}, FileWatch(), False),
        ({"inline_flag": True, "mail_message_id": 3}, FileWatch(), False),
        ({"inline_flag": True, "mail_message_id": 3}, FileWatch(inline_images=True), True),
        ({"mail_message_id": 3}, FileWatch(inline_images=True), False),
        ({"mail_message_id": 3}, FileWatch(mail_attachments=True), True),
    ],
)
def test_old_files_pictures_and_mail_attachments_do_not_count_unless_asked_for(
    change: dict[str, Any], watch: FileWatch, fits: bool
) -> None:
    assert watch.fits({**FILE, **change}, SINCE) == fits


def test_files_come_the_oldest_first_and_no_more_than_asked_for() -> None:
    files = [{**FILE, "id": number} for number in (73, 72, 71)]
    assert [file["id"] for file in FileWatch(max_files=2).judge(files, SINCE).result] == [71, 72]
    assert FileWatch(after_id=73).judge(files, SINCE).kind == "waiting"


@pytest.mark.parametrize(
    ("action", "listing"),
    [
        ("getDeal", "getDeals"),
        ("getPerson", "getPersons"),
        ("getOrganization", "getOrganizations"),
        ("getActivity", "getActivities"),
        ("getProduct", "getProducts"),
        ("getLead", None),
        ("getFile", None),
        ("getDealConversionStatus", None),
    ],
)
def test_records_are_read_together_where_their_list_takes_ids(action: str, listing: str | None) -> None:
    assert batch_action(action) == listing


@pytest.mark.parametrize(
    ("watch", "tokens"),
    [
        (DealWatch((5,), Movement(), ""), 288),
        (DealWatch(tuple(range(150)), Movement(), ""), 288 * 20),
        (MoveWatch(Movement(), ""), 288 * 10),
        (FileWatch(), 288 * 20),
        (RecordWatch("getLead", {"id": "x"}), 288 * 2),
    ],
    ids=lambda value: value.kind if isinstance(value, Watch) else "",
)
def test_what_a_day_of_looks_costs(watch: Watch, tokens: int) -> None:
    assert watch.tokens_a_day(300) == tokens

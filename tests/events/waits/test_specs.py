"""What can be waited for, judged on literal data."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_pipedrive.events.waits.conditions import Condition
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.watches import (
    AnyDealWait,
    DealsWait,
    FilesWait,
    RecordRead,
    RecordWait,
    WaitSpec,
    batch_action,
    wait_spec_from_json,
)

SINCE = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
WON = RecordWait("getDeal", {"id": 5}, (Condition("status", "==", "won"),), (Condition("status", "==", "lost"),))


def deal(deal_id: int, stage: int, **more: Any) -> dict[str, Any]:
    return {"id": deal_id, "stage_id": stage, "status": "open", "add_time": "2026-05-01T08:00:00Z", **more}


def reads(*deals: dict[str, Any] | None, ids: tuple[int, ...] = ()) -> dict[RecordRead, Any]:
    numbers = ids or tuple(deal["id"] for deal in deals if deal)
    return {RecordRead.of("getDeal", {"id": number}): deal for number, deal in zip(numbers, deals, strict=True)}


@pytest.mark.parametrize(
    "watch",
    [
        WON,
        DealsWait((5, 6), Movement(reaches=(3,), names={"3": "Negotiation"}), "2026-05-04T12:00:00Z", require="any"),
        AnyDealWait(Movement(statuses=("won",)), "2026-05-04T12:00:00Z", True, filter_id=9),
        FilesWait(link="lead_id", record_id="adf2", since="2026-05-04T12:00:00Z", names=("*.pdf",), types=("pdf",)),
    ],
    ids=lambda watch: watch.kind,
)
def test_a_watch_survives_the_journey_to_a_trigger(watch: WaitSpec) -> None:
    assert wait_spec_from_json(json.loads(json.dumps(watch.to_json()))) == watch


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
    assert WON.judge({WON.reads[0]: record}).kind == kind


def test_why_a_record_will_not_come_is_told() -> None:
    assert "status == 'lost' holds" in WON.judge({WON.reads[0]: {"status": "lost"}}).reason
    assert "getDeal(id=5): there is no such record" in WON.judge({WON.reads[0]: None}).reason


def test_all_of_several_deals_must_move_and_one_that_moved_on_still_counts() -> None:
    watch = DealsWait((5, 6), Movement(reaches=(3,)), "2026-05-04T12:00:00Z")
    memory: dict[str, Any] = {}
    assert watch.judge(reads(deal(5, 3), deal(6, 1)), SINCE, memory, lambda deal: ()).kind == "waiting"
    outcome = watch.judge(reads(deal(5, 4), deal(6, 3)), SINCE, memory, lambda deal: ())
    assert [(move["deal_id"], move["to_stage_id"]) for move in outcome.result] == [(5, 3), (6, 3)]


def test_any_of_several_deals_is_enough_where_that_is_asked_for() -> None:
    watch = DealsWait((5, 6), Movement(reaches=(3,)), "2026-05-04T12:00:00Z", require="any")
    outcome = watch.judge(reads(None, deal(6, 3), ids=(5, 6)), SINCE, {}, lambda deal: ())
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
    watch = DealsWait((5, 6), Movement(reaches=(3,)), "2026-05-04T12:00:00Z", require=require)
    deals = [
        given and deal(number, given["stage"], is_deleted=given.get("is_deleted", False))
        for number, given in zip((5, 6), found, strict=True)
    ]
    assert watch.judge(reads(*deals, ids=(5, 6)), SINCE, {}, lambda deal: ()).kind == kind


def test_the_result_for_a_single_deal_is_its_move() -> None:
    watch = DealsWait((5,), Movement(reaches=(3,)), "2026-05-04T12:00:00Z", single=True)
    assert watch.judge(reads(deal(5, 3)), SINCE, {}, lambda deal: ()).result["deal_id"] == 5


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
    watch = AnyDealWait(Movement(moves=True), "2026-05-04T12:00:00Z", **narrowed)  # type: ignore[arg-type]
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
        (FilesWait(), True),
        (FilesWait(link="deal_id", record_id=5), True),
        (FilesWait(link="deal_id", record_id=6), False),
        (FilesWait(link="lead_id", record_id="5"), False),
        (FilesWait(after_id=69), True),
        (FilesWait(after_id=70), False),
        (FilesWait(names=("*.docx", "*signed.pdf")), True),
        (FilesWait(names=("signed*",)), False),
        (FilesWait(types=("pdf",)), True),
        (FilesWait(types=("docx",)), False),
        (FilesWait(min_size=2000, max_size=2000), True),
        (FilesWait(min_size=2001), False),
        (FilesWait(max_size=1999), False),
        (FilesWait(uploader_id=2), True),
        (FilesWait(uploader_id=3), False),
    ],
)
def test_a_file_fits_or_not(watch: FilesWait, fits: bool) -> None:
    assert watch.fits(FILE, SINCE) == fits


@pytest.mark.parametrize(
    ("change", "watch", "fits"),
    [
        ({"add_time": "2026-05-04 11:59:59"}, FilesWait(), False),
        ({"active_flag": False}, FilesWait(), False),
        ({"inline_flag": True, "mail_message_id": 3}, FilesWait(), False),
        ({"inline_flag": True, "mail_message_id": 3}, FilesWait(inline_images=True), True),
        ({"mail_message_id": 3}, FilesWait(inline_images=True), False),
        ({"mail_message_id": 3}, FilesWait(mail_attachments=True), True),
    ],
)
def test_old_files_pictures_and_mail_attachments_do_not_count_unless_asked_for(
    change: dict[str, Any], watch: FilesWait, fits: bool
) -> None:
    assert watch.fits({**FILE, **change}, SINCE) == fits


def test_files_come_the_oldest_first_and_no_more_than_asked_for() -> None:
    files = [{**FILE, "id": number} for number in (73, 72, 71)]
    assert [file["id"] for file in FilesWait(max_files=2).judge(files, SINCE).result] == [71, 72]
    assert FilesWait(after_id=73).judge(files, SINCE).kind == "waiting"


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
        (DealsWait((5,), Movement(), ""), 288),
        (DealsWait(tuple(range(150)), Movement(), ""), 288 * 20),
        (AnyDealWait(Movement(), ""), 288 * 10),
        (FilesWait(), 288 * 20),
        (RecordWait("getLead", {"id": "x"}), 288 * 2),
    ],
    ids=lambda value: value.kind if isinstance(value, WaitSpec) else "",
)
def test_what_a_day_of_looks_costs(watch: WaitSpec, tokens: int) -> None:
    assert watch.tokens_a_day(300) == tokens

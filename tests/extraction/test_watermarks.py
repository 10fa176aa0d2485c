"""A run's window belongs to it: who is repeated reads it again, and who is new begins where the last one ended."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveParameterError,
    PipedrivePermissionError,
    PipedriveServerError,
    PipedriveTokenCapError,
)
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.watermarks import (
    CLAIMS_KEPT,
    MOST_AT_BOUNDARY,
    Reading,
    Watermark,
    Watermarks,
    WindowClaim,
    listed,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.extraction.conftest import by_id, client_of, landed

SCOPE = {"company_id": 1, "user_id": 2, "columns": "readable"}
LOOKBACK = 60.0
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def hour(number: float) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)


def window(reading: Reading, run: str) -> tuple[datetime | None, datetime]:
    claim = reading.of(run)
    assert claim is not None
    return claim.since, claim.until


def ended(reading: Reading, run: str, newest: datetime | None, **landed: datetime) -> Reading:
    claim = reading.of(run)
    assert claim is not None
    return reading.completed(claim, newest, landed, LOOKBACK)


# ---- what is kept


def test_a_mark_is_kept_with_its_edge_and_belongs_to_its_scope(tmp_path: Path) -> None:
    watermarks = Watermarks(tmp_path, SCOPE)
    assert watermarks.get("deals") is None
    watermarks.set("deals", Watermark(NOON, {5: NOON, "x": NOON}))
    assert watermarks.get("deals") == Watermark(NOON, {5: NOON, "x": NOON})
    assert Watermarks(tmp_path, {**SCOPE, "user_id": 3}).get("deals") is None
    assert watermarks.get("persons") is None
    assert listed(tmp_path) == [{"entity": "deals", "until": "2026-03-01T12:00:00+00:00", "scope": SCOPE, "claims": []}]


def test_a_mark_after_a_bulk_import_keeps_no_edge(tmp_path: Path) -> None:
    watermarks = Watermarks(tmp_path, SCOPE)
    watermarks.set("deals", Watermark(NOON, dict.fromkeys(range(MOST_AT_BOUNDARY + 1), NOON)))
    assert watermarks.get("deals") == Watermark(NOON, {})


def test_a_mark_can_be_forgotten_twice(tmp_path: Path) -> None:
    watermarks = Watermarks(tmp_path, SCOPE)
    assert listed(tmp_path) == []
    watermarks.set("deals", Watermark(NOON))
    watermarks.forget("deals")
    watermarks.forget("deals")
    assert watermarks.get("deals") is None


# ---- whose window is which, without any storage


def test_the_first_run_has_the_whole_list_and_the_next_begins_where_it_ended() -> None:
    reading = ended(Reading().claimed("monday", hour(9)), "monday", hour(8))
    reading = reading.claimed("tuesday", hour(33))
    assert window(reading, "monday") == (None, hour(9))
    assert window(reading, "tuesday") == (hour(8), hour(33))


def test_a_run_that_is_repeated_has_the_window_that_it_had() -> None:
    first = Reading(Watermark(hour(1), {7: hour(1)})).claimed("monday", hour(9))
    after = ended(first, "monday", hour(8))
    assert first.claimed("monday", hour(10)) is first
    assert after.claimed("monday", hour(50)) is after
    claim = after.of("monday")
    assert claim == WindowClaim("monday", hour(1), hour(9), {7: hour(1)}, completed=True)


def test_what_a_run_that_never_ended_has_claimed_is_in_the_next_runs_window() -> None:
    reading = Reading(Watermark(hour(1))).claimed("failed", hour(9)).claimed("next", hour(33))
    assert window(reading, "next") == (hour(1), hour(33))


def test_a_window_that_is_read_again_moves_nothing() -> None:
    reading = ended(Reading(Watermark(hour(1))).claimed("monday", hour(9)), "monday", hour(8))
    reading = ended(reading.claimed("tuesday", hour(33)), "tuesday", hour(32))
    assert ended(reading, "monday", hour(8.5), x=hour(8.5)) is reading
    assert reading.watermark == Watermark(hour(32))


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_of_two_runs_at_once_the_mark_ends_at_the_greater(order: tuple[str, str]) -> None:
    newest = {"a": hour(7), "b": hour(8)}
    reading = Reading(Watermark(hour(1))).claimed("a", hour(9)).claimed("b", hour(9))
    for run in order:
        reading = ended(reading, run, newest[run])
    assert reading.watermark == Watermark(hour(8))
    assert [claim.completed for claim in reading.claims] == [True, True]


def test_a_late_end_of_an_old_window_never_moves_the_mark_back() -> None:
    reading = Reading(Watermark(hour(1))).claimed("slow", hour(9)).claimed("fast", hour(33))
    reading = ended(ended(reading, "fast", hour(32)), "slow", hour(8))
    assert reading.watermark == Watermark(hour(32))


@pytest.mark.parametrize("watermark", [Watermark(hour(0.5)), None], ids=["set back", "forgotten"])
def test_a_mark_that_was_set_back_while_a_run_was_at_work_stays_so(watermark: Watermark | None) -> None:
    claimed = Reading(Watermark(hour(1))).claimed("monday", hour(9))
    reading = ended(Reading(watermark, claimed.claims), "monday", hour(8))
    assert reading.watermark == watermark
    assert window(reading.claimed("tuesday", hour(33)), "tuesday")[0] == (watermark and watermark.until)


def test_a_quiet_window_leaves_the_mark_where_it_is() -> None:
    reading = ended(Reading(Watermark(hour(1))).claimed("monday", hour(9)), "monday", None)
    assert reading.watermark == Watermark(hour(1))


def test_the_edge_holds_the_last_seconds_but_not_the_second_in_which_the_run_began() -> None:
    claimed = Reading(Watermark(hour(1))).claimed("monday", hour(9) + timedelta(milliseconds=300))
    second = timedelta(seconds=1)
    landed = {"old": hour(8), "late": hour(9) - 20 * second, "same second": hour(9)}
    watermark = ended(claimed, "monday", hour(9), **landed).watermark
    assert watermark == Watermark(hour(9), {"late": hour(9) - 20 * second})


def test_as_many_runs_are_remembered_as_the_documentation_says() -> None:
    reading = Reading()
    for number in range(CLAIMS_KEPT + 5):
        reading = ended(reading.claimed(f"run {number}", hour(number + 1)), f"run {number}", hour(number))
    assert [claim.run for claim in reading.claims] == [f"run {number}" for number in range(5, CLAIMS_KEPT + 5)]
    slow = WindowClaim("run 0", None, hour(1))
    reading = reading.completed(slow, hour(0), {}, LOOKBACK)
    assert len(reading.claims) == CLAIMS_KEPT
    assert reading.watermark == Watermark(hour(CLAIMS_KEPT + 4))


def test_a_reading_is_the_same_after_it_was_written_down_but_for_the_edges_of_bulk_imports() -> None:
    many = {number: hour(1) for number in range(MOST_AT_BOUNDARY)}
    reading = Reading(
        Watermark(hour(3), {"a": hour(3)}),
        (WindowClaim("bulk", hour(1), hour(2), many), WindowClaim("next", hour(2), hour(3), {"b": hour(2)}, True)),
    )
    again = Reading.from_json(json.loads(json.dumps(reading.to_json())))
    assert again.watermark == reading.watermark
    assert again.claims == (WindowClaim("bulk", hour(1), hour(2)), reading.claims[1])
    assert Reading.from_json(None) == Reading()


def test_what_another_writes_meanwhile_is_not_lost(tmp_path: Path, mocker: Any) -> None:
    """Between one run's look at the file and its own claim, another run claims."""
    from airflow_provider_pipedrive.extraction import watermarks as module

    ours, theirs = Watermarks(tmp_path, SCOPE), Watermarks(tmp_path, SCOPE)
    theirs.set("deals", Watermark(hour(1)))
    read = module.read_versioned
    intruders = [lambda: theirs.claim("deals", "theirs", hour(9))]

    def read_and_be_overtaken(path: Any) -> Any:
        found = read(path)
        if intruders:
            intruders.pop()()
        return found

    mocker.patch.object(module, "read_versioned", read_and_be_overtaken)
    ours.claim("deals", "ours", hour(10))
    assert [claim.run for claim in ours.reading("deals").claims] == ["theirs", "ours"]


def test_what_another_writes_after_ones_own_write_is_not_lost_though_the_file_is_not_read_again(tmp_path: Path) -> None:
    ours, theirs = Watermarks(tmp_path, SCOPE), Watermarks(tmp_path, SCOPE)
    claim = ours.claim("deals", "ours", hour(2))
    theirs.claim("deals", "theirs", hour(3))
    ours.complete("deals", claim, hour(1), {}, 60.0)
    assert [(each.run, each.completed) for each in theirs.reading("deals").claims] == [
        ("ours", True),
        ("theirs", False),
    ]


# ---- the whole way, from a company into a folder

CHANGES = ExtractionJob(["deals", "persons"], "changes", columns="raw")


def titles(folder: Path, run: str) -> dict[int, str]:
    return {deal["id"]: deal["title"] for deal in landed(folder / "deals" / f"run={run}")}


def watermark_of(folder: Path, entity: str = "deals") -> Any:
    return next(watermark["until"] for watermark in listed(folder) if watermark["entity"] == entity)


def test_a_run_that_is_cleared_after_it_has_landed_everything_lands_the_same_again(
    client: PipedriveClient, company: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    extract(client, tmp_path, CHANGES, run="first")
    company.advance(600)
    for deal in (5, 6, 7):
        company.update("deals", deal, title=f"edited {deal}")
    company.advance(600)
    extract(client, tmp_path, CHANGES, run="second")
    wanted, before = titles(tmp_path, "second"), listed(tmp_path)
    assert wanted == {5: "edited 5", 6: "edited 6", 7: "edited 7"}
    company.advance(600)
    with caplog.at_level(logging.INFO):
        receipt = extract(client, tmp_path, CHANGES, run="second")
    assert titles(tmp_path, "second") == wanted
    assert receipt["entities"]["deals"]["rows"] == 3
    assert any(text.startswith("deals: reading this run's own window again: from 20") for text in caplog.messages)
    assert listed(tmp_path) == before


def test_a_first_load_that_is_cleared_is_a_whole_list_again(client: PipedriveClient, tmp_path: Path) -> None:
    first = extract(client, tmp_path, CHANGES, run="first")
    watermark = watermark_of(tmp_path)
    again = extract(client, tmp_path, CHANGES, run="first")
    assert again["entities"]["deals"]["rows"] == first["entities"]["deals"]["rows"] > 5000
    assert watermark_of(tmp_path) == watermark


def test_a_first_load_that_ended_early_continues_though_its_walk_began_later_than_its_claim(
    client: PipedriveClient, company: Sandbox, tmp_path: Path, small_parts: None, mocker: MockerFixture
) -> None:
    def one_second_later(*asked: Any, **waits: Any) -> Any:
        company.advance(1)
        return page(*asked, **waits)

    page = client.page
    mocker.patch.object(client, "page", one_second_later)
    capped = ExtractionJob(["deals"], "changes", columns="raw", concurrency=4, max_tokens=90)
    with pytest.raises(PipedriveTokenCapError):
        extract(client, tmp_path, capped, run="first")
    receipt = extract(client, tmp_path, capped, run="first")
    assert len(by_id(landed_by(receipt, "deals"))) == 5754


def test_a_run_that_is_cleared_after_later_ones_reads_its_own_window_and_they_keep_theirs(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    extract(client, tmp_path, CHANGES, run="first")
    for run, deal in (("second", 5), ("third", 6)):
        company.advance(600)
        company.update("deals", deal, title=run)
        company.advance(600)
        extract(client, tmp_path, CHANGES, run=run)
    watermark = watermark_of(tmp_path)
    extract(client, tmp_path, CHANGES, run="second")
    assert titles(tmp_path, "second") == {5: "second"}
    assert titles(tmp_path, "third") == {6: "third"}
    assert watermark_of(tmp_path) == watermark
    company.advance(600)
    company.update("deals", 7, title="fourth")
    company.advance(600)
    extract(client, tmp_path, CHANGES, run="fourth")
    assert titles(tmp_path, "fourth") == {7: "fourth"}


def test_the_next_run_brings_what_a_run_that_failed_for_good_would_have_brought(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    extract(client, tmp_path, CHANGES, run="first")
    company.advance(600)
    company.update("deals", 5, title="edited")
    company.advance(600)
    company.fault(path="/api/v2/persons", kind="403", count=1)
    with pytest.raises(PipedrivePermissionError):
        extract(client, tmp_path, CHANGES, run="failed")
    company.advance(600)
    company.update("deals", 6, title="edited too")
    company.advance(600)
    receipts = [extract(client, tmp_path, CHANGES, run=run) for run in ("next", "last")]
    found = [deal for receipt in receipts for deal in landed_by(receipt, "deals")]
    assert {deal["id"]: deal["title"] for deal in found} == {5: "edited", 6: "edited too"}


def test_a_try_that_follows_hours_later_reads_the_window_of_the_first_try_and_the_next_run_the_rest(
    company: Sandbox, tmp_path: Path
) -> None:
    with client_of(company, max_attempts=1) as client:
        extract(client, tmp_path, CHANGES, run="first")
        company.advance(600)
        company.update("deals", 5, title="before")
        company.advance(600)
        company.fault(path="/api/v2/persons", kind="503", count=1)
        with pytest.raises(PipedriveServerError):
            extract(client, tmp_path, CHANGES, run="second", owner="a task")
        company.advance(7200)
        company.update("deals", 6, title="between")
        company.advance(600)
        extract(client, tmp_path, CHANGES, run="second", owner="a task")
        assert titles(tmp_path, "second") == {5: "before"}
        extract(client, tmp_path, CHANGES, run="third")
        assert titles(tmp_path, "third") == {6: "between"}


def test_a_run_that_is_new_goes_on_with_what_another_has_read_of_the_same_window(
    company: Sandbox, tmp_path: Path, small_parts: None
) -> None:
    """And ends where that one ended: what was read of it is a while old."""
    job = ExtractionJob(["deals"], "changes", columns="raw", concurrency=1)
    with client_of(company, max_attempts=1) as client:
        extract(client, tmp_path, job, run="first")
        company.advance(3600)
        for deal in list(client.iterate("getDeals", max_records=2000)):
            company.update("deals", deal["id"], title="all")
        company.advance(600)
        company.fault(path="/api/v2/deals", kind="503", skip=3, count=1)
        with pytest.raises(PipedriveServerError):
            extract(client, tmp_path, job, run="failed")
        edited = max(titles_of_unfinished(tmp_path))
        company.advance(600)
        company.update("deals", edited, title="edited later")
        company.advance(600)
        receipts = [extract(client, tmp_path, job, run=run) for run in ("next", "last")]
    claims = {claim["run"]: claim for watermark in listed(tmp_path) for claim in watermark["claims"]}
    assert claims["next"]["until"] == claims["failed"]["until"]
    found = [deal for receipt in receipts for deal in landed_by(receipt, "deals")]
    assert len({deal["id"] for deal in found}) == 2000
    assert {deal["title"] for deal in found if deal["id"] == edited} >= {"edited later"}


def landed_by(receipt: dict[str, Any], entity: str) -> list[dict[str, Any]]:
    """What a run has landed, wherever that is: where one that it continues has begun."""
    return landed(Path(receipt["entities"][entity]["manifest"]).parent)


def titles_of_unfinished(folder: Path) -> list[int]:
    """The deals in the parts of a run that did not end."""
    parts = [json.loads(file.read_text()) for file in (folder / "_pipedrive" / "unfinished").rglob("*part*.json")]
    return [identity for part in parts for identity, _ in part["boundary"]]


def test_a_cleared_run_does_not_go_on_with_what_another_window_has_left_unfinished(
    company: Sandbox, tmp_path: Path, small_parts: None
) -> None:
    job = ExtractionJob(["deals"], "changes", columns="raw", concurrency=1)
    with client_of(company, max_attempts=1) as client:
        extract(client, tmp_path, job, run="first")
        company.advance(3600)
        company.update("deals", 5, title="second")
        company.advance(600)
        extract(client, tmp_path, job, run="second")
        watermark = watermark_of(tmp_path)
        company.advance(3600)
        for deal in list(client.iterate("getDeals", max_records=2000)):
            company.update("deals", deal["id"], title="third")
        company.advance(600)
        company.fault(path="/api/v2/deals", kind="503", skip=3, count=1)
        with pytest.raises(PipedriveServerError):
            extract(client, tmp_path, job, run="third")
        extract(client, tmp_path, job, run="second")
        assert "third" not in titles(tmp_path, "second").values()
        assert watermark_of(tmp_path) == watermark
        extract(client, tmp_path, job, run="third")
        assert len(titles(tmp_path, "third")) == 2000


def test_a_cleared_run_whose_window_is_not_known_any_more_fails_and_leaves_what_it_has_landed(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    job = ExtractionJob(["pipelines"], "changes", columns="raw")
    for number in range(CLAIMS_KEPT + 1):
        extract(client, tmp_path, job, run=f"run {number}")
    before = len(company.requests)
    with pytest.raises(
        PipedriveParameterError, match=r"the windows of the last 50 runs are kept.*give since and until"
    ):
        extract(client, tmp_path, job, run="run 0")
    assert len(landed(tmp_path / "pipelines" / "run=run_0")) == 3
    assert [request.path for request in company.requests[before:]] == ["/v1/users/me"]
    extract(client, tmp_path, job, run="run 1")


def test_an_entity_that_is_new_to_a_cleared_run_is_read_as_at_first(client: PipedriveClient, tmp_path: Path) -> None:
    extract(client, tmp_path, ExtractionJob(["pipelines"], "changes", columns="raw"), run="monday")
    again = extract(client, tmp_path, ExtractionJob(["pipelines", "stages"], "changes", columns="raw"), run="monday")
    assert (again["entities"]["pipelines"]["rows"], again["entities"]["stages"]["rows"] > 3) == (3, True)


def test_two_runs_at_the_same_moment_lose_nothing_and_both_keep_their_windows(
    company: Sandbox, client: PipedriveClient, tmp_path: Path
) -> None:
    extract(client, tmp_path, CHANGES, run="first")
    company.advance(600)
    company.update("deals", 5, title="edited")
    company.advance(600)

    def one(run: str) -> dict[str, Any]:
        with client_of(company) as another:
            return extract(another, tmp_path, CHANGES, run=run, owner=run)

    with ThreadPoolExecutor(2) as pool:
        receipts = dict(zip("ab", pool.map(one, "ab"), strict=True))
    assert [landed_by(receipt, "deals")[0]["title"] for receipt in receipts.values()] == ["edited", "edited"]
    (deals,) = [watermark for watermark in listed(tmp_path) if watermark["entity"] == "deals"]
    assert sorted(claim["run"] for claim in deals["claims"] if claim["completed"]) == ["a", "b", "first"]
    assert deals["until"] == company.records("deals")[5]["update_time"].replace("Z", "+00:00")
    company.advance(600)
    for run, receipt in receipts.items():
        assert landed_by(one(run), "deals") == landed_by(receipt, "deals")


# ---- histories of stages


def open_deal(client: PipedriveClient) -> tuple[int, int, list[int]]:
    """A deal, its stage, and the other stages of its pipeline."""
    deal = next(deal for deal in client.iterate("getDeals", {"status": "open"}) if deal["pipeline_id"] == 1)
    stages = [stage["id"] for stage in client.iterate("getStages", {"pipeline_id": 1})]
    return deal["id"], deal["stage_id"], [stage for stage in stages if stage != deal["stage_id"]]


def moves(folder: Path, run: str) -> list[tuple[Any, ...]]:
    (manifest,) = folder.glob(f"*stage_history/run={run}/_manifest.json")
    return moves_in(landed(manifest.parent))


def moves_in(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["deal_id"], row["from_stage_id"], row["to_stage_id"]) for row in rows]


@pytest.mark.long
def test_moves_that_two_readings_of_the_deals_have_shown_are_landed_again_when_the_run_is_cleared(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    def night(run: str) -> list[tuple[Any, ...]]:
        job = ExtractionJob(["deals", "observed_stage_history"], partition=f"run={run}")
        extract(client, tmp_path, job, run=run)
        return moves(tmp_path, run)

    deal, before, stages = open_deal(client)
    assert night("first") == []
    company.move_deal(deal, stages[0])
    assert night("second") == [(deal, before, stages[0])]
    assert night("second") == [(deal, before, stages[0])]
    company.move_deal(deal, stages[1])
    assert night("third") == [(deal, stages[0], stages[1])]
    assert night("second") == [(deal, before, stages[0])]
    assert night("third") == [(deal, stages[0], stages[1])]
    company.move_deal(deal, stages[2])
    assert night("third") == [(deal, stages[0], stages[1]), (deal, stages[1], stages[2])]
    assert night("fourth") == []


def test_moves_whose_run_is_long_ago_are_not_landed_again_by_guessing(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    job = ExtractionJob(["deals", "observed_stage_history"], columns="raw", parameters={"deals": {"ids": [1]}})
    extract(client, tmp_path, job, run="first")
    state = tmp_path / "_pipedrive" / "stages.json"
    kept = json.loads(state.read_text())
    state.write_text(json.dumps(kept | {"runs": []}))
    with pytest.raises(PipedriveParameterError, match=r"those of the last 50 runs are kept.*Start a new run"):
        extract(client, tmp_path, job, run="first")


def test_a_deal_that_moves_between_two_nights_of_a_capped_history_is_not_lost(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    ids = sorted(deal["id"] for deal in client.iterate("getDeals", {"status": "open"}, max_records=60))
    job = ExtractionJob(["stage_history"], "changes", parameters={"stage_history": {"ids": ids}}, concurrency=4)
    capped = ExtractionJob(
        ["stage_history"], "changes", parameters={"stage_history": {"ids": ids}}, concurrency=4, max_tokens=600
    )
    with pytest.raises(PipedriveTokenCapError):
        extract(client, tmp_path, capped, run="first night")
    early, late = (
        next(deal for deal in order if client.run("getDeal", {"id": deal})["pipeline_id"] == 1)
        for order in (ids, ids[::-1])
    )
    stages = [stage["id"] for stage in client.iterate("getStages", {"pipeline_id": 1})]

    def move(deal: int) -> tuple[int, int, int]:
        before = client.run("getDeal", {"id": deal})["stage_id"]
        after = next(stage for stage in stages if stage != before)
        company.move_deal(deal, after)
        return deal, before, after

    company.advance(3600)
    moved = [move(early)]
    company.advance(3600)
    moved.append(move(late))
    company.advance(600)
    receipts = [extract(client, tmp_path, job, run="second night")]
    company.advance(600)
    receipts.append(extract(client, tmp_path, job, run="third night"))
    found = [moves_in(landed_by(receipt, "stage_history")) for receipt in receipts]
    assert sorted(found[1]) == sorted(moved)
    assert not set(moved) & set(found[0])


def test_windows_that_follow_one_another_leave_no_gap(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    for run in range(4):
        extract(client, tmp_path, ExtractionJob(["deals"], "changes", columns="raw"), run=str(run))
        company.advance(600)
        company.update("deals", 5, title=f"after {run}")
        company.advance(600)
    (watermark,) = listed(tmp_path)
    for before, after in pairwise(watermark["claims"]):
        assert after["since"] <= before["until"]

"""What was last updated in a window, and how far a job has read."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.watermarks import Watermark, Watermarks, listed
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.extraction.conftest import by_id, landed, last_manifest


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ids_of(records: list[dict[str, Any]]) -> list[int]:
    return sorted(record["id"] for record in records)


def test_a_window_holds_what_was_last_updated_in_it_and_nothing_else(client: PipedriveClient, tmp_path: Path) -> None:
    job = ExtractionJob(["deals"], "changes", at("2025-01-01"), at("2025-07-01"), columns="raw", lookback=0)
    receipt = extract(client, tmp_path, job)
    wanted = [
        deal
        for action in ("getDeals", "getArchivedDeals")
        for deal in client.iterate(action)
        if "2025-01-01" <= (deal["update_time"] or "") < "2025-07-01"
    ]
    assert by_id(landed(tmp_path / "deals")) == by_id(wanted)
    assert receipt["entities"]["deals"]["window"] == {
        "since": "2025-01-01T00:00:00+00:00",
        "until": "2025-07-01T00:00:00+00:00",
    }


def test_neighbouring_windows_share_nothing_but_the_overlap(client: PipedriveClient, tmp_path: Path) -> None:
    months = [at("2025-01-01"), at("2025-03-01"), at("2025-05-01")]
    found = []
    for since, until in pairwise(months):
        folder = tmp_path / since.strftime("%m")
        extract(client, folder, ExtractionJob(["persons"], "changes", since, until, columns="raw", lookback=0))
        found += landed(folder / "persons")
    whole = tmp_path / "whole"
    extract(client, whole, ExtractionJob(["persons"], "changes", months[0], months[-1], columns="raw", lookback=0))
    assert ids_of(found) == ids_of(landed(whole / "persons"))


def test_an_interval_that_is_run_again_replaces_its_partition(client: PipedriveClient, tmp_path: Path) -> None:
    job = ExtractionJob(
        ["persons"], "changes", at("2025-01-01"), at("2025-02-01"), columns="raw", partition="dt=2025-01-01"
    )
    folder = tmp_path / "persons" / "dt=2025-01-01"
    extract(client, tmp_path, replace(job, keep_previous=0))
    first = ids_of(landed(folder))
    extract(client, tmp_path, replace(job, keep_previous=0))
    assert ids_of(landed(folder)) == first
    named = {part["name"] for part in json.loads((folder / "_manifest.json").read_text())["parts"]}
    assert {path.name for path in folder.iterdir()} == named | {"_manifest.json"}


def test_the_first_run_reads_everything_and_says_so_and_the_next_what_changed_since(
    client: PipedriveClient, company: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = ExtractionJob(["deals", "persons"], "changes", columns="raw")
    with caplog.at_level(logging.INFO):
        extract(client, tmp_path, job)
    assert "persons: there is no watermark yet: the first load reads the whole list." in caplog.messages
    company.advance(120)
    company.update("deals", 5, title="edited")
    company.delete("deals", 7)
    company.advance(120)
    receipt = extract(client, tmp_path, job)
    assert [(deal["id"], deal["title"]) for deal in landed(tmp_path / "deals")] == [(5, "edited")]
    assert landed(tmp_path / "persons") == []
    assert receipt["entities"]["deals"]["tombstones"] == 1
    manifest = last_manifest(tmp_path / "deals")
    named = json.loads(manifest.read_text())["tombstones"]
    (tombstone,) = (manifest.parent / named[0]["name"]).read_text().splitlines()
    assert json.loads(tombstone)["id"] == 7


def test_what_the_overlap_brings_again_is_left_out_unless_it_was_edited(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    job = ExtractionJob(["deals"], "changes", columns="raw")
    extract(client, tmp_path, job)
    company.update("deals", 5, title="first")
    company.update("deals", 6, title="first")
    company.advance(5)
    extract(client, tmp_path, job)
    assert ids_of(landed(tmp_path / "deals")) == [5, 6]
    company.advance(5)
    company.update("deals", 6, title="second")  # within the 60 s that the next window reaches back
    company.advance(5)
    extract(client, tmp_path, job)
    assert [(deal["id"], deal["title"]) for deal in landed(tmp_path / "deals")] == [(6, "second")]


def test_what_changed_lands_beside_what_the_runs_before_have_landed(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    job = ExtractionJob(["persons"], "changes", columns="raw")
    first = extract(client, tmp_path, job)
    company.advance(120)
    company.update("persons", 1, name="edited")
    company.advance(120)
    second = extract(client, tmp_path, job)
    manifests = [Path(receipt["entities"]["persons"]["manifest"]) for receipt in (first, second)]
    assert len(set(manifests)) == 2
    assert len(landed(manifests[0].parent)) > 4000
    assert [person["name"] for person in landed(manifests[1].parent)] == ["edited"]


def test_an_edit_in_the_very_second_in_which_a_record_was_read_is_not_lost(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    job = ExtractionJob(["deals"], "changes", columns="raw")
    company.plan("update", entity="deals", id=5, fields={"title": "edited"}, after_reads=2, path="/api/v2/deals")
    extract(client, tmp_path, job)
    (edited,) = [deal for deal in landed(tmp_path / "deals") if deal["title"] == "edited"]
    company.update("deals", 5, title="edited again", update_time=edited["update_time"])
    company.advance(5)
    extract(client, tmp_path, job)
    assert [(deal["id"], deal["title"]) for deal in landed(tmp_path / "deals")] == [(5, "edited again")]


@pytest.mark.parametrize("entity", ["notes", "leads", "files"])
def test_a_window_by_offset_holds_every_record_once(client: PipedriveClient, tmp_path: Path, entity: str) -> None:
    action = {"notes": "getNotes", "leads": "getLeads", "files": "getFiles"}[entity]
    since, until = at("2025-01-01"), at("2025-12-01")
    extract(client, tmp_path, ExtractionJob([entity], "changes", since, until, columns="raw", lookback=0))
    wanted = [record for record in client.iterate(action) if since <= moment(record["update_time"]) < until]
    assert by_id(landed(tmp_path / entity)) == by_id(wanted)


def test_runs_with_a_window_of_their_own_leave_the_mark_alone(client: PipedriveClient, tmp_path: Path) -> None:
    extract(client, tmp_path, ExtractionJob(["persons"], "changes"))
    before = listed(tmp_path)
    extract(
        client,
        tmp_path,
        ExtractionJob(["persons"], "changes", at("2025-01-01"), at("2025-02-01"), partition="dt=2025-01"),
    )
    assert listed(tmp_path) == before
    assert [watermark["entity"] for watermark in before] == ["persons"]


def test_the_mark_is_the_latest_update_that_pipedrive_tells_never_the_workers_clock(
    client: PipedriveClient, tmp_path: Path
) -> None:
    extract(client, tmp_path, ExtractionJob(["persons"], "changes", columns="raw"))
    newest = max(person["update_time"] for person in client.iterate("getPersons") if person["update_time"])
    (watermark,) = listed(tmp_path)
    assert datetime.fromisoformat(watermark["until"]) == datetime.fromisoformat(newest)


def test_another_choice_of_records_has_a_mark_of_its_own(client: PipedriveClient, tmp_path: Path) -> None:
    def rows(**parameters: Any) -> int:
        chosen = {"deals": parameters} if parameters else {}
        receipt = extract(client, tmp_path, ExtractionJob(["deals"], "changes", columns="raw", parameters=chosen))
        return int(receipt["entities"]["deals"]["rows"])

    everything = len(list(client.iterate("getDeals")))
    won = len(list(client.iterate("getDeals", {"status": "won"})))
    assert rows(status="won") == won
    assert rows() == everything
    assert (rows(status="won"), rows()) == (0, 0)


def test_a_mark_ahead_of_pipedrives_clock_is_told_of_and_no_reason_to_read_nothing(
    client: PipedriveClient, tmp_path: Path
) -> None:
    job = ExtractionJob(["persons"], "changes", columns="raw")
    extract(client, tmp_path, job)
    (watermark,) = listed(tmp_path)
    Watermarks(tmp_path, watermark["scope"]).set("persons", Watermark(at("2099-01-01")))
    with pytest.raises(PipedriveParameterError, match="set it back by `airflow pipedrive watermarks`"):
        extract(client, tmp_path, job)


def test_a_mark_can_be_set_back(client: PipedriveClient, tmp_path: Path) -> None:
    extract(client, tmp_path, ExtractionJob(["persons"], "changes", columns="raw"))
    (watermark,) = listed(tmp_path)
    Watermarks(tmp_path, watermark["scope"]).forget("persons")
    assert [watermark["until"] for watermark in listed(tmp_path)] == [None]
    assert len(extract(client, tmp_path, ExtractionJob(["persons"], "changes", columns="raw"))["entities"]) == 1
    assert len(landed(tmp_path / "persons")) > 4000


def test_what_was_created_and_never_updated_is_in_its_window_too(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    newest = max(deal["id"] for deal in client.iterate("getDeals"))
    now = datetime.now(UTC).replace(microsecond=0)
    hours_ago = (now - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    company.update("deals", newest, update_time=None, add_time=hours_ago)
    job = ExtractionJob(["deals"], "changes", now - timedelta(hours=4), now - timedelta(hours=2), columns="raw")
    receipt = extract(client, tmp_path, job)
    assert newest in ids_of(landed(tmp_path / "deals"))
    assert receipt["entities"]["deals"]["completeness"] == {
        "kind": "window",
        "never_updated": "looked for",
        "deleted": "told",
    }


def test_an_old_window_says_that_it_did_not_look_for_what_was_never_updated(
    client: PipedriveClient, tmp_path: Path
) -> None:
    receipt = extract(client, tmp_path, ExtractionJob(["deals"], "changes", at("2025-01-15"), at("2025-01-16")))
    assert receipt["entities"]["deals"]["completeness"]["never_updated"] == "not looked for"


def test_a_small_window_costs_one_page(client: PipedriveClient, company: Sandbox, tmp_path: Path) -> None:
    extract(client, tmp_path, ExtractionJob(["persons"], "changes", at("2025-01-01"), at("2025-02-01"), columns="raw"))
    assert sum(request.path == "/api/v2/persons" for request in company.requests) == 1


def test_lists_that_know_only_a_beginning_have_the_end_applied_here(client: PipedriveClient, tmp_path: Path) -> None:
    job = ExtractionJob(
        ["leads", "notes", "products"], "changes", at("2025-01-01"), at("2025-07-01"), columns="raw", lookback=0
    )
    extract(client, tmp_path, job)
    for entity, action in (("leads", "getLeads"), ("notes", "getNotes"), ("products", "getProducts")):
        wanted = [
            record["id"]
            for record in client.iterate(action)
            if "2025-01-01" <= (record["update_time"] or "")[:10] < "2025-07-01"
        ]
        assert sorted(record["id"] for record in landed(tmp_path / entity)) == sorted(wanted), entity


def test_lists_without_windows_are_read_newest_first_or_whole_and_say_so(
    client: PipedriveClient, tmp_path: Path
) -> None:
    job = ExtractionJob(
        ["files", "pipelines"], "changes", at("2025-01-01"), at("2026-01-01"), columns="raw", lookback=0
    )
    receipt = extract(client, tmp_path, job)
    assert receipt["entities"]["files"]["strategy"] == "newest first"
    assert receipt["entities"]["pipelines"]["strategy"] == "whole: the list has no window"
    wanted = [file["id"] for file in client.iterate("getFiles") if file["update_time"].startswith("2025")]
    assert ids_of(landed(tmp_path / "files")) == sorted(wanted)


def test_a_window_that_ends_now_waits_until_pipedrives_clock_is_past_it(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    waited: list[float] = []
    job = ExtractionJob(["persons"], "changes", now - timedelta(hours=1), now, columns="raw")
    extract(client, tmp_path, job, sleep=waited.append)
    assert 58 <= sum(waited) <= 61


def test_a_window_that_begins_in_the_future_is_refused(client: PipedriveClient, tmp_path: Path) -> None:
    job = ExtractionJob(["deals"], "changes", at("2099-01-01"), at("2099-01-02"))
    with pytest.raises(PipedriveParameterError, match="s ahead of Pipedrive's clock"):
        extract(client, tmp_path, job)
    assert not list(tmp_path.glob("*/_manifest.json"))


def test_a_snapshot_that_shrank_is_not_published_unless_that_is_right(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    job = ExtractionJob(["persons"], columns="raw")
    extract(client, tmp_path, job)
    before = (tmp_path / "persons" / "_manifest.json").read_text()
    persons = sorted(person["id"] for person in client.iterate("getPersons"))
    for person in persons[: len(persons) // 8]:
        company.delete("persons", person)
    with pytest.raises(PipedriveParameterError, match="over 10 % fewer") as caught:
        extract(client, tmp_path, job)
    assert "set allow_shrink if that is right" in str(caught.value)
    assert (tmp_path / "persons" / "_manifest.json").read_text() == before
    extract(client, tmp_path, ExtractionJob(["persons"], columns="raw", allow_shrink=True))
    assert (tmp_path / "persons" / "_manifest.json").read_text() != before


def tombstones(folder: Path) -> list[int]:
    manifest = last_manifest(folder)
    return sorted(
        json.loads(line)["id"]
        for part in json.loads(manifest.read_text())["tombstones"]
        for line in (manifest.parent / part["name"]).read_text().splitlines()
    )


def test_a_snapshot_tells_of_what_was_landed_before_and_has_been_deleted_but_not_of_what_was_archived(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    job = ExtractionJob(["deals", "persons"], columns="raw")
    extract(client, tmp_path, job)
    persons = sorted(person["id"] for person in client.iterate("getPersons", max_records=5))
    deals = sorted(deal["id"] for deal in client.iterate("getDeals", max_records=5))
    company.delete("persons", persons[2])
    company.delete("deals", deals[0])
    company.update("deals", deals[1], is_archived=True)
    company.advance(31 * 86400)  # deleted for good: Pipedrive lists deleted deals for 30 days
    extract(client, tmp_path, job)
    assert tombstones(tmp_path / "persons") == [persons[2]]
    assert tombstones(tmp_path / "deals") == [deals[0]]
    extract(client, tmp_path, job)
    assert tombstones(tmp_path / "persons") == [], "told twice"
    looked_up = [request for request in company.requests if request.path == f"/api/v2/deals/{deals[1]}"]
    assert len(looked_up) == 1, "what is archived is looked up once"


def test_a_sweep_finds_what_no_window_tells(client: PipedriveClient, company: Sandbox, tmp_path: Path) -> None:
    extract(client, tmp_path, ExtractionJob(["persons"], "changes", columns="raw"))
    persons = sorted(person["id"] for person in client.iterate("getPersons", max_records=5))
    company.delete("persons", persons[3])
    company.merge("persons", persons[1], into=persons[0])
    extract(client, tmp_path, ExtractionJob(["persons"], "changes", columns="raw"))
    assert tombstones(tmp_path / "persons") == []
    extract(client, tmp_path, ExtractionJob(["persons"], "changes", columns="raw", sweep=True))
    assert tombstones(tmp_path / "persons") == [persons[1], persons[3]]

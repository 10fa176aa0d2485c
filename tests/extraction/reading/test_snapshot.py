"""A snapshot holds every record once, in its last state, whatever happens while it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveServerError, PipedriveTokenCapError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.plans import BidirectionalPlan, WalkPlan, WindowsPlan
from airflow_provider_pipedrive.extraction.reading.profile import ListProfile
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool
from airflow_provider_pipedrive.extraction.reading.snapshot import choose_plan
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.extraction.conftest import by_id, client_of, is_published, landed

DEALS = ExtractionJob(["deals"], columns="raw", concurrency=8)
FAULTS = ("500", "502", "503", "429", "reset", "truncate", "empty", "not-json", "bad-utf8", "nan")


def live(client: PipedriveClient, action: str = "getDeals") -> dict[Any, dict[str, Any]]:
    return by_id(list(client.iterate(action)))


@pytest.mark.parametrize(("took", "plan"), [(0.005, BidirectionalPlan), (0.15, WindowsPlan)])
def test_a_list_is_read_from_many_places_only_where_requests_take_longer_than_their_pages(
    company: Sandbox, took: float, plan: type[WalkPlan]
) -> None:
    sink: Any = None
    with client_of(company, burst_limit=4000) as client:
        pool = RequestPool(client, 32, lambda: None)
        reading = EntityRead(pool, ENTITIES["deals"], sink, ReadStats())
        assert choose_plan(reading, ListProfile(50_000, 0.0, 0.0), took, more=True) is plan
        pool.close()


@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_a_snapshot_holds_every_deal_as_the_api_lists_it(
    client: PipedriveClient, tmp_path: Path, through: Callable[[str], None], strategy: str
) -> None:
    through(strategy)
    receipt = extract(client, tmp_path, DEALS)
    assert by_id(landed(tmp_path / "deals")) == live(client)
    assert receipt["entities"]["deals"]["strategy"] == strategy
    assert receipt["entities"]["deals"]["rows"] == 5754


def test_one_connection_reads_front_to_back_and_spends_no_more_than_the_pages(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    receipt = extract(client, tmp_path, ExtractionJob(["deals"], columns="raw", concurrency=1))
    assert by_id(landed(tmp_path / "deals")) == live(client)
    assert receipt["entities"]["deals"]["strategy"] == "front to back"
    # 12 pages; then the closing look at what was edited (10) or archived (20) meanwhile, and who reads (2).
    assert receipt["tokens"] == 12 * 10 + 10 + 20 + 2


def test_windows_are_proven_whole_by_the_count_that_pipedrive_tells(
    client: PipedriveClient, tmp_path: Path, through: Callable[[str], None]
) -> None:
    through("windows")
    receipt = extract(client, tmp_path, DEALS)
    assert receipt["entities"]["deals"]["completeness"] == {"kind": "count", "records": 5754}


@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_records_without_a_time_of_last_update_are_there_too(
    client: PipedriveClient, company: Sandbox, tmp_path: Path, through: Callable[[str], None], strategy: str
) -> None:
    for number in range(100, 160):
        company.update("deals", number, update_time=None)
    through(strategy)
    receipt = extract(client, tmp_path, DEALS)
    assert by_id(landed(tmp_path / "deals")) == live(client)
    if strategy == "windows":
        assert receipt["entities"]["deals"]["completeness"]["kind"] == "ids"


@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_what_is_edited_archived_deleted_and_created_meanwhile_is_there_in_its_last_state(
    client: PipedriveClient, company: Sandbox, tmp_path: Path, through: Callable[[str], None], strategy: str
) -> None:
    through(strategy)
    ids = sorted(live(client))
    for reads, place in enumerate(range(0, len(ids), 700)):
        at = {"after_reads": 2 + reads, "path": "/api/v2/deals"}
        company.plan("update", entity="deals", id=ids[place], fields={"title": f"edited after {reads}"}, **at)
        company.plan("update", entity="deals", id=ids[place + 1], fields={"is_archived": True}, **at)
        company.plan("delete", entity="deals", id=ids[place + 2], **at)
    receipt = extract(client, tmp_path, DEALS)
    found = by_id(landed(tmp_path / "deals"))
    assert found == live(client)
    assert sum(deal["title"].startswith("edited after") for deal in found.values()) == 9
    assert receipt["entities"]["deals"]["rows"] == 5754 - 18
    assert receipt["entities"]["deals"]["tombstones"] == 9


@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_faults_of_every_kind_cost_and_double_nothing(
    company: Sandbox, tmp_path: Path, through: Callable[[str], None], strategy: str
) -> None:
    through(strategy)
    for seed, kind in enumerate(FAULTS):
        company.fault("/api/v2/deals*", kind, count=1000, probability=0.02, seed=seed, headers={"Retry-After": "0"})
    with client_of(company, max_attempts=10) as client:
        extract(client, tmp_path, DEALS)
        company.clear_faults()
        assert by_id(landed(tmp_path / "deals")) == live(client)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_a_run_that_failed_goes_on_from_its_finished_parts(
    company: Sandbox, tmp_path: Path, through: Callable[[str], None], strategy: str
) -> None:
    through(strategy)
    company.fault("/api/v2/deals*", "500", count=1000, skip=12)
    with client_of(company, max_attempts=1) as client:
        with pytest.raises(PipedriveServerError):
            extract(client, tmp_path, DEALS, owner="me")
        assert not is_published(tmp_path), "a run that has not ended looks finished"
        company.clear_faults()
        before = client.usage.pages, client.usage.tokens
        extract(client, tmp_path, DEALS, owner="me")
        again = client.usage.tokens - before[1]
        assert by_id(landed(tmp_path / "deals")) == live(client)
    whole = extract(client_of(company), tmp_path / "other", DEALS)["tokens"]
    assert again < whole - 40, "the finished parts were read again"


@pytest.mark.usefixtures("small_parts")
def test_another_choice_does_not_go_on_from_anothers_parts(company: Sandbox, tmp_path: Path) -> None:
    company.fault("/api/v2/deals*", "500", count=1000, skip=6)
    with client_of(company, max_attempts=1) as client:
        with pytest.raises(PipedriveServerError):
            extract(client, tmp_path, ExtractionJob(["deals"], columns="raw", concurrency=1), owner="me")
        company.clear_faults()
        narrower = ExtractionJob(["deals"], columns="raw", concurrency=1, parameters={"deals": {"status": "won"}})
        extract(client, tmp_path, narrower, owner="me")
        assert {deal["status"] for deal in landed(tmp_path / "deals")} == {"won"}


@pytest.mark.usefixtures("small_parts")
def test_a_cap_of_tokens_ends_a_run_before_it_spends_more_and_leaves_it_resumable(
    company: Sandbox, tmp_path: Path
) -> None:
    job = ExtractionJob(["deals"], columns="raw", concurrency=1, max_tokens=70)
    runs = 0
    with client_of(company) as client:
        while not is_published(tmp_path):
            before = company.counters()["tokens"]
            try:
                extract(client, tmp_path, job, owner="me")
            except PipedriveTokenCapError:
                runs += 1
            assert company.counters()["tokens"] - before <= 70
            assert runs < 5
        assert runs == 2
        assert by_id(landed(tmp_path / "deals")) == live(client)


def test_all_versions_are_kept_on_request(
    client: PipedriveClient, company: Sandbox, tmp_path: Path, through: Callable[[str], None]
) -> None:
    through("bidirectional")
    # Read first as it was, then again, because it was edited while the walk went on.
    company.plan("update", entity="deals", id=1, fields={"title": "edited"}, after_reads=2, path="/api/v2/deals")
    extract(client, tmp_path, ExtractionJob(["deals"], columns="raw", concurrency=8, versions="all"))
    titles = [deal["title"] for deal in landed(tmp_path / "deals") if deal["id"] == 1]
    assert len(titles) == 2
    assert titles[-1] == "edited"


def test_lists_by_offset_lose_nothing_when_records_before_are_deleted(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    notes = sorted(live(client, "getNotes"))
    for number in notes[:20]:
        company.plan("delete", entity="notes", id=number, after_reads=1, path="/v1/notes")
    extract(client, tmp_path, ExtractionJob(["notes"], columns="raw"))
    assert by_id(landed(tmp_path / "notes")).keys() >= live(client, "getNotes").keys()


def test_every_entity_can_be_extracted_at_once_and_each_has_a_manifest(client: PipedriveClient, tmp_path: Path) -> None:
    from airflow_provider_pipedrive.catalog import ENTITIES

    receipt = extract(client, tmp_path, ExtractionJob(list(ENTITIES)))
    assert {path.parent.name for path in tmp_path.glob("*/_manifest.json")} == set(ENTITIES)
    assert receipt["rows"] == sum(entity["rows"] for entity in receipt["entities"].values())
    assert not list(tmp_path.glob("_pipedrive/unfinished/*/*"))

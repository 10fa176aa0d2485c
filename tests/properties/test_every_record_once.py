"""Every record once, in its last state: hundreds of lists of every kind, edited meanwhile, answered in any order."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.errors import PipedriveConnectionError
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading import snapshot
from airflow_provider_pipedrive.extraction.reading.increments import Changes, Window
from airflow_provider_pipedrive.extraction.reading.pages import timestamp
from airflow_provider_pipedrive.extraction.reading.ranges import Range
from airflow_provider_pipedrive.extraction.reading.resuming import open_ranges
from airflow_provider_pipedrive.extraction.reading.snapshot import ReadOutcome, Snapshot
from airflow_provider_pipedrive.extraction.reading.walk import RangeReader, ReadStats
from tests.support.company_in_memory import BEGIN, Company, Killed, RequestPool, landing_in, small_pages

__all__ = ["small_pages"]
SEEDS = 40


def company_of(seed: int, entity: str) -> Company:
    """A list: with gaps or without, after an import or not, with records that were never updated or without."""
    company = Company(
        seed,
        count=20 + 7 * seed % 400,
        gaps=[0.0, 0.3][seed % 2],
        hot=[0.0, 0.6, 0.05][seed % 3],
        never_updated=[0.0, 0.02, 0.0, 0.3][seed // 2 % 4],
    )
    company.restless = seed % 5 != 0
    company.deletes_show = entity == "deals"
    return company


def read(
    company: Company, folder: Path, entity: str, concurrency: int, fails_at: int | None, *, publishes: bool = True
) -> list[dict[str, Any]]:
    landing = landing_in(folder, ENTITIES[entity])
    pool = RequestPool(company, concurrency, fails_at, forgetful=len(company.records) % 2 == 0)
    pool.client.room = company.dice.choice([0, 3, 80])  # in the rate limit's window
    reader = Snapshot(pool, ENTITIES[entity], landing, ReadStats(), lookback=5.0, clock=lambda: company.now)
    try:
        outcome = reader.read()
    finally:
        landing.abort()
    return published(landing, outcome) if publishes else []


def published(landing: EntityStaging, outcome: ReadOutcome) -> list[dict[str, Any]]:
    manifest = landing.publish(outcome.dropped, {})
    parts = [(landing.target / part["name"]).read_text() for part in manifest["parts"]]
    return [json.loads(line) for part in parts for line in part.splitlines()]


def killed_at(finishes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end before it finishes that part, and so all that are open."""
    left = [finishes]
    finish = EntityStaging.finish

    def perhaps(self: EntityStaging, stream: str, resume_info: Any) -> None:
        if stream in self._open:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
        finish(self, stream, resume_info)

    monkeypatch.setattr(EntityStaging, "finish", perhaps)


def read_at_last(
    company: Company, folder: Path, entity: str, concurrency: int, ends: str, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """Read it again and again until it comes to its end."""
    if ends == "failed":
        with suppress(PipedriveConnectionError):
            return read(company, folder, entity, concurrency, company.dice.randrange(1, 12))
    if ends == "not published":
        read(company, folder, entity, concurrency, None, publishes=False)
    for _ in range(ends.count("killed") + ends.count("twice")):
        with monkeypatch.context() as patch, suppress(Killed):
            killed_at(company.dice.randrange(0, 6), patch)
            return read(company, folder, entity, concurrency, None)
    return read(company, folder, entity, concurrency, None)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("entity", ["deals", "persons"])
@pytest.mark.parametrize("strategy", ["windows", "bidirectional", "front to back"])
def test_every_live_record_is_there_once_in_its_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str, entity: str
) -> None:
    monkeypatch.setattr(snapshot.Snapshot, "_choose", lambda self, profile, took, *, more: strategy)
    concurrency = 1 if strategy == "front to back" else 8
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        company = company_of(seed, entity)
        ends = company.dice.choice(["", "", "failed", "not published", "killed", "killed twice"])
        found = read_at_last(company, folder, entity, concurrency, ends, monkeypatch)
        assert sorted(found, key=lambda record: record["id"]) == company.live, f"seed {seed} ({ends})"
        shutil.rmtree(folder)


class Waking(Company):
    """Nothing happens until somebody has looked whether it does, nor for some answers more.

    :ivar pool: who looks
    :ivar answers: how many
    """

    pool: RequestPool
    answers = 0

    def live_on(self, *, catching_up: bool) -> None:
        looked = self.pool.at_look is not None
        self.restless = looked and self.answers <= 0
        self.answers -= looked
        super().live_on(catching_up=catching_up)


@pytest.mark.usefixtures("small_pages")
def test_an_account_at_rest_is_read_as_it_was_when_somebody_looked_whatever_happens_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot.Snapshot, "_choose", lambda self, profile, took, *, more: "windows")
    looked_once = 0
    for seed in range(5 * SEEDS):
        company = Waking(seed, count=40 + seed, gaps=0.0, hot=[0.0, 0.1][seed % 2], never_updated=0.0)
        company.pool = pool = RequestPool(company, 8)
        company.answers = company.dice.choice([0, 1, 2, 30])
        landing = landing_in(tmp_path / str(seed), ENTITIES["deals"])
        clock = partial(getattr, company, "now")
        outcome = Snapshot(pool, ENTITIES["deals"], landing, ReadStats(), lookback=5.0, clock=clock).read()
        found = sorted(published(landing, outcome), key=lambda record: record["id"])
        assert found == (company.live if pool.caught_up else pool.at_look), f"seed {seed}"
        assert pool.counted_first  # else something deleted in between would hide something that is missing
        looked_once += not pool.caught_up
    assert SEEDS < looked_once < 4 * SEEDS  # the others were read on, since records had left their windows


@pytest.mark.usefixtures("small_pages")
def test_what_is_created_meanwhile_and_never_updated_is_there_after_windows_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot.Snapshot, "_choose", lambda self, profile, took, *, more: "windows")
    company = Company(3, count=60, gaps=0.0, hot=0.0, never_updated=0.0)
    reads: list[bool] = []

    def happens(*, catching_up: bool) -> None:
        company.now += 1
        reads.append(catching_up)
        if len(reads) == 4:
            company.records[61] = {"id": 61, "update_time": None, "state": 0}

    monkeypatch.setattr(company, "live_on", happens)
    found = read(company, tmp_path, "persons", 8, None)
    assert sorted(record["id"] for record in found) == list(range(1, 62))


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_a_record_that_is_deleted_and_restored_meanwhile_is_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    monkeypatch.setattr(snapshot.Snapshot, "_choose", lambda self, profile, took, *, more: strategy)
    company = Company(3, count=60, gaps=0.0, hot=0.0, never_updated=0.0)
    reads: list[bool] = []

    def happens(*, catching_up: bool) -> None:
        company.now += 1
        reads.append(catching_up)
        if len(reads) == 3:
            company.deleted[5] = {**company.touch(company.records.pop(5)), "is_deleted": True}
            company.now += 1
            for number in range(10, 30):
                company.touch(company.records[number])
        if sum(reads) == 2 and 5 in company.deleted:
            company.records[5] = company.touch({"id": 5, "state": company.deleted.pop(5)["state"]})

    monkeypatch.setattr(company, "live_on", happens)
    landing = landing_in(tmp_path, ENTITIES["deals"])
    pool = RequestPool(company, 8)
    outcome = Snapshot(pool, ENTITIES["deals"], landing, ReadStats(), lookback=5.0, clock=lambda: company.now).read()
    assert (outcome.deleted, outcome.removed) == ({}, {})
    found = {record["id"]: record for record in published(landing, outcome)}
    assert found == company.records
    assert found[5]["state"] == 2


@pytest.mark.usefixtures("small_pages")
def test_where_two_scans_met_nothing_is_left_to_be_read_again(tmp_path: Path) -> None:
    company = Company(7, count=35, gaps=0.0, hot=0.0, never_updated=0.0)
    landing = landing_in(tmp_path, ENTITIES["persons"])
    landing.load()
    reader = RangeReader(RequestPool(company, 8), ENTITIES["persons"], landing, {}, ReadStats())
    reader.open(Range("time", 0, BEGIN))
    reader.run()
    assert sorted(landing.ids()) == list(range(1, 36))
    assert open_ranges(landing.finished, 0, datetime.fromtimestamp(BEGIN, UTC)) == []


def read_window(company: Company, folder: Path, window: Window) -> list[dict[str, Any]]:
    landing = landing_in(folder, ENTITIES["persons"])
    try:
        outcome = Changes(RequestPool(company, 8), ENTITIES["persons"], landing, ReadStats(), window).read()
    finally:
        landing.abort()
    return published(landing, outcome)


@pytest.mark.usefixtures("small_pages")
def test_a_window_holds_what_stays_in_it_once_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        company = company_of(seed, "persons")
        since = BEGIN - company.dice.choice([5, 100, 6000])
        until = company.dice.choice([BEGIN - 1, BEGIN - 60]) if since < BEGIN - 60 else BEGIN - 1
        window = Window(datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC), 0.0, {})
        at_first = {number for number, record in company.records.items() if window.holds(_updated(record))}
        for _ in range(company.dice.randrange(3)):
            with monkeypatch.context() as patch, suppress(Killed):
                killed_at(company.dice.randrange(0, 3), patch)
                read_window(company, folder / "killed", window)
                shutil.rmtree(folder / "killed")  # it had ended before
        found = read_window(company, folder / "killed", window)
        ids = [record["id"] for record in found]
        assert len(set(ids)) == len(ids), f"seed {seed}"
        stays = {number for number, record in company.records.items() if window.holds(_updated(record))}
        assert stays <= set(ids) <= at_first, f"seed {seed}"


def _updated(record: dict[str, Any]) -> datetime | None:
    return timestamp(record["update_time"])


def test_the_list_in_memory_begins_with_what_it_says() -> None:
    company = Company(1, count=100, gaps=0.0, hot=0.6, never_updated=0.0)
    assert len(company.records) == 100
    assert company.now == BEGIN

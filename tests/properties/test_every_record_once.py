"""Every record once, in its last state: lists of every kind, edited meanwhile, answered in any order."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.pages import timestamp
from airflow_provider_pipedrive.extraction.reading.range_reader import RangeReader
from airflow_provider_pipedrive.extraction.reading.ranges import Range
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats
from airflow_provider_pipedrive.extraction.reading.resuming import open_ranges
from tests.support.company_in_memory import BEGIN, Company, Killed, RequestPool, small_pages
from tests.support.reads_in_memory import Run, published, read_by, read_whole, read_window, staging_in, window_between

__all__ = ["small_pages"]

pytestmark = pytest.mark.usefixtures("small_pages")

COMPANIES = st.builds(
    Company,
    st.randoms(use_true_random=False),
    count=st.integers(20, 80),
    gaps=st.sampled_from([0.0, 0.3]),
    hot=st.sampled_from([0.0, 0.6, 0.05]),
    never_updated=st.sampled_from([0.0, 0.02, 0.3]),
)
"""Lists with gaps or without, after an import or not, with records that were never updated or without."""
INTERRUPTED = st.lists(
    st.one_of(
        st.builds(Run, parts=st.integers(0, 6)),
        st.builds(Run, reads=st.integers(1, 12)),
        st.just(Run(publishes=False)),
    ),
    max_size=3,
)


@pytest.mark.parametrize("entity", ["deals", "persons"])
@pytest.mark.parametrize("strategy", ["windows", "bidirectional", "front to back"])
@given(company=COMPANIES, restless=st.booleans(), runs=INTERRUPTED)
def test_every_live_record_is_there_once_in_its_last_state(
    strategy: str, entity: str, company: Company, restless: bool, runs: list[Run]
) -> None:
    company.restless = restless
    company.deletes_show = entity == "deals"
    with TemporaryDirectory() as folder:
        assert read_whole(company, Path(folder), entity, strategy, runs) == company.live


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


@given(
    dice=st.randoms(use_true_random=False),
    count=st.integers(40, 120),
    hot=st.sampled_from([0.0, 0.1]),
    answers=st.sampled_from([0, 2, 30, 100]),
)
def test_an_account_at_rest_is_read_as_it_was_when_somebody_looked_whatever_happens_afterwards(
    dice: random.Random, count: int, hot: float, answers: int
) -> None:
    company = Waking(dice, count=count, hot=hot)
    company.pool = pool = RequestPool(company, 8)
    company.answers = answers
    with TemporaryDirectory() as folder:
        found = published(*read_by(pool, Path(folder), "deals", "windows"))
    event("read on, since records had left their windows" if pool.caught_up else "looked once")
    assert found == (company.live if pool.caught_up else pool.at_look)
    assert pool.counted_first  # else something deleted in between would hide something that is missing


def test_what_is_created_meanwhile_and_never_updated_is_there_after_windows_too(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    company = Company(random.Random(3), count=60)
    reads: list[bool] = []

    def happens(*, catching_up: bool) -> None:
        company.now += 1
        reads.append(catching_up)
        if len(reads) == 4:
            company.records[61] = {"id": 61, "update_time": None, "state": 0}

    mocker.patch.object(company, "live_on", happens)
    found = read_whole(company, tmp_path, "persons", "windows")
    assert [record["id"] for record in found] == list(range(1, 62))


@pytest.mark.parametrize("strategy", ["windows", "bidirectional"])
def test_a_record_that_is_deleted_and_restored_meanwhile_is_live(
    tmp_path: Path, mocker: MockerFixture, strategy: str
) -> None:
    company = Company(random.Random(3), count=60)
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

    mocker.patch.object(company, "live_on", happens)
    staging, outcome = read_by(RequestPool(company, 8), tmp_path, "deals", strategy)
    assert (outcome.deleted, outcome.removed) == ({}, {})
    found = {record["id"]: record for record in published(staging, outcome)}
    assert found == company.records
    assert found[5]["state"] == 2


def test_where_two_heads_met_nothing_is_left_to_be_read_again(tmp_path: Path) -> None:
    company = Company(random.Random(7), count=35)
    staging = staging_in(tmp_path, "persons")
    staging.load()
    reader = RangeReader(EntityRead(RequestPool(company, 8), ENTITIES["persons"], staging, ReadStats()))
    reader.open(Range("time", 0, BEGIN))
    reader.run()
    assert sorted(staging.ids()) == list(range(1, 36))
    assert open_ranges(staging.finished, 0, datetime.fromtimestamp(BEGIN, UTC)) == []


@given(
    company=COMPANIES,
    restless=st.booleans(),
    bounds=st.tuples(st.sampled_from([5, 100, 6000]), st.sampled_from([1, 60])),
    killed_after=st.lists(st.integers(0, 2), max_size=2),
)
def test_a_window_holds_what_stays_in_it_once_and_nothing_else(
    company: Company, restless: bool, bounds: tuple[int, int], killed_after: list[int]
) -> None:
    company.restless, company.deletes_show = restless, False
    since, until = (BEGIN - max(bounds), BEGIN - min(bounds))
    window = window_between(since, until)
    at_first = {number for number, record in company.records.items() if window.holds(updated(record))}
    with TemporaryDirectory() as folder:
        for parts in killed_after:
            with suppress(Killed):
                read_window(company, Path(folder), window, parts)
        ids = [record["id"] for record in read_window(company, Path(folder), window)]
    assert len(set(ids)) == len(ids)
    stays = {number for number, record in company.records.items() if window.holds(updated(record))}
    assert stays <= set(ids) <= at_first


def updated(record: dict[str, Any]) -> datetime | None:
    return timestamp(record["update_time"])


def test_the_list_in_memory_begins_with_what_it_says() -> None:
    company = Company(random.Random(1), count=100, hot=0.6)
    assert len(company.records) == 100
    assert company.now == BEGIN

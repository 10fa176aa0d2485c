"""Requests of all entities of a job, many at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedrivePermissionError
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool, Stopped
from airflow_provider_pipedrive.sandbox import Sandbox


@pytest.fixture
def pool(client: PipedriveClient) -> Iterator[RequestPool]:
    pool = RequestPool(client, 2, lambda: None)
    yield pool
    pool.close()


def waits_for(event: threading.Event) -> Callable[[], str]:
    def work() -> str:
        assert event.wait(30)
        return "the first"

    return work


def test_results_come_in_the_order_of_the_works_whichever_is_done_first(pool: RequestPool) -> None:
    done = threading.Event()

    def second() -> str:
        done.set()
        return "the second"

    assert pool.run_all([waits_for(done), second]) == ["the first", "the second"]
    done.clear()
    assert pool.run_with(waits_for(done), [second]) == ["the first", "the second"]


def test_what_fails_is_raised(pool: RequestPool) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        pool.run_all([partial(int, "1"), partial(int, "one")])


def test_the_size_of_the_largest_page_is_noted(pool: RequestPool) -> None:
    stats = ReadStats()
    sizes = []
    for limit in (3, 30, 3):
        pool.read(ENTITIES["deals"], {"limit": limit}, stats)
        sizes.append(stats.largest)
    assert 0 < sizes[0] * 5 < sizes[1] == sizes[2]


def test_pages_records_tokens_and_pipedrives_clock_are_noted(pool: RequestPool) -> None:
    stats = ReadStats()
    page = pool.read(ENTITIES["deals"], {"limit": 3}, stats)
    assert [key.id for key in page.keys] == [1, 2, 3]
    assert (stats.pages, stats.tokens) == (1, ENTITIES["deals"].listing.token_cost)
    assert pool.latest == page.server_time is not None


def test_a_page_that_was_asked_for_early_is_asked_for_once(pool: RequestPool, company: Sandbox) -> None:
    deals, stats = ENTITIES["deals"], ReadStats()
    pool.ask_early(deals, {"limit": 3})
    assert [key.id for key in pool.read(deals, {"limit": 3}, stats).keys] == [1, 2, 3]
    assert (stats.pages, company.counters()["requests"]) == (1, 1)
    pool.read(deals, {"limit": 3}, stats)
    assert (stats.pages, company.counters()["requests"]) == (2, 2)


def test_where_asking_early_has_failed_reading_fails(pool: RequestPool, company: Sandbox) -> None:
    company.fault("/api/v2/deals", "403", count=1)
    pool.ask_early(ENTITIES["deals"], {"limit": 3})
    with pytest.raises(PipedrivePermissionError):
        pool.read(ENTITIES["deals"], {"limit": 3}, ReadStats())


def test_once_another_entity_has_failed_no_page_is_asked_for(pool: RequestPool) -> None:
    pool.failure = ValueError("of another entity")
    with pytest.raises(Stopped):
        pool.read(ENTITIES["deals"], {}, ReadStats())
    assert pool.client.usage.requests == 0

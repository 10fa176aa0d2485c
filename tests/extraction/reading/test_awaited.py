"""Pages that were asked for and have not come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.extraction.reading.awaited import AwaitedPages
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool

DEALS = ENTITIES["deals"]
HUGE = 500 * 1024**2


@pytest.fixture
def pool(client: PipedriveClient) -> Iterator[RequestPool]:
    pool = RequestPool(client, 8, lambda: None)
    yield pool
    pool.close()


def taken(awaited: AwaitedPages[int]) -> dict[int, int]:
    """How many records came for whom, until nothing is awaited."""
    found = {}
    while awaited:
        asker, page, error = awaited.take(30)
        assert page is not None, error
        found[asker] = len(page)
        awaited.send_held(0)
    return found


def test_every_page_comes_to_who_asked_for_it_however_many_are_held_back(pool: RequestPool) -> None:
    awaited = AwaitedPages[int](pool, DEALS, ReadStats(largest=HUGE), lambda asker: True)
    for asker in range(1, 8):
        awaited.ask(asker, {"limit": asker}, 0)
    assert len(awaited) == 7
    assert taken(awaited) == {asker: asker for asker in range(1, 8)}
    assert pool.client.usage.requests == 7


def test_a_page_that_is_no_longer_wanted_is_not_asked_for(pool: RequestPool) -> None:
    wanted = {1, 2, 3, 4, 5, 6}
    awaited = AwaitedPages[int](pool, DEALS, ReadStats(largest=HUGE), wanted.__contains__)
    for asker in sorted(wanted):
        awaited.ask(asker, {"limit": 1}, 0)
    wanted -= {5}
    assert taken(awaited) == dict.fromkeys((1, 2, 3, 4, 6), 1)
    assert pool.client.usage.requests == 5


def test_one_page_is_under_way_however_many_wait_to_be_written(pool: RequestPool) -> None:
    awaited = AwaitedPages[int](pool, DEALS, ReadStats(largest=HUGE), lambda asker: True)
    awaited.ask(1, {"limit": 1}, 100)
    awaited.ask(2, {"limit": 1}, 100)
    awaited.forget_held()
    assert taken(awaited) == {1: 1}
    assert pool.client.usage.requests == 1

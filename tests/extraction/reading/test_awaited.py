"""Pages that were asked for and have not come."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.extraction.reading import awaited as module
from airflow_provider_pipedrive.extraction.reading import request_pool
from airflow_provider_pipedrive.extraction.reading.awaited import AwaitedPages
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool
from airflow_provider_pipedrive.sandbox import Sandbox

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


def test_an_answer_is_read_when_there_is_memory_for_it(pool: RequestPool, mocker: MockerFixture) -> None:
    mocker.patch.object(module, "_LONGEST_WAIT", 60)
    come, read = threading.Semaphore(0), threading.Semaphore(0)
    wait, decode = AwaitedPages._wait_for_room, request_pool.decode
    mocker.patch.object(AwaitedPages, "_wait_for_room", lambda *given: (come.release(), wait(*given)))
    mocker.patch.object(request_pool, "decode", lambda *given: (read.release(), decode(*given))[1])
    awaited = AwaitedPages[int](pool, DEALS, ReadStats(largest=HUGE), lambda asker: True)
    for asker in range(1, 5):  # as many as may be under way
        awaited.ask(asker, {"limit": asker}, 0)
    assert all(come.acquire(timeout=30) for _ in range(4))
    assert read.acquire(timeout=30)
    pool.read(DEALS, {"limit": 5}, ReadStats())  # a whole answer later
    assert read.acquire(timeout=30)
    assert not read.acquire(blocking=False)
    assert taken(awaited) == {asker: asker for asker in range(1, 5)}


def test_an_answer_that_has_broken_off_is_read_again_in_its_own_place(
    pool: RequestPool, company: Sandbox, mocker: MockerFixture
) -> None:
    mocker.patch.object(module, "_LONGEST_WAIT", 60)
    company.fault(path="/api/v2/deals", kind="truncate", count=1)
    awaited = AwaitedPages[int](pool, DEALS, ReadStats(largest=HUGE), lambda asker: True)
    awaited.ask(1, {"limit": 3}, 0)
    assert taken(awaited) == {1: 3}
    assert pool.client.usage.requests == 2

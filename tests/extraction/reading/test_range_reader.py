"""Reading an entity's list with many requests at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.errors import PipedriveConnectionError
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.range_reader import RangeReader
from airflow_provider_pipedrive.extraction.reading.ranges import Range
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats
from tests.support.company_in_memory import BEGIN, Company, RequestPool
from tests.support.reads_in_memory import Staging, staging_in

MB = 1024**2


class Watched(RequestPool):
    """Keeps how many requests were under way at most."""

    most = 0

    def submit_then(self, work: Callable[[], Any], done: Callable[[Any, BaseException | None], None]) -> None:
        super().submit_then(work, done)
        self.most = max(self.most, len(self._waiting))


@pytest.mark.parametrize(("largest", "most"), [(0, 16), (1 * MB, 16), (10 * MB, 6), (500 * MB, 4)])
def test_as_many_requests_are_under_way_as_there_is_memory_for_their_answers_and_every_record_comes_once(
    tmp_path: Path, largest: int, most: int
) -> None:
    pool = Watched(Company(random.Random(7), count=200), 16)
    staging, reader = reader_of(pool, tmp_path, largest)
    assert len(pool._waiting) == most
    reader.run()
    assert pool.most <= most
    assert sorted(staging.ids()) == list(range(1, 201))


def test_after_a_failure_nothing_is_sent_that_was_held_back(tmp_path: Path) -> None:
    pool = Watched(Company(random.Random(7), count=200), 16, fails_at=1)
    _, reader = reader_of(pool, tmp_path, 500 * MB)
    with pytest.raises(PipedriveConnectionError):
        reader.run()
    assert pool.reads == 4


def reader_of(pool: RequestPool, folder: Path, largest: int) -> tuple[Staging, RangeReader]:
    """Reads persons in sixteen places, and has seen an answer of so many bytes."""
    staging = staging_in(folder, "persons")
    staging.load()
    reader = RangeReader(EntityRead(pool, ENTITIES["persons"], staging, ReadStats(largest=largest)))
    for low, high in pairwise([0, *range(BEGIN - 7_000, BEGIN, 1_000), BEGIN]):
        reader.open(Range("time", low, high))
    return staging, reader

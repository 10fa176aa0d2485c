"""Entities that are listed by their parents' ids: every child once, though a run ended and its parents changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.errors import PipedriveConnectionError
from airflow_provider_pipedrive.extraction.output.publication import EntityFolders
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading import request_pool
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.pages import Key, Page
from airflow_provider_pipedrive.extraction.reading.parents import ByParents
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats
from tests.support.stagings import found_in

PRODUCTS = ENTITIES["deal_products"]


class RequestPool(request_pool.RequestPool):
    """Each deal has two products; the n-th request fails."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.concurrency = 2
        self.on_progress = lambda: None
        self.asked: list[list[int]] = []
        self._fails_at = fails_at

    def read(self, entity: Entity, parameters: Mapping[str, Any], stats: ReadStats) -> Page:
        if len(self.asked) == self._fails_at:
            raise PipedriveConnectionError("the line is dead")
        self.asked.append(list(parameters["deal_ids"]))
        ids = [10 * deal + number for deal in parameters["deal_ids"] for number in (1, 2)]
        return Page([json.dumps({"id": number}).encode() for number in ids], [Key(number) for number in ids], {}, None)

    def run_all(self, works: Iterable[Callable[[], Any]]) -> list[Any]:
        return [work() for work in works]


def read(folder: Path, pool: RequestPool, deals: list[int]) -> EntityStaging:
    folders = EntityFolders("deal_products", folder / "unfinished", folder / "out")
    staging = found_in(folders, EntityStaging)
    try:
        ByParents(EntityRead(pool, PRODUCTS, staging, ReadStats(), parents=deals)).read()
    finally:
        staging.abort()
    return staging


def test_all_parents_are_asked_for_in_batches(tmp_path: Path) -> None:
    pool = RequestPool()
    staging = read(tmp_path, pool, list(range(1, 251)))
    assert [len(batch) for batch in pool.asked] == [100, 100, 50]
    assert sorted(staging.ids()) == sorted(10 * deal + number for deal in range(1, 251) for number in (1, 2))


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
def test_a_run_goes_on_though_there_are_other_parents_now(tmp_path: Path, fails_at: int) -> None:
    with pytest.raises(PipedriveConnectionError):
        read(tmp_path, RequestPool(fails_at), list(range(10, 460)))
    pool = RequestPool()
    staging = read(tmp_path, pool, list(range(1, 500)))
    assert sorted(staging.ids()) == sorted(10 * deal + number for deal in range(1, 500) for number in (1, 2))
    whole_groups = fails_at // 2 * 2
    of_the_plan_before = 1 if fails_at > 1 else 0  # it is kept with the first part
    assert len(pool.asked) == 5 + of_the_plan_before - whole_groups


def test_a_write_that_failed_half_way_doubles_nothing(tmp_path: Path, mocker: MockerFixture) -> None:
    write = EntityStaging.write
    left = [3]

    def full(self: EntityStaging, *args: Any) -> bool:
        left[0] -= 1
        if left[0] < 0:
            raise OSError("No space left on device")
        return write(self, *args)

    patched = mocker.patch.object(EntityStaging, "write", full)
    with pytest.raises(OSError, match="No space"):
        read(tmp_path, RequestPool(), list(range(1, 451)))
    mocker.stop(patched)
    staging = read(tmp_path, RequestPool(), list(range(1, 451)))
    assert sorted(staging.ids()) == sorted(10 * deal + number for deal in range(1, 451) for number in (1, 2))

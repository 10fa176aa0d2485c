"""Lists by offset lose nothing, although offsets count what is there now."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.extraction.output.publication import EntityFolders
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading import request_pool
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.listing import whole_pages
from airflow_provider_pipedrive.extraction.reading.pages import Key, Page
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats
from airflow_provider_pipedrive.extraction.reading.strategies import strategy_for
from airflow_provider_pipedrive.extraction.reading.update_window import UpdateWindow
from tests.support.stagings import found_in

NOTES = ENTITIES["notes"]


class RequestPool(request_pool.RequestPool):
    """A list by offset in the server's place; before the answers to some requests something happens to it.

    :param deeds: by the request's number
    """

    def __init__(self, records: list[tuple[int, int]], deeds: Mapping[int, Any]) -> None:
        self.records = records
        self.deeds = deeds
        self.asked: list[int] = []
        self.on_progress = lambda: None

    def read(self, entity: Entity, parameters: Mapping[str, Any], stats: ReadStats) -> Page:
        self.deeds.get(len(self.asked), lambda records: None)(self.records)
        start, limit = parameters.get("start", 0), parameters["limit"]
        self.asked.append(start)
        shown = self.records[start : start + limit]
        more = start + limit < len(self.records)
        return Page(
            [b"{}"] * len(shown),
            [Key(number, datetime.fromtimestamp(second, UTC)) for number, second in shown],
            {
                "data": [{}] * len(shown),
                "additional_data": {
                    "pagination": {"start": start, "limit": limit, "more_items_in_collection": more}
                    | ({"next_start": start + limit} if more else {})
                },
            },
            None,
        )


def found(pool: RequestPool, limit: int = 4) -> list[int]:
    pages = whole_pages(pool, NOTES, {"limit": limit}, ReadStats())
    return [key.id for page in pages for key in page.keys if isinstance(key.id, int)]


def notes(count: int) -> list[tuple[int, int]]:
    return [(number, 1000 + number) for number in range(1, count + 1)]


def test_each_page_begins_with_the_record_that_the_one_before_ended_with_and_takes_no_page_more() -> None:
    pool = RequestPool(notes(12), {})
    assert found(pool) == [1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12]
    assert pool.asked == [0, 3, 7]


def test_a_deletion_before_the_page_makes_the_walk_go_back() -> None:
    pool = RequestPool(notes(12), {1: lambda records: records.__delitem__(slice(0, 3))})
    assert found(pool) == [1, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9, 10, 11, 11, 12]
    assert pool.asked[:4] == [0, 3, 1, 0]


def test_the_deletion_of_the_very_record_that_joins_two_pages_costs_one_step_back() -> None:
    pool = RequestPool(notes(12), {1: lambda records: records.remove((4, 1004))})
    assert set(found(pool)) == set(range(1, 13))
    assert pool.asked == [0, 3, 1, 4, 8]


def test_an_insertion_before_the_page_brings_records_twice_and_loses_none() -> None:
    pool = RequestPool(notes(12), {1: lambda records: records.insert(0, (99, 999))})
    assert set(found(pool)) >= set(range(1, 13))


def test_a_record_that_an_edit_moved_to_the_end_does_not_pass_for_one_of_the_page_before() -> None:
    def edited(records: list[tuple[int, int]]) -> None:
        for number in (1, 2, 3):
            records.remove((number, 1000 + number))
            records.append((number, 2000 + number))

    pool = RequestPool(notes(9), {1: edited})
    assert set(found(pool, limit=5)) == set(range(1, 10))


def test_an_empty_list_and_one_that_is_emptied_meanwhile_come_to_an_end() -> None:
    assert found(RequestPool([], {})) == []
    assert found(RequestPool(notes(10), {1: lambda records: records.clear()})) == [1, 2, 3, 4]


def test_a_whole_list_that_seems_empty_is_looked_at_again() -> None:
    pool = RequestPool([], {1: lambda records: records.extend(notes(3))})
    assert (found(pool), pool.asked) == ([1, 2, 3], [0, 0])
    pool = RequestPool([], {})
    window = whole_pages(pool, NOTES, {"limit": 4, "updated_since": "2026-11-30T10:00:00Z"}, ReadStats())
    assert (list(map(len, window)), pool.asked) == ([0], [0])


def test_whatever_is_deleted_edited_or_created_meanwhile_nothing_that_stays_is_left_out() -> None:
    for seed in range(300):
        dice = random.Random(seed)
        records = notes(dice.randrange(1, 80))
        stays = {number for number, _ in records}
        now = [5000]

        def happens(records: list[tuple[int, int]], dice: random.Random = dice, now: list[int] = now) -> None:
            for _ in range(dice.choice([0, 1, 1, 3])):
                if not records:
                    return
                now[0] += 1
                number, _ = records.pop(dice.randrange(len(records)))
                if dice.random() < 0.5:
                    records.append((number, now[0]))  # sorted by last update

        pool = RequestPool(records, dict.fromkeys(range(1, 200), happens))
        assert set(found(pool, limit=dice.randrange(2, 9))) >= stays & {number for number, _ in records}, f"seed {seed}"
        assert len(pool.asked) < 200


def test_a_window_of_a_list_that_knows_no_end_is_read_to_its_end_and_no_further(tmp_path: Path) -> None:
    pool = RequestPool(notes(2000), {})
    staging = found_in(EntityFolders("notes", tmp_path / "unfinished", tmp_path / "notes"), EntityStaging)
    window = UpdateWindow(datetime.fromtimestamp(1001, UTC), datetime.fromtimestamp(1701, UTC), 0.0, {})
    strategy_for(EntityRead(pool, NOTES, staging, ReadStats(), window=window)).read()
    assert sorted(staging.ids()) == list(range(1, 701))
    assert pool.asked == [0, 499]

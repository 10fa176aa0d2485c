"""The parameters by which lists are asked for."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.reading.queries import page_size, range_query, sorting
from airflow_provider_pipedrive.extraction.reading.ranges import OPEN_END, Range


@pytest.mark.parametrize(("entity", "expected"), [("deals", {"limit": 500}), ("users", {}), ("notes", {"limit": 500})])
def test_pages_are_as_large_as_the_list_allows(entity: str, expected: dict[str, int]) -> None:
    assert page_size(ENTITIES[entity]) == expected


def test_a_range_of_updates_is_asked_for_by_its_bounds_and_one_second_of_it_by_that_second() -> None:
    deals = ENTITIES["deals"]
    window = {"updated_since": "1970-01-01T00:00:10Z", "updated_until": "1970-01-01T00:01:40Z"}
    assert range_query(deals, Range("time", 10, 100), ascending=False) == {
        "sort_by": "update_time",
        "sort_direction": "desc",
        **window,
    }
    second = {"updated_since": "1970-01-01T00:00:50Z", "updated_until": "1970-01-01T00:00:51Z"}
    assert range_query(deals, Range("id", 0, OPEN_END, 50), ascending=True) == {
        "sort_by": "id",
        "sort_direction": "asc",
        **second,
    }


@pytest.mark.parametrize(
    ("entity", "by", "expected"),
    [
        ("deals", "id", {"sort_by": "id", "sort_direction": "asc"}),
        ("notes", "update_time", {"sort": "update_time ASC"}),
        ("users", "id", {}),
    ],
)
def test_a_list_is_sorted_by_the_parameters_of_its_version_where_it_can_be(
    entity: str, by: str, expected: dict[str, str]
) -> None:
    assert sorting(ENTITIES[entity], by, ascending=True) == expected

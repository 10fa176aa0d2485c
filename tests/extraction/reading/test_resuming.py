"""What is open of a list after a run has ended."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_provider_pipedrive.extraction.reading.ranges import (
    OPEN_END,
)
from airflow_provider_pipedrive.extraction.reading.resuming import open_ranges
from tests.support.scans import finished, ids, page, taken

UNTIL = datetime.fromtimestamp(100, UTC)


def test_what_no_part_holds_is_open_with_what_is_known_of_its_borders() -> None:
    parts = [
        finished("a", start=0, frontier=30, boundary=30, boundary_ids=[3, 4]),
        finished("b", start=100, frontier=61, boundary=60, boundary_ids=[9], ascending=False),
    ]
    (gap,) = open_ranges(parts, 0, UNTIL)
    records = page((2, 29), (3, 30), (4, 30), (5, 30), (6, 45), (8, 60), (9, 60), (10, 61))
    assert taken(gap, records) == [5, 6, 8]


def test_two_parts_that_share_a_second_are_both_known_at_its_border() -> None:
    parts = [
        finished("a", start=50, frontier=50, boundary=49, boundary_ids=[1], ascending=False),
        finished("b", start=51, frontier=50, ascending=False),
        finished("c", start=100, frontier=50, boundary=49, boundary_ids=[2], ascending=False),
    ]
    (gap,) = open_ranges(parts, 0, UNTIL)
    assert taken(gap, page((7, 10), (1, 49), (2, 49), (3, 49), (4, 50))) == [7, 3]


def test_only_the_last_part_of_a_stream_says_how_far_it_went() -> None:
    parts = [finished("a", start=0, frontier=30), finished("a", start=0, frontier=100)]
    assert open_ranges(parts, 0, UNTIL) == []


def test_a_second_that_was_read_by_id_goes_on_by_id() -> None:
    parts = [
        finished("a", start=0, frontier=40, boundary=40, boundary_ids=[1, 2]),
        finished("i", axis="id", second=40, start=0, frontier=500, position={"cursor": "c"}),
        finished("j", axis="id", second=40, start=OPEN_END, frontier=900, ascending=False, position={"cursor": "d"}),
        finished("b", start=100, frontier=41, ascending=False),
    ]
    (hot_second,) = open_ranges(parts, 0, UNTIL)
    assert (hot_second.axis, hot_second.second) == ("id", 40)
    assert hot_second.positions == {True: {"cursor": "c"}, False: {"cursor": "d"}}
    assert taken(hot_second, ids(1, 2, 499, 500, 899, 900)) == [500, 899]


def test_a_walk_by_id_goes_on_between_its_scans_and_is_whole_where_they_met() -> None:
    left = finished("l", axis="id", start=0, frontier=40)
    (rest,) = open_ranges([left], 0, None)
    assert taken(rest, ids(39, 40, 41)) == [40, 41]
    right = finished("r", axis="id", start=OPEN_END, frontier=40, ascending=False)
    assert open_ranges([left, right], 0, None) == []


def test_without_any_part_all_is_open() -> None:
    (whole,) = open_ranges([], 0, UNTIL)
    assert taken(whole, page((1, 0), (2, 50), (3, 99), (4, 100))) == [1, 2, 3]

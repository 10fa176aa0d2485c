"""What is open of a list after a run has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow_provider_pipedrive.extraction.output.part_writer import Part
from airflow_provider_pipedrive.extraction.output.parts import FinishedPart
from airflow_provider_pipedrive.extraction.reading.ranges import (
    OPEN_END,
)
from airflow_provider_pipedrive.extraction.reading.resuming import open_ranges


def finished(stream: str, **resume_info: Any) -> FinishedPart:
    usual = {"axis": "time", "second": None, "ascending": True, "boundary": None, "boundary_ids": [], "position": {}}
    return FinishedPart(stream, stream, [0], Part(1, 1, ""), {**usual, **resume_info})


UNTIL = datetime.fromtimestamp(100, UTC)


def test_what_no_part_holds_is_open_with_what_is_known_of_its_borders() -> None:
    parts = [
        finished("a", start=0, frontier=30, boundary=30, boundary_ids=[3, 4]),
        finished("b", start=100, frontier=61, boundary=60, boundary_ids=[9], ascending=False),
    ]
    (gap,) = open_ranges(parts, 0, UNTIL)
    assert (gap.low, gap.high) == (30, 61)
    assert (gap.left.boundary, gap.left.boundary_ids) == (30, {3, 4})
    assert (gap.right.boundary, gap.right.boundary_ids) == (60, {9})


def test_two_parts_that_share_a_second_are_both_known_at_its_border() -> None:
    parts = [
        finished("a", start=50, frontier=50, boundary=49, boundary_ids=[1], ascending=False),
        finished("b", start=51, frontier=50, ascending=False),
        finished("c", start=100, frontier=50, boundary=49, boundary_ids=[2], ascending=False),
    ]
    (gap,) = open_ranges(parts, 0, UNTIL)
    assert (gap.low, gap.high, gap.right.boundary_ids) == (0, 50, {1, 2})


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
    assert (hot_second.axis, hot_second.second, hot_second.known) == ("id", 40, {1, 2})
    assert (hot_second.left.frontier, hot_second.right.frontier) == (500, 900)
    assert hot_second.positions == {True: {"cursor": "c"}, False: {"cursor": "d"}}


def test_a_walk_by_id_goes_on_between_its_scans_and_is_whole_where_they_met() -> None:
    left = finished("l", axis="id", start=0, frontier=40)
    assert [list_range.left.frontier for list_range in open_ranges([left], 0, None)] == [40]
    right = finished("r", axis="id", start=OPEN_END, frontier=40, ascending=False)
    assert open_ranges([left, right], 0, None) == []


def test_without_any_part_all_is_open() -> None:
    (whole,) = open_ranges([], 0, UNTIL)
    assert (whole.axis, whole.low, whole.high) == ("time", 0, 100)

"""How a list is read from several places at once, page by page, and what is open of it after a run has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.errors import PipedriveResponseError
from airflow_provider_pipedrive.extraction.reading import ranges
from airflow_provider_pipedrive.extraction.reading.pages import Key
from airflow_provider_pipedrive.extraction.reading.ranges import (
    OPEN_END,
    Range,
    estimate_update_times,
    fair_share_level,
    split_point,
    split_points,
    useful_connections,
)
from airflow_provider_pipedrive.extraction.reading.resuming import open_ranges
from tests.support.scans import ids, page, part_of, taken

UNTIL = datetime.fromtimestamp(100, UTC)


def test_each_scan_takes_what_the_other_has_not() -> None:
    list_range = Range("time", 0, 100)
    assert list(list_range.take(list_range.left, page((1, 10), (2, 20), (3, 30)), more=True)) == [0, 1, 2]
    assert list(list_range.take(list_range.right, page((5, 40), (4, 30), (3, 30), (2, 20)), more=True)) == [0, 1]
    assert list_range.done


def test_records_of_one_second_are_told_apart_by_their_ids_in_whatever_order_they_come() -> None:
    list_range = Range("time", 0, 100)
    list_range.take(list_range.left, page((1, 10), (7, 20), (3, 20)), more=True)
    list_range.take(list_range.right, page((9, 40), (5, 20)), more=True)
    assert not list_range.done, "second 20 is open: nobody knows how many records it has"
    assert list(list_range.take(list_range.left, page((5, 20), (4, 20), (9, 40)), more=True)) == [1]
    assert list_range.done


def test_pages_that_lie_wholly_in_one_second_add_up() -> None:
    list_range = Range("time", 0, 100)
    list_range.take(list_range.left, page((1, 20), (2, 20)), more=True)
    list_range.take(list_range.left, page((3, 20), (4, 20)), more=True)
    assert list(list_range.take(list_range.right, page((6, 20), (2, 20), (5, 20), (3, 20)), more=False)) == [0, 2]
    assert list_range.done


def test_a_scan_never_claims_what_only_the_other_has_taken() -> None:
    list_range = Range("time", 0, 100)
    list_range.take(list_range.right, page((8, 60), (7, 50), (6, 50)), more=True)
    list_range.take(list_range.left, page((1, 10), (5, 50), (6, 50), (7, 50), (8, 60)), more=True)
    assert list_range.done
    records = page((1, 10), (5, 50), (6, 50), (7, 50), (8, 60))
    (rest,) = open_ranges([part_of(list_range.left, 0)], 0, UNTIL)
    assert taken(rest, records) == [6, 7, 8], "the part with the others is lost"
    (rest,) = open_ranges([part_of(list_range.right, 100)], 0, UNTIL)
    assert taken(rest, records) == [1, 5]


def test_a_scan_that_ends_right_where_the_other_began_does_not_claim_the_second_before() -> None:
    list_range = Range("time", 0, 100)
    list_range.take(list_range.right, page((8, 51), (7, 50)), more=True)
    list_range.take(list_range.left, page((1, 10), (5, 50), (7, 50), (8, 51)), more=True)
    (rest,) = open_ranges([part_of(list_range.left, 0)], 0, UNTIL)
    assert taken(rest, page((1, 10), (5, 50), (7, 50), (8, 51))) == [7, 8]


def test_a_scan_never_claims_what_lies_beyond_a_cut() -> None:
    list_range = Range("time", 0, 100)
    rest = list_range.split(40)
    assert list(list_range.take(list_range.left, page((1, 10), (2, 39), (3, 40), (4, 90)), more=True)) == [0, 1]
    assert (list_range.done, rest.done) == (True, False)
    assert taken(rest, page((2, 39), (3, 40), (4, 90), (5, 100))) == [3, 4]


def test_the_end_of_one_scans_list_closes_the_range() -> None:
    list_range = Range("id", 0, OPEN_END)
    list_range.take(list_range.right, ids(90, 80, 70), more=True)
    assert list(list_range.take(list_range.left, ids(1, 2, 75), more=False)) == [0, 1]
    assert list_range.done


def test_a_list_by_id_that_is_read_again_from_its_beginning_opens_nothing() -> None:
    list_range = Range("id", 0, OPEN_END)
    list_range.take(list_range.left, ids(1, 2, 30), more=True)
    assert list(list_range.take(list_range.left, ids(1, 2), more=True)) == []
    assert taken(list_range, ids(2, 30, 31)) == [31]


def test_an_empty_list_is_read_at_once() -> None:
    list_range = Range("time", 0, 100)
    assert list(list_range.take(list_range.left, [], more=False)) == []
    assert list_range.done


def test_an_empty_page_that_promises_more_moves_nothing_but_waits() -> None:
    list_range = Range("time", 0, 100)
    list_range.take(list_range.left, page((1, 10)), more=True)
    list_range.take(list_range.left, [], more=True)
    assert not list_range.done
    assert taken(list_range, page((1, 10), (2, 10))) == [2]


@pytest.mark.parametrize(
    ("axis", "keys", "complaint"),
    [
        ("time", page((1, 20), (2, 10)), "not in the order"),
        ("time", page((1, None)), "without update_time"),
        ("id", [Key("a")], "whole number was expected"),
    ],
)
def test_what_a_list_may_not_answer_is_an_error(axis: Any, keys: list[Key], complaint: str) -> None:
    list_range = Range(axis, 0, 100)
    with pytest.raises(PipedriveResponseError, match=complaint):
        list_range.take(list_range.left, keys, more=True)


def test_a_second_with_more_than_a_page_is_read_on_its_own_by_id(mocker: MockerFixture) -> None:
    mocker.patch.object(ranges, "PAGE", 3)
    list_range = Range("time", 0, 100)
    list_range.take(list_range.right, page((9, 60), (8, 50)), more=True)
    assert list_range.split_hot_second(list_range.right) is None
    list_range.take(list_range.left, page((1, 10), (2, 50), (3, 50)), more=True)
    list_range.take(list_range.left, page((4, 50), (5, 50), (6, 50)), more=True)
    hot_second = list_range.split_hot_second(list_range.left)
    assert hot_second is not None
    assert (hot_second.axis, hot_second.second) == ("id", 50)
    assert list_range.done
    assert taken(hot_second, ids(1, 2, 3, 4, 5, 6, 7, 8)) == [1, 7]


def test_records_updated_in_the_order_of_their_ids_are_taken_to_lie_evenly_between_the_ends() -> None:
    seconds = estimate_update_times([0, 10], [1000, 990])
    assert seconds == sorted(seconds)
    assert [seconds[len(seconds) * part // 4] for part in (1, 2, 3)] == pytest.approx([250, 500, 750], abs=15)


def test_records_that_are_all_updated_alike_are_taken_to_lie_as_those_at_the_ends_do() -> None:
    mostly_late = [10, *range(900, 999, 11)]
    seconds = estimate_update_times(mostly_late, mostly_late)
    assert sum(second >= 900 for second in seconds) == pytest.approx(0.9 * len(seconds))


def test_without_a_time_at_one_of_the_ends_nothing_is_likely() -> None:
    assert estimate_update_times([], [5]) == estimate_update_times([5], []) == []


def test_a_history_is_cut_into_stretches_of_equal_size_that_are_worth_it() -> None:
    even = range(0, 1000, 10)
    assert split_points(even, 32, connections=4) == [500]
    assert split_points(even, 24, connections=40) == [250, 500, 750]
    assert split_points(even, 8, connections=40) == []
    assert split_points([7] * 9, 32, connections=40) == [7]
    assert split_points([], 40, connections=40) == []


@pytest.mark.parametrize(("took", "connections"), [(0.0, 2), (0.035, 10), (0.05, 14), (0.15, 32), (3.0, 32)])
def test_the_quicker_a_request_the_fewer_connections_are_kept_busy(took: float, connections: int) -> None:
    assert useful_connections(32, took) == connections


@pytest.mark.parametrize(
    ("pages", "amount", "level"),
    [
        ([5, 1], 2, 3),  # all from the longest
        ([5, 4, 1], 3, 3),
        ([5, 4, 1], 9, 1 / 3),
        ([5, 4, 1], 10, 0),
        ([5, 4, 1], 99, 0),
        ([2, 2], 0, 2),
    ],
)
def test_what_is_taken_from_the_longest_stretches_leaves_them_all_at_one_level(
    pages: list[float], amount: float, level: float
) -> None:
    assert fair_share_level(pages, amount) == pytest.approx(level)


def test_a_gap_is_split_where_about_as_much_lies_on_either_side() -> None:
    list_range = Range("time", 0, 1000)
    list_range.left.density = list_range.right.density = 1.0
    assert split_point(list_range) == 500
    list_range.left.density = 3.0
    assert split_point(list_range) == 251
    assert split_point(Range("time", 10, 12)) is None
    assert split_point(Range("id", 0, OPEN_END)) is None

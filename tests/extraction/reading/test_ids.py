"""Sets of ids."""

from __future__ import annotations

from airflow_provider_pipedrive.extraction.reading.ids import Ids


def ids(*numbers: int) -> Ids:
    found = Ids()
    found.add(numbers)
    return found


def test_what_was_put_in_is_there_until_it_is_taken_out() -> None:
    found = ids(3, 70_000, 3)
    found.remove([70_000, 5])
    assert (found.all(), found.count) == ([3], 1)


def test_what_is_kept_of_a_set_gives_it_back() -> None:
    assert Ids(ids(1, 9, 64).bits).all() == [1, 9, 64]


def test_texts_are_left_out() -> None:
    found = ids()
    found.add(["a-lead", 2])
    assert found.all() == [2]


def test_the_missing_ones_are_those_below_the_greatest_that_is_there_or_known() -> None:
    assert ids(2, 5).missing() == [1, 3, 4]
    assert ids(2, 5).missing(7) == [1, 3, 4, 6, 7]
    assert ids().missing(2) == [1, 2]

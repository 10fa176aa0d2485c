"""Renamed options and fields, and fields that are gone, in rows that nobody has edited: on DuckDB and on Postgres."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.warehouse import Warehouse
from tests.warehouse.test_failed_loads import change
from tests.warehouse.test_merging import COLUMNS, TUESDAY, Place, deal
from tests.warehouse.test_merging import place as place

SIZES = {"7": "Small", "8": "Large, 50 %", "9": "It's 大"}


def columns(labels: Mapping[str, str], name: str = "size") -> Sequence[Column]:
    """The columns of deals, with one for one option and one for several of them."""
    one = Column(name, "string", labels=labels, field_type="enum")
    return [*COLUMNS, one, Column(f"{name}s", "list", items="string", labels=labels, field_type="set")]


def sized(number: int, *sizes: str, **others: Any) -> dict[str, Any]:
    return {**deal(number, f"deal {number}", **others), "size": sizes[0], "sizes": [*sizes]}


ROWS = [sized(1, "Small", "It's 大"), sized(2, "Large, 50 %"), sized(3, "It's 大", "Small", "Large, 50 %")]


def sizes(place: Place, name: str = "size") -> list[tuple[int, Any, Any]]:
    return [
        (number, one, several if isinstance(several, list) else json.loads(several or "null"))
        for number, one, several in place.rows(f"id, {name}, {name}s")
    ]


def options(place: Place) -> list[tuple[str, str, str]]:
    return place.rows("column_name, option_id, label", "deals__options")


def test_a_renamed_option_is_renamed_in_rows_that_nobody_has_edited(place: Place) -> None:
    place.load(ROWS, columns=columns(SIZES))
    assert options(place)[:3] == [("size", "7", "Small"), ("size", "8", "Large, 50 %"), ("size", "9", "It's 大")]

    renamed = {**SIZES, "7": 'S "small"', "8": "Big"}
    place.load([sized(2, "Big", updated=TUESDAY)], columns=columns(renamed))
    assert sizes(place) == [
        (1, 'S "small"', ['S "small"', "It's 大"]),
        (2, "Big", ["Big"]),
        (3, "It's 大", ["It's 大", 'S "small"', "Big"]),
    ]
    assert options(place)[3:] == [("sizes", "7", 'S "small"'), ("sizes", "8", "Big"), ("sizes", "9", "It's 大")]


def test_options_that_trade_labels_trade_them_once_though_the_load_is_repeated(
    place: Place, mocker: MockerFixture
) -> None:
    place.load(ROWS, columns=columns(SIZES))
    traded = {"7": "Large, 50 %", "8": "It's 大", "9": "Small"}
    found = [
        (1, "Large, 50 %", ["Large, 50 %", "Small"]),
        (2, "It's 大", ["It's 大"]),
        (3, "Small", ["Small", "Large, 50 %", "It's 大"]),
    ]
    fails = mocker.patch("dlt.Pipeline.extract", side_effect=OSError("the worker dies"))
    with pytest.raises(Exception, match="the worker dies"):
        place.load([], columns=columns(traded))
    assert sizes(place) == found
    mocker.stop(fails)
    place.load([], columns=columns(traded))
    assert sizes(place) == found


def test_an_option_that_is_gone_is_its_id_as_in_rows_that_are_read_afterwards(place: Place) -> None:
    place.load(ROWS, columns=columns(SIZES))
    place.load([], columns=columns({"8": "Large, 50 %", "9": "It's 大"}))
    assert sizes(place)[0] == (1, "7", ["7", "It's 大"])
    assert ("size", "7", "Small") not in options(place)


def test_options_in_tables_of_lists_and_in_every_version_are_renamed_too(place: Place) -> None:
    place.load(ROWS, columns=columns(SIZES), lists="child_tables")
    place.load([], columns=columns({**SIZES, "7": "S"}), lists="child_tables")
    assert place.rows("parent_id, value", "deals__sizes") == [
        (1, "It's 大"), (1, "S"), (2, "Large, 50 %"), (3, "It's 大"), (3, "Large, 50 %"), (3, "S"),
    ]  # fmt: skip


def test_every_version_of_a_record_has_the_label_that_its_option_has_now(place: Place) -> None:
    place.load(ROWS, [sized(1, "Large, 50 %", updated=TUESDAY)], columns=columns(SIZES), write="versions")
    place.load([], columns=columns({**SIZES, "7": "S", "8": "L"}), write="versions")
    assert place.rows("id, size") == [(1, "L"), (1, "S"), (2, "L"), (3, "It's 大")]
    assert place.rows("id, size", "deals__latest") == [(1, "L"), (2, "L"), (3, "It's 大")]


@pytest.mark.parametrize("write", ["merge", pytest.param("replace", marks=pytest.mark.long), "versions"])
def test_a_renamed_column_keeps_its_rows_and_takes_those_of_the_load(place: Place, write: str) -> None:
    place.load(ROWS, columns=columns(SIZES), write=write)
    names = {"size": "how_big", "sizes": "how_bigs"}
    row = {**deal(2, "edited", TUESDAY), "how_big": "Small", "how_bigs": ["Small"]}
    loaded = place.load([row], columns=columns(SIZES, "how_big"), write=write, renamed=names)

    kept = [] if write == "replace" else [(1, "Small"), (3, "It's 大")]
    table = "deals__latest" if write == "versions" else "deals"
    assert place.rows("id, how_big", table) == sorted([*kept, (2, "Small")])
    assert loaded.new_columns == ()
    with pytest.raises(Exception, match="size"):
        place.rows("id, size", table)
    assert {name for name, *_ in options(place)} == {"how_big", "how_bigs"}
    place.load([{**row, "id": 4}], columns=columns(SIZES, "how_big"), write="merge" if write == "replace" else write)
    assert (4, "Small") in place.rows("id, how_big", table)


@pytest.mark.long
def test_a_column_that_was_renamed_by_a_load_that_broke_off_is_renamed_once(
    place: Place, mocker: MockerFixture
) -> None:
    place.load(ROWS, columns=columns(SIZES))
    names = {"size": "how_big", "sizes": "how_bigs"}
    fails = mocker.patch("dlt.Pipeline.extract", side_effect=OSError("the worker dies"))
    with pytest.raises(Exception, match="the worker dies"):
        place.load([], columns=columns(SIZES, "how_big"), renamed=names)
    mocker.stop(fails)
    place.load([], columns=columns(SIZES, "how_big"), renamed=names)
    assert sizes(place, "how_big")[1] == (2, "Large, 50 %", ["Large, 50 %"])


def test_a_field_that_is_gone_leaves_an_empty_column_in_all_rows(place: Place) -> None:
    place.load(ROWS, columns=columns(SIZES))
    place.load([], columns=columns(SIZES), removed=["size", "sizes"])
    assert sizes(place) == [(1, None, None), (2, None, None), (3, None, None)]
    assert place.rows("id, title") == [(1, "deal 1"), (2, "deal 2"), (3, "deal 3")]


@pytest.mark.long
def test_rows_that_are_the_same_are_not_written_again(place: Place) -> None:
    place.load(ROWS, columns=columns(SIZES))
    change(place, f"UPDATE {place.dataset}.deals SET size = 'by hand' WHERE id = 1")
    place.load([], columns=columns(SIZES))
    assert sizes(place)[0][1] == "by hand"


def test_a_warehouse_says_whether_its_rows_can_be_changed_in_place(place: Place) -> None:
    assert Warehouse(place.destination, place.dataset).is_changed_in_place

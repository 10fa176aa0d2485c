"""What has happened to fields, and whether statements can apply it to rows that were read before."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.warehouse.field_changes import FieldChanges, field_changes, relabelled
from tests.support.field_definitions import A, B, field, schema

BEFORE = schema(field(A, "Size", "enum", {1: "S", 2: "L"}), field(B, "Fee", "monetary"))


def changes(*definitions: dict[str, Any], rename: bool = True, **others: Any) -> FieldChanges:
    now = schema(*definitions, frozen=BEFORE, rename=rename)
    return field_changes(BEFORE.to_json(), now.to_json(), **others)


SIZE, FEE = field(A, "Size", "enum", {1: "S", 2: "L"}), field(B, "Fee", "monetary")
NOTHING = FieldChanges({}, (), ())


@pytest.mark.parametrize(
    ("definitions", "expected"),
    [
        ([SIZE, FEE], NOTHING),
        ([SIZE, FEE, field("c3" * 20, "New")], NOTHING),
        ([field(A, "Size", "enum", {1: "Small", 2: "L"}), FEE], NOTHING),
        ([SIZE, field(B, "Cost", "monetary")], FieldChanges({"fee": "cost", "fee_currency": "cost_currency"}, (), ())),
        ([SIZE], FieldChanges({}, ("fee", "fee_currency"), ())),
        (
            [field(A, "Size"), FEE],
            FieldChanges({}, (), ("The field 'Size' was of the type enum and is varchar now.",)),
        ),
        (
            [field(A, "Fee", "enum", {1: "S", 2: "L"}), field(B, "Size", "monetary")],
            FieldChanges({}, (), ("Columns have traded names: fee, size.",)),
        ),
    ],
)
def test_what_statements_can_do_and_what_can_only_be_read_again_are_told_apart(
    definitions: list[dict[str, Any]], expected: FieldChanges
) -> None:
    assert changes(*definitions) == expected


def test_a_field_that_is_back_is_read_again() -> None:
    gone = schema(SIZE, frozen=BEFORE)
    back = schema(SIZE, FEE, frozen=gone)
    assert field_changes(gone.to_json(), back.to_json()).unclear == ("The field 'Fee' is back.",)


def test_options_of_one_label_that_are_renamed_apart_are_read_again() -> None:
    before = schema(field(A, "Size", "enum", {1: "S", 2: "S"}))
    now = schema(field(A, "Size", "enum", {1: "S", 2: "L"}), frozen=before)
    assert field_changes(before.to_json(), now.to_json()).unclear == (
        "Options of 'Size' have one label, and were not renamed alike.",
    )


def test_where_rows_are_not_changed_in_place_they_are_read_again() -> None:
    assert changes(field(A, "Size", "enum", {1: "Small", 2: "L"}), in_place=False).unclear == (
        "Columns are renamed or emptied: fee, fee_currency.",
        "Options of 'Size' are renamed or gone.",
    )
    assert changes(SIZE, FEE, in_place=False) == NOTHING


def test_the_first_load_has_no_load_before() -> None:
    assert field_changes(None, BEFORE.to_json()) == NOTHING


@pytest.mark.parametrize(
    ("before", "now", "texts"),
    [
        ({"1": "a", "2": "b"}, {"1": "a", "2": "b"}, {}),
        ({"1": "a", "2": "b"}, {"1": "b", "2": "a"}, {"a": "b", "b": "a"}),
        ({"1": "a"}, {}, {"a": "1"}),
        ({"1": "a"}, {"1": "a", "2": "b"}, {"2": "b"}),
        ({"1": "a", "2": "a"}, {"1": "b", "2": "b"}, {"a": "b"}),
        ({"1": "a", "2": "a"}, {"1": "b", "2": "a"}, None),
    ],
)
def test_a_text_in_a_row_becomes_another_one_or_nobody_knows_which(
    before: dict[str, str], now: dict[str, str], texts: dict[str, str] | None
) -> None:
    assert relabelled(before, now) == texts

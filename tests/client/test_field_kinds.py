"""Values of each kind of field: in, out, and compared."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client.field_kinds import KINDS, Declared, Field, PrimaryEntry

KEY = "48518331116f22e83ac2f70301c01ab410b46e3c"


@pytest.mark.parametrize(
    ("kind", "value", "flat"),
    [
        ("text", "Riga", {KEY: "Riga"}),
        ("number", 2.5, {KEY: 2.5}),
        ("money", {"value": 10, "currency": "EUR"}, {KEY: 10, f"{KEY}_currency": "EUR"}),
        (
            "daterange",
            {"value": "2026-01-01", "until": "2026-01-31"},
            {KEY: "2026-01-01", f"{KEY}_until": "2026-01-31"},
        ),
        ("clock", {"value": "09:00:00", "timezone_id": 5}, {KEY: "09:00:00", f"{KEY}_timezone_id": 5}),
        ("address", {"value": "Paldiski mnt 80"}, {KEY: "Paldiski mnt 80"}),
        ("option", 7, {KEY: "7"}),
        ("options", [7, 9], {KEY: "7,9"}),
        ("user", 3, {KEY: 3}),
        ("option", None, {KEY: None}),
        ("options", None, {KEY: None}),
    ],
)  # fmt: skip
def test_a_lead_gives_back_at_its_root_what_it_was_given(kind: str, value: Any, flat: dict[str, Any]) -> None:
    field = Field(KEY, "Field", KINDS[kind], custom=True)

    assert field.kind.to_flat(field, value) == flat
    assert field.kind.current(field, flat, flat=True) == value


@pytest.mark.parametrize(("kind", "nothing"), [("option", None), ("options", [])])
def test_an_empty_text_in_a_lead_is_no_option(kind: str, nothing: Any) -> None:
    field = Field(KEY, "Field", KINDS[kind], custom=True)

    assert field.kind.current(field, {KEY: ""}, flat=True) == nothing


@pytest.mark.parametrize(("kind", "sent"), [("option", "7"), ("options", ["7"])])
def test_an_option_of_a_lead_may_be_given_as_a_table_with_gaps_writes_it(kind: str, sent: Any) -> None:
    field = Field(KEY, "Field", KINDS[kind], custom=True, options={7: "Large"})

    assert field.kind.given_flat(field, "7.0") == sent
    assert field.kind.given_flat(field, "8.0") is None


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("options", [9, 7], ["7", "9"]),
        ("flag", True, 1),
        ("option", "7", 7),
        ("time", "09:00:00", "09:00"),
        ("time", "09:30", "09:30:00"),
        ("time", "09:30:00", "9:30"),
        ("datetime", "2026-01-01 10:00:00", "2026-01-01T10:00:00Z"),
        ("text", "", None),
        ("money", {"value": None, "currency": None}, None),
        ("address", {"value": "Riga", "country": "Latvia"}, {"value": "Riga"}),
        ("emails", [{"value": "a@b.example", "primary": True, "label": "work", "id": 1}],
         [{"value": "a@b.example", "primary": True, "label": "work"}]),
    ],
)  # fmt: skip
def test_what_pipedrive_answers_in_another_form_is_the_same(kind: str, before: Any, after: Any) -> None:
    assert KINDS[kind].same(before, after)


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("options", [7], [7, 9]),
        ("text", "12:30:00 ago", "12:30"),
        ("money", {"value": 10, "currency": "EUR"}, {"value": 10, "currency": "USD"}),
        ("number", 0, None),
    ],
)
def test_what_differs_is_not_the_same(kind: str, before: Any, after: Any) -> None:
    assert not KINDS[kind].same(before, after)


def test_another_primary_address_keeps_the_others() -> None:
    kind = KINDS["email"]
    assert isinstance(kind, PrimaryEntry)
    entries = [{"value": "old@a.example", "primary": True, "label": "work"}, {"value": "b@a.example", "label": "home"}]

    assert kind.merged(entries, "B@a.example") == [
        {"value": "b@a.example", "label": "home", "primary": True},
        {"value": "old@a.example", "label": "work", "primary": False},
    ]
    assert kind.merged(entries, "OLD@a.example") is None


def test_without_a_value_the_only_address_goes_and_of_several_none() -> None:
    kind = KINDS["email"]
    assert isinstance(kind, PrimaryEntry)
    entries = [{"value": "a@a.example", "primary": True}, {"value": "b@a.example", "primary": False}]

    assert kind.merged(entries[:1], None) == []
    assert kind.merged(entries, None) is None
    assert kind.merged([], None) is None


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ([{"currency": "EUR", "price": 5, "cost": 0, "product_id": 7}], [{"currency": "EUR", "price": 5}], True),
        ([{"currency": "EUR", "price": 5}, {"currency": "USD", "price": 6}],
         [{"currency": "USD", "price": 6}, {"currency": "EUR", "price": 5}], True),
        ([{"currency": "EUR", "price": 5}, {"currency": "USD", "price": 6}], [{"currency": "EUR", "price": 5}], False),
        ([{"currency": "EUR", "price": 5}], [{"currency": "EUR", "price": 5}, {"currency": "EUR", "price": 5}], False),
        ([{"currency": "EUR", "price": 5}], [{"currency": "EUR", "price": 5, "cost": 1}], False),
    ],
)  # fmt: skip
def test_a_list_of_objects_is_the_same_in_any_order_and_with_parts_that_pipedrive_adds(
    before: Any, after: Any, same: bool
) -> None:
    prices = Declared(ACTIONS["updateProduct"].by_name["prices"])

    assert prices.same(before, after) is same


def test_of_a_whole_list_the_primary_entry_is_the_key() -> None:
    numbers = [{"value": "+1 555", "primary": False}, {"value": "+49 (0)30 901820", "primary": True}]

    assert KINDS["phone"].key(numbers) == "4930901820"

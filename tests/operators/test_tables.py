"""Tables for people: values as they are, whatever is in them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.operators.tables import changes_table, plain_text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Big deal", "Big deal"),
        ("a|b", r"a\|b"),
        ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert\(1\)\>"),
        ("[click](https://example.com)", "\\[click\\]\\(https\\:\u2060//example\\.com\\)"),
        ("www.example.com", "www\u2060\\.example\\.com"),
        ("two\nlines", "two lines"),
        ("right \u202eto left", "right  to left"),
        (None, r"\-"),
        ("", r"\-"),
        ([{"value": "a@b.c", "primary": True}], "a\u2060\\@b\\.c"),
        (0, "0"),
        ("x" * 100, "x" * 79 + "…"),
    ],
)
def test_a_value_is_shown_as_it_is(value: Any, shown: str) -> None:
    assert plain_text(value) == shown


def test_each_field_of_a_record_has_a_line() -> None:
    records = [
        {"id": 7, "key": "7", "action": "update", "before": {"Title": "A", "Value": 1}, "after": {"Title": "B"}},
        {"id": None, "key": "b", "action": "create", "before": {}, "after": {"Title": "C"}},
        {"id": 8, "key": None, "action": "delete", "before": {"Title": "D"}, "after": {}},
    ]
    assert changes_table(records, 10).splitlines()[2:] == [
        "| **update** | 7 | Title | A | B |",
        "| **update** | 7 | Value | 1 | \\- |",
        "| **create** | b | Title | \\- | C |",
        "| **delete** | 8 | Title | D |  |",
    ]


def test_a_record_that_has_a_page_is_a_link_to_it() -> None:
    lines = changes_table(
        [{"id": 7, "after": {"Title": "A"}}], 10, lambda identity: f"https://acme.example/deal/{identity}"
    )
    assert "| [7](https://acme.example/deal/7) |" in lines


def test_a_long_table_says_that_there_is_more() -> None:
    records = [{"id": number, "after": {"Title": "A"}} for number in range(3)]
    assert len(changes_table(records, 3).splitlines()) == 5
    assert changes_table(records, 2).endswith("… and more.")

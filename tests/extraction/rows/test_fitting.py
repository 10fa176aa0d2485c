"""Values are made to fit their columns; what does not is null, counted and kept."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.rows.fitting import all_null
from airflow_provider_pipedrive.extraction.rows.schema import row_schema

DEFINITIONS = [
    {"field_code": code * 20, "field_name": name, "field_type": kind, "is_custom_field": True}
    for code, name, kind in [("a1", "Signed on", "date"), ("b2", "Budget", "monetary"), ("c3", "Score", "double")]
]


@pytest.mark.parametrize(
    ("came", "columns", "other"),
    [
        ({"a1" * 20: "0000-00-00"}, {"signed_on": None}, None),
        ({"a1" * 20: "31.01.2026"}, {"signed_on": None}, {"custom_fields": {"a1" * 20: "31.01.2026"}}),
        ({"a1" * 20: "2026-02-30"}, {"signed_on": None}, {"custom_fields": {"a1" * 20: "2026-02-30"}}),
        (
            {"b2" * 20: {"value": {"high": 1}, "currency": "EUR"}},
            {"budget": None, "budget_currency": "EUR"},
            {"custom_fields": {"b2" * 20: {"value": {"high": 1}}}},
        ),
        ({"c3" * 20: [1, 2]}, {"score": None}, {"custom_fields": {"c3" * 20: [1, 2]}}),
        ({"c3" * 20: "2.5"}, {"score": 2.5}, None),
        ({"c3" * 20: 10**400}, {"score": None}, {"custom_fields": {"c3" * 20: 10**400}}),
    ],
)
def test_what_does_not_fit_a_custom_fields_column_is_kept_by_its_place(
    came: dict[str, Any], columns: dict[str, Any], other: Any
) -> None:
    schema = row_schema(ENTITIES["deals"], DEFINITIONS, None)
    [row], nulled_values = schema.fitted([{"id": 1, "custom_fields": came}])
    assert {name: row[name] for name in columns} == columns
    assert row["other"] == other
    assert set(nulled_values) == {name for name, value in columns.items() if value is None}


@pytest.mark.parametrize(
    ("column", "value", "fitted"),
    [
        ("add_time", "2026-01-31 12:00:00", "2026-01-31T12:00:00Z"),
        ("add_time", "2026-01-31T12:00:00+02:00", "2026-01-31T12:00:00+02:00"),
        ("add_time", "", None),
        ("expected_close_date", "2026-01-31T00:00:00Z", "2026-01-31"),
        ("owner_id", "5", 5),
        ("owner_id", 5.0, 5),
        ("is_deleted", 1, True),
        ("is_deleted", "false", False),
        ("label_ids", [1, "2", None], [1, 2, None]),
        ("title", {"any": "thing"}, {"any": "thing"}),
    ],
)
def test_what_fits_a_column_is_written_as_its_type_and_not_counted(column: str, value: Any, fitted: Any) -> None:
    [row], nulled_values = row_schema(ENTITIES["deals"], [], None).fitted([{"id": 1, column: value}])
    assert (row[column], row["other"], nulled_values) == (fitted, None, {})


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], True), ([None, None], True), ([None, 0], False), ([0, None], False), (["", []], False)],
)
def test_a_column_is_all_null_where_no_record_has_a_value(values: list[Any], expected: bool) -> None:
    assert all_null(values) is expected

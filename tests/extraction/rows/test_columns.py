"""The types and the parts of a custom field's columns."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.catalog.fields import ADDRESS_PARTS
from airflow_provider_pipedrive.extraction.rows.columns import Column
from tests.support.field_definitions import A, field, schema


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("varchar", {"x": "string"}),
        ("varchar_auto", {"x": "string"}),
        ("text", {"x": "string"}),
        ("phone", {"x": "string"}),
        ("double", {"x": "number"}),
        ("monetary", {"x": "number", "x_currency": "string"}),
        ("enum", {"x": "string"}),
        ("set", {"x": "list of string"}),
        ("user", {"x": "integer"}),
        ("org", {"x": "integer"}),
        ("people", {"x": "integer"}),
        ("date", {"x": "date"}),
        ("daterange", {"x": "date", "x_until": "date"}),
        ("time", {"x": "time", "x_timezone_id": "integer", "x_timezone_name": "string"}),
        (
            "timerange",
            {"x": "time", "x_until": "time", "x_timezone_id": "integer", "x_timezone_name": "string"},
        ),
        ("address", {"x": "string", **{f"x_{part}": "string" for part in ADDRESS_PARTS}}),
        ("something_new", {"x": "json"}),
    ],
)
def test_a_columns_type_comes_from_the_fields_definition(kind: str, columns: dict[str, str]) -> None:
    found = [column for column in schema(field(A, "X", kind)).columns if column.name.startswith("x")]

    assert {each.name: f"list of {each.items}" if each.items else each.type for each in found} == columns


def test_a_column_says_what_it_is() -> None:
    found = {column.name: column for column in schema(field(A, "Segment", "enum", {11: "Small"})).columns}

    assert found["segment"] == Column(
        name="segment",
        type="string",
        path=("custom_fields", A),
        labels={"11": "Small"},
        description="Segment",
        field_type="enum",
    )
    assert (found["label_ids"].type, found["label_ids"].items) == ("list", "integer")
    assert (found["labels"].type, found["labels"].items) == ("list", "string")


# --- names stay ----------------------------------------------------------------------------------------------------

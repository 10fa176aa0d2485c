"""The schema file: plain, in a stable order, and refused where it is not one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.rows.schema import row_schema
from tests.support.field_definitions import A, B, field, schema


def test_the_schema_file_is_plain_and_in_a_stable_order() -> None:
    found = schema(field(A, "Region", "enum", {1: "North"}), field(B, "Fee", "monetary")).to_json()

    assert json.loads(json.dumps(found)) == found
    assert list(found) == ["format", "entity", "fields", "columns"]
    assert (found["format"], found["entity"]) == (1, "deals")
    assert found["fields"] == {
        A: {"name": "Region", "column": "region", "type": "enum", "options": {"1": "North"}},
        B: {"name": "Fee", "column": "fee", "type": "monetary"},
    }
    assert list(found["columns"].items())[-4:] == [
        ("region", "string"),
        ("fee", "number"),
        ("fee_currency", "string"),
        ("other", "json"),
    ]


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        ({"format": 2, "fields": {}}, "The schema file has format 2, but this version reads 1"),
        ({}, "This is not a schema file of an extraction (KeyError: 'format')"),
        ({"format": 1, "fields": []}, "This is not a schema file of an extraction (AttributeError"),
        (
            {"format": 1, "fields": {A: {"name": "Region"}}},
            "This is not a schema file of an extraction (KeyError: 'column')",
        ),
        (
            {
                "format": 1,
                "fields": {
                    A: {"name": "Fee", "column": "fee", "type": "monetary"},
                    B: {"name": "Cost", "column": "fee_currency", "type": "varchar"},
                },
            },
            "In the schema file the fields 'Fee' and 'Cost' both have the column fee_currency. Give one of them",
        ),
        (
            {"format": 1, "fields": {A: {"name": "Fee", "column": "my fee", "type": "varchar"}}},
            "In the schema file the field 'Fee' has the column 'my fee'. A column needs a name of letters, digits",
        ),
        (
            {"format": 1, "fields": {A: {"name": "Fee", "column": "other", "type": "varchar"}}},
            "In the schema file the field 'Fee' has the column 'other'.",
        ),
    ],
)
def test_a_schema_file_that_is_none_is_refused_with_what_to_do(frozen: dict[str, Any], message: str) -> None:
    with pytest.raises(PipedriveParameterError) as error:
        row_schema(ENTITIES["deals"], [field(A, "Fee")], frozen)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("column", ["filename", "_deleted_at", "_version_at", "_dlt_id"])
def test_a_schema_file_that_gives_such_a_column_by_hand_is_refused(column: str) -> None:
    field = {"name": "File", "column": column, "type": "varchar"}
    with pytest.raises(PipedriveParameterError, match=f"the field 'File' has the column '{column}'"):
        row_schema(ENTITIES["deals"], [], {"format": 1, "fields": {"d4" * 20: field}})

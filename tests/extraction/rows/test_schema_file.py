"""The schema file: plain, in a stable order, and refused where it is not one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.extraction.rows.schema import row_schema
from airflow_provider_pipedrive.extraction.rows.schema_file import read_columns
from tests.support.field_definitions import A, B, C, field, schema


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
        ("region", {"type": "string", "description": "Region", "field_type": "enum"}),
        ("fee", {"type": "number", "description": "Fee", "field_type": "monetary"}),
        ("fee_currency", {"type": "string", "description": "Fee: currency", "field_type": "monetary"}),
        ("other", {"type": "json", "description": "What no column knows"}),
    ]


def test_columns_are_read_back_with_what_there_is_to_know_of_them() -> None:
    fields = [field(A, "Region", "enum", {1: "North"}), field(B, "Tags", "set", {5: "new"}), field(C, "Gone")]
    labels = {
        "field_code": "label_ids",
        "field_name": "Label",
        "field_type": "set",
        "options": [{"id": 3, "label": "hot"}],
    }
    first = schema(*fields, labels, today="2026-03-02")
    second = schema(*fields[:2], field("d4" * 20, "New"), labels, frozen=first, today="2026-03-03")

    found = {column.name: column for column in read_columns(json.loads(json.dumps(second.to_json())))}
    assert list(found) == [column.name for column in second.columns]
    assert found["region"] == Column("region", "string", None, (), {"1": "North"}, "Region", "enum", "2026-03-02")
    assert found["tags"] == Column("tags", "list", "string", (), {"5": "new"}, "Tags", "set", "2026-03-02")
    assert found["labels"] == Column("labels", "list", "string", (), {"3": "hot"}, "Label", "set")
    assert found["gone"] == Column(
        "gone", "string", description="Gone", field_type="varchar", since="2026-03-02", removed=True
    )
    assert found["new"].since == "2026-03-03"


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

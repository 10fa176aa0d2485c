"""The columns of Pipedrive's own fields."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from airflow_provider_pipedrive import sandbox
from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.rows.names import column_name
from airflow_provider_pipedrive.extraction.rows.system_columns import SYSTEM_COLUMNS

SHAPES = json.loads((resources.files(sandbox) / "state/shapes.json").read_text("utf-8"))
FITTING = {
    "string": {"string", "date", "timestamp", "time", "integer"},
    "number": {"integer", "number"},
    "boolean": {"boolean"},
    "list": {"list"},
    "object": {"json"},
}


@pytest.mark.parametrize("entity", [name for name in ENTITIES if name != "goals"])
def test_every_field_of_the_specifications_model_has_a_column_of_a_fitting_type(entity: str) -> None:
    _, model = SHAPES["operations"][f"GET {ENTITIES[entity].listing.path}"]
    fields = {name: kind.rstrip("?") for name, kind in SHAPES["models"][model].items() if name != "custom_fields"}
    whole = {column.path[0]: column.type for column in SYSTEM_COLUMNS[entity] if len(column.path) == 1}
    laid_out = {column.path[0] for column in SYSTEM_COLUMNS[entity] if len(column.path) == 2}
    labelled = {column.path[0] for column in SYSTEM_COLUMNS[entity] if column.type in ("label", "labels")}

    assert set(fields) - set(whole) - laid_out == set()
    assert {name for name in laid_out if fields[name] != "object"} == set()
    assert labelled <= set(fields)
    plain = {column.path[0]: column.type for column in SYSTEM_COLUMNS[entity] if column.path == (column.name,)}
    assert {name: kind for name, kind in plain.items() if name in fields and kind not in FITTING[fields[name]]} == {}


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_entity_has_columns_for_its_key_and_its_last_update(entity: str) -> None:
    columns = {column.name: column for column in SYSTEM_COLUMNS[entity]}

    assert {*ENTITIES[entity].key} <= set(columns)
    updated = ENTITIES[entity].updated
    assert updated is None or columns[updated].type == "timestamp"


@pytest.mark.parametrize("entity", ENTITIES)
def test_no_column_of_pipedrives_own_needs_quotes_or_stands_there_twice(entity: str) -> None:
    names = [column.name for column in SYSTEM_COLUMNS[entity]]

    assert len(set(names)) == len(names)
    assert [name for name in names if column_name(name) != name] == []
    assert "other" not in names

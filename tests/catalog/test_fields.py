"""The system fields: what Pipedrive's specifications say of them, and what the sandbox has of them."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from airflow_provider_pipedrive import sandbox
from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.catalog.fields import ADDRESS_PARTS, FIELDS, OBJECTS
from airflow_provider_pipedrive.catalog.shapes import CUSTOM_ADDRESS
from airflow_provider_pipedrive.sandbox.seed.fields import _BUILT_IN

SHAPES = json.loads((resources.files(sandbox) / "state/shapes.json").read_text("utf-8"))
FITTING = {
    "string": {"string", "date", "timestamp", "time", "integer", "option"},
    "number": {"integer", "number", "option"},
    "boolean": {"boolean"},
    "list": {"list"},
    "object": {"json", *OBJECTS},
}
"""By the specification's word, what a field may be declared as."""
COUNTED = {
    "dealFields": {"next_activity_id", "products_count"},
    "personFields": {"open_deals_count"},
    "organizationFields": {"people_count"},
}
"""Fields that a record has on request only (``include_fields``)."""
SHAPED = {
    "dealFields": "deals",
    "personFields": "persons",
    "organizationFields": "organizations",
    "productFields": "products",
    "activityFields": "activities",
    "projectFields": "projects",
}
"""The sandbox's tables of definitions, and whose they are."""


@pytest.mark.parametrize("entity", [name for name in ENTITIES if name != "goals"])
def test_every_field_of_the_specifications_model_is_declared_with_a_fitting_type(entity: str) -> None:
    _, model = SHAPES["operations"][f"GET {ENTITIES[entity].listing.path}"]
    specified = {name: kind.rstrip("?") for name, kind in SHAPES["models"][model].items() if name != "custom_fields"}
    declared = {field.name: field.type for field in FIELDS[entity]}
    assert specified.keys() - declared.keys() == set()
    wrong = {name: declared[name] for name, kind in specified.items() if declared[name] not in FITTING[kind]}
    assert wrong == {}


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_entity_has_its_key_and_its_last_update_among_its_fields(entity: str) -> None:
    types = {field.name: field.type for field in FIELDS[entity]}
    assert {*ENTITIES[entity].key} <= types.keys()
    updated = ENTITIES[entity].updated
    assert updated is None or types[updated] == "timestamp"


@pytest.mark.parametrize("entity", FIELDS)
def test_no_field_is_declared_twice(entity: str) -> None:
    names = [field.name for field in FIELDS[entity]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("table", [name for name in _BUILT_IN if name in SHAPED])
def test_the_sandbox_defines_no_field_that_its_records_do_not_have(table: str) -> None:
    declared = {field.name for field in FIELDS[SHAPED[table]]}
    assert {code for code, *_ in _BUILT_IN[table]} - declared == COUNTED.get(table, set())


def test_an_address_has_the_same_parts_whether_it_is_read_or_written() -> None:
    assert set(ADDRESS_PARTS) == {part.name for part in CUSTOM_ADDRESS[1:]}

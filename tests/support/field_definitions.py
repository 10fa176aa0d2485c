"""Definitions of custom fields, and the columns that they get."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.rows.schema import RowSchema, row_schema

A, B, C = "a1" * 20, "b2" * 20, "c3" * 20
"""Codes of fields."""


def field(code: str, name: str, kind: str = "varchar", options: dict[int, str] | None = None) -> dict[str, Any]:
    listed = [{"id": key, "label": label} for key, label in options.items()] if options else None
    return {"field_code": code, "field_name": name, "field_type": kind, "is_custom_field": True, "options": listed}


def schema(
    *definitions: dict[str, Any], frozen: RowSchema | None = None, entity: str = "deals", **options: Any
) -> RowSchema:
    before = json.loads(json.dumps(frozen.to_json())) if frozen else None
    return row_schema(ENTITIES[entity], definitions, before, **options)


def custom(found: RowSchema) -> list[str]:
    return [column.name for column in found.columns if column.path[:1] == ("custom_fields",)]

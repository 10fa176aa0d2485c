"""The schema file of an entity: what keeps the columns of its custom fields the same from run to run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.rows.columns import OTHER, Column, SchemaField, names_of
from airflow_provider_pipedrive.extraction.rows.names import ADDED, LONGEST

FORMAT: Final = 1
"""The form of the schema file."""
_NAME = re.compile(rf"[^\W\d]\w{{0,{LONGEST - 1}}}")


def read_fields(frozen: Mapping[str, Any] | None) -> dict[str, SchemaField]:
    """The custom fields of a schema file, by code; none without a file.

    :raises PipedriveParameterError: it is not a schema file of this version, or two of its columns have one name
    """
    if frozen is None:
        return {}
    try:
        _check_format(frozen["format"])
        fields = {str(code): _field(item) for code, item in frozen["fields"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise PipedriveParameterError(
            f"This is not a schema file of an extraction ({type(error).__name__}: {error}). "
            "Restore it, or move it away: columns are then named again."
        ) from error
    _check_columns(fields.values())
    return fields


def fields_to_json(fields: Mapping[str, SchemaField]) -> dict[str, Any]:
    """The custom fields, as :func:`read_fields` reads them back."""
    return {
        code: {
            "name": field.name,
            "column": field.column,
            "type": field.type,
            **({"options": dict(field.options)} if field.options else {}),
            **({"removed": True} if field.removed else {}),
            **({"since": field.since} if field.since else {}),
        }
        for code, field in fields.items()
    }


def read_columns(kept: Mapping[str, Any]) -> list[Column]:
    """All columns of a schema file, as :func:`columns_to_json` wrote them; without the places of their values."""
    options = {field.column: field.options for field in read_fields(kept).values() if field.options}
    return [
        Column(
            name,
            about["type"],
            about.get("items"),
            labels=about.get("options") or options.get(name),
            description=about.get("description", ""),
            field_type=about.get("field_type", ""),
            since=about.get("since", ""),
            removed=about.get("removed", False),
        )
        for name, about in kept["columns"].items()
    ]


def columns_to_json(columns: Sequence[Column], fields: Mapping[str, SchemaField]) -> dict[str, Any]:
    """What there is to know of each column, but for the options of custom fields, which :func:`fields_to_json` has."""
    custom = {field.column for field in fields.values()}
    return {
        column.name: {
            "type": column.type,
            **({"items": column.items} if column.items else {}),
            **({"description": column.description} if column.description else {}),
            **({"field_type": column.field_type} if column.field_type else {}),
            **({"since": column.since} if column.since else {}),
            **({"removed": True} if column.removed else {}),
            **({"options": dict(column.labels)} if column.labels and column.name not in custom else {}),
        }
        for column in columns
    }


def _check_format(found: Any) -> None:
    if found != FORMAT:
        raise PipedriveParameterError(
            f"The schema file has format {found!r}, but this version reads {FORMAT}. "
            "Update the provider, or move the file away: columns are then named again."
        )


def _field(item: Mapping[str, Any]) -> SchemaField:
    return SchemaField(
        name=str(item["name"]),
        column=str(item["column"]),
        type=str(item["type"]),
        options={str(key): str(label) for key, label in (item.get("options") or {}).items()},
        removed=bool(item.get("removed")),
        since=str(item.get("since") or ""),
    )


def _check_columns(fields: Iterable[SchemaField]) -> None:
    """Whether every field has columns that are valid and its own: people may edit the file."""
    seen: dict[str, str] = {}
    for field in fields:
        if not _NAME.fullmatch(field.column) or field.column == OTHER:
            raise PipedriveParameterError(
                f"In the schema file the field {field.name!r} has the column {field.column!r}. "
                f"A column needs a name of letters, digits and underscores, at most {LONGEST}, and not {OTHER!r}."
            )
        if added := ADDED.intersection(names_of(field.column, field.type)):
            raise PipedriveParameterError(
                f"In the schema file the field {field.name!r} has the column {min(added)!r}, which files, views or "
                "warehouses add to the columns of records. Give it another name."
            )
        for column in names_of(field.column, field.type):
            if column in seen:
                raise PipedriveParameterError(
                    f"In the schema file the fields {seen[column]!r} and {field.name!r} both have the column "
                    f"{column}. Give one of them another one."
                )
            seen[column] = field.name

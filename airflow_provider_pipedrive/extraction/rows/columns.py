"""The columns of an entity: what they are, and which ones Pipedrive's own fields and the custom ones have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.catalog.fields import ADDRESS_PARTS
from airflow_provider_pipedrive.extraction.rows.system_columns import SystemColumn

OTHER = "other"
"""The last column: what a record has and no column knows."""
CUSTOM = "custom_fields"
"""Where v2 keeps custom fields. v1 lays them flat into the record."""


VALUES: Final = {
    "varchar": "string",
    "varchar_auto": "string",
    "text": "string",
    "phone": "string",
    "double": "number",
    "monetary": "number",
    "enum": "string",
    "set": "list",
    "user": "integer",
    "org": "integer",
    "people": "integer",
    "date": "date",
    "daterange": "date",
    "time": "time",
    "timerange": "time",
    "address": "string",
}
"""The type of a custom field's column by the field's type; of any other field it is ``json``.
https://pipedrive.readme.io/docs/core-api-concepts-custom-fields"""

_ZONE = {"timezone_id": "integer", "timezone_name": "string"}
PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "monetary": {"currency": "string"},
    "daterange": {"until": "date"},
    "time": _ZONE,
    "timerange": {"until": "time", **_ZONE},
    "address": dict.fromkeys(ADDRESS_PARTS, "string"),
}
"""What a custom field's value has besides itself: each part is a column of its own."""


@dataclass(frozen=True)
class Column:
    """One column of the rows.

    :ivar name: at most 63 characters, lower case, valid in SQL without quotes
    :ivar type: ``string``, ``integer``, ``number``, ``boolean``, ``timestamp`` (RFC 3339 text), ``date``, ``time``,
        ``list`` or ``json`` (anything)
    :ivar items: the type of a list's elements
    :ivar path: where its value is in a record; empty for ``other``
    :ivar labels: what to write for an option's id, where it has options
    :ivar description: what the field is called in Pipedrive
    :ivar field_type: Pipedrive's type of the field; empty where no definition says it
    :ivar since: the day, in UTC, on which a custom field was first seen
    :ivar removed: whether Pipedrive no longer has the field
    """

    name: str
    type: str
    items: str | None = None
    path: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None
    description: str = ""
    field_type: str = ""
    since: str = ""
    removed: bool = False


@dataclass(frozen=True)
class SchemaField:
    """A custom field as the schema file remembers it.

    :ivar name: what it is called in Pipedrive
    :ivar column: its column; further columns have this name and a suffix
    :ivar type: Pipedrive's type of it
    :ivar options: the labels of its options by id
    :ivar removed: whether Pipedrive no longer has it
    :ivar since: the day, in UTC, on which it was first seen; empty where that is not known
    """

    name: str
    column: str
    type: str
    options: Mapping[str, str]
    removed: bool = False
    since: str = ""


def custom_columns(code: str, field: SchemaField, version: Literal["v1", "v2"]) -> Iterator[Column]:
    """The columns of a custom field. v1 puts its parts flat next to it: ``<code>_currency``."""
    parts = PARTS.get(field.type, {})
    kind = VALUES.get(field.type, "json")
    labels = field.options if field.type in ("enum", "set") else None
    nested = (CUSTOM, code, "value") if parts else (CUSTOM, code)
    path = (code,) if version == "v1" else nested
    about = (field.type, field.since, field.removed)
    yield Column(field.column, kind, "string" if kind == "list" else None, path, labels, field.name, *about)
    for part, part_kind in parts.items():
        path = (f"{code}_{part}",) if version == "v1" else (CUSTOM, code, part)
        title = f"{field.name}: {part.replace('_', ' ')}"
        yield Column(f"{field.column}_{part}", part_kind, None, path, None, title, *about)


def system_columns(
    system: Sequence[SystemColumn],
    definitions: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    custom: set[str],
) -> Iterator[Column]:
    """Pipedrive's own columns. One that is newer than a custom field's frozen name gives way to it."""
    by_code = {str(item.get("field_code")): item for item in definitions}
    for column in system:
        name = f"pipedrive_{column.name}" if column.name in custom else column.name
        title = titles.get(column.path[0], "")
        kind = str(by_code.get(column.path[0], {}).get("field_type") or "")
        if column.type == "label":
            yield Column(name, "string", None, column.path, options_of(by_code.get(column.path[0])), title, kind)
        elif column.type == "labels":
            options = options_of(by_code.get("label_ids") or by_code.get("label"))
            yield Column(name, "list", "string", column.path, options, title, kind)
        else:
            yield Column(name, column.type, column.items, column.path, None, title, kind)


def raw_columns(
    entity: Entity,
    system: Sequence[SystemColumn],
    definitions: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
) -> Iterator[Column]:
    """The keys of a record as columns, for formats that need to know them."""
    seen = set()
    for column in system:
        key = column.path[0]
        if key not in seen:
            seen.add(key)
            whole = len(column.path) == 1
            yield Column(
                key,
                column.type if whole else "json",
                column.items if whole else None,
                (key,),
                None,
                titles.get(key, ""),
            )
    custom = [item for item in definitions if item.get("is_custom_field")]
    if entity.listing.version == "v2":
        if entity.definitions:
            yield Column(CUSTOM, "json", None, (CUSTOM,))
    else:
        for item in custom:
            code, kind = str(item["field_code"]), str(item["field_type"])
            options = kind in ("enum", "set")
            yield Column(code, "string" if options else VALUES.get(kind, "json"), None, (code,), None, titles[code])
            for part, part_kind in PARTS.get(kind, {}).items():
                yield Column(f"{code}_{part}", part_kind, None, (f"{code}_{part}",), None, titles[code])
    yield Column(OTHER, "json", description="What no column knows")


def options_of(definition: Mapping[str, Any] | None) -> dict[str, str]:
    """The labels of a field's options, by id as text; empty where it has none."""
    options = (definition or {}).get("options") or ()
    return {str(option["id"]): str(option["label"]) for option in options if option.get("label") is not None}


def suffixes(field_type: str) -> list[str]:
    """What the names of a custom field's further columns end in, by the field's type."""
    return [f"_{part}" for part in PARTS.get(field_type, {})]


def names_of(column: str, field_type: str) -> list[str]:
    """All columns of a field."""
    return [column, *(column + suffix for suffix in suffixes(field_type))]

"""The columns of an entity: readable, and the same from run to run.

What Pipedrive itself gives a record keeps Pipedrive's names. A custom field's column is called as people call the
field, once and for all: the schema file of the first run keeps the name, and whatever happens to the field later is
reported as drift. What no column knows lands in the last one, ``other``, so that nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.client.json_text import NESTED, Place
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.rows.fitting import ValueFitter
from airflow_provider_pipedrive.extraction.rows.names import ADDED, LONGEST, unique_names
from airflow_provider_pipedrive.extraction.rows.rows import CUSTOM, OTHER, Record, Row, RowMapper
from airflow_provider_pipedrive.extraction.rows.system_columns import ADDRESS_PARTS, SYSTEM_COLUMNS, SystemColumn

ColumnNames = Literal["readable", "raw"]
"""``names``: custom fields under readable names, options as labels. ``keys``: records as Pipedrive sends them."""

FORMAT: Final = 1
"""The form of the schema file."""
_NAME = re.compile(rf"[^\W\d]\w{{0,{LONGEST - 1}}}")

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
    :ivar path: where its value stands in a record; empty for ``other``
    :ivar labels: what to write for an option's id, where it has options
    :ivar description: what the field is called in Pipedrive
    """

    name: str
    type: str
    items: str | None = None
    path: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None
    description: str = ""


@dataclass(frozen=True)
class SchemaField:
    """A custom field as the schema file remembers it.

    :ivar name: what it is called in Pipedrive
    :ivar column: its column; further columns have this name and a suffix
    :ivar type: Pipedrive's type of it
    :ivar options: the labels of its options by id
    :ivar removed: whether Pipedrive no longer has it
    """

    name: str
    column: str
    type: str
    options: Mapping[str, str]
    removed: bool = False


@dataclass(frozen=True)
class RowSchema:
    """How the records of one entity become rows.

    :ivar entity: the entity's name
    :ivar columns: every row has all of them, in this order
    :ivar drift: what has changed since the schema was last written, a sentence each
    :ivar fields: the custom fields by code
    :ivar version: whose values the records have
    """

    entity: str
    columns: tuple[Column, ...]
    drift: tuple[str, ...]
    fields: Mapping[str, SchemaField]
    version: Literal["v1", "v2"]

    @cached_property
    def _mapper(self) -> RowMapper:
        return RowMapper(self.columns, self.version)

    @cached_property
    def _fitter(self) -> ValueFitter:
        return ValueFitter(self.entity, self.columns)

    @cached_property
    def _by_place(self) -> Mapping[Place, str]:
        columns = reversed(self.columns[:-1])  # where a place has several columns, the first is its own
        return {column.path[: 2 if column.path[0] in NESTED else 1]: column.name for column in columns}

    def rows(self, records: Sequence[Record]) -> list[Row]:
        """The rows of these records, in their order, their values as they come."""
        return self._mapper.rows(records)

    def fitted(self, records: Sequence[Record]) -> tuple[list[Row], Mapping[str, Mapping[int, int]]]:
        """The rows of these records, made to fit their columns, and how many values are null for it: by column, and by
        the number of the row."""
        rows = self._mapper.rows(records)
        return rows, self._fitter.fit(rows)

    def column_at(self, place: Place) -> str:
        """The column in which a place of the record is."""
        return self._by_place.get(place, OTHER)

    def to_json(self) -> dict[str, Any]:
        """The schema file: what the next run is handed as ``frozen``.

        ``fields`` is what keeps the names: a ``column`` may be changed by hand. ``columns`` is for people.
        """
        return {
            "format": FORMAT,
            "entity": self.entity,
            "fields": {
                code: {
                    "name": field.name,
                    "column": field.column,
                    "type": field.type,
                    **({"options": dict(field.options)} if field.options else {}),
                    **({"removed": True} if field.removed else {}),
                }
                for code, field in self.fields.items()
            },
            "columns": {
                column.name: f"list of {column.items}" if column.items else column.type for column in self.columns
            },
        }


def row_schema(
    entity: Entity,
    definitions: Sequence[Mapping[str, Any]],
    frozen: Mapping[str, Any] | None,
    *,
    names: ColumnNames = "readable",
    rename: bool = False,
) -> RowSchema:
    """How the records of an entity become rows.

    :param definitions: the definitions of its fields, as its ``definitions`` action lists them; empty where it has none
    :param frozen: the schema file of an earlier run, of this entity or of one with the same definitions
    :param names: with ``raw`` records stay as they are, and ``frozen`` is not looked at
    :param rename: give a field that was renamed in Pipedrive the column of its new name
    :raises PipedriveParameterError: the schema file is not one, or two of its columns have one name
    """
    version = entity.listing.version
    system = SYSTEM_COLUMNS[entity.name]
    titles = {str(item.get("field_code")): str(item.get("field_name") or "") for item in definitions}
    if names == "raw":
        return RowSchema(entity.name, tuple(_raw_columns(entity, system, definitions, titles)), (), {}, "v2")
    before = _read(frozen)
    fields, drift = _fields(entity, definitions, before, rename=rename)
    custom = [column for code, field in fields.items() for column in _custom_columns(code, field, version)]
    own = _system_columns(system, definitions, titles, {column.name for column in custom})
    columns = (*own, *custom, Column(OTHER, "json", description="What no column knows"))
    return RowSchema(entity.name, columns, tuple(drift) if frozen is not None else (), fields, version)


def _read(frozen: Mapping[str, Any] | None) -> dict[str, SchemaField]:
    """The fields of a schema file."""
    if frozen is None:
        return {}
    try:
        if frozen["format"] != FORMAT:
            raise PipedriveParameterError(
                f"The schema file has format {frozen['format']!r}, but this version reads {FORMAT}. "
                "Update the provider, or move the file away: columns are then named anew."
            )
        fields = {
            str(code): SchemaField(
                name=str(item["name"]),
                column=str(item["column"]),
                type=str(item["type"]),
                options={str(key): str(label) for key, label in (item.get("options") or {}).items()},
                removed=bool(item.get("removed")),
            )
            for code, item in frozen["fields"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise PipedriveParameterError(
            f"This is not a schema file of an extraction ({type(error).__name__}: {error}). "
            "Restore it, or move it away: columns then get new names."
        ) from error
    seen: dict[str, str] = {}
    for field in fields.values():
        if not _NAME.fullmatch(field.column) or field.column == OTHER:
            raise PipedriveParameterError(
                f"In the schema file the field {field.name!r} has the column {field.column!r}. "
                f"A column needs a name of letters, digits and underscores, at most {LONGEST}, and not {OTHER!r}."
            )
        if added := ADDED.intersection(_own_names(field.column, field.type)):
            raise PipedriveParameterError(
                f"In the schema file the field {field.name!r} has the column {min(added)!r}, which files, views or "
                "warehouses add to the columns of records. Give it another name."
            )
        for column in _own_names(field.column, field.type):
            if column in seen:
                raise PipedriveParameterError(
                    f"In the schema file the fields {seen[column]!r} and {field.name!r} both have the column "
                    f"{column}. Give one of them another one."
                )
            seen[column] = field.name
    return fields


def _suffixes(field_type: str) -> list[str]:
    return [f"_{part}" for part in PARTS.get(field_type, {})]


def _own_names(column: str, field_type: str) -> list[str]:
    """All columns of a field."""
    return [column, *(column + suffix for suffix in _suffixes(field_type))]


def _fields(
    entity: Entity, definitions: Sequence[Mapping[str, Any]], before: Mapping[str, SchemaField], *, rename: bool
) -> tuple[dict[str, SchemaField], list[str]]:
    """The custom fields, those of the schema file first, and what has changed about them."""
    now = {str(item["field_code"]): _defined(item) for item in definitions if item.get("is_custom_field")}
    kept = {
        code: field for code, field in before.items() if code not in now or field.name == now[code].name or not rename
    }
    taken = {code: set(_own_names(field.column, now.get(code, field).type)) for code, field in kept.items()}
    for code, columns in list(taken.items()):
        others = set().union(*(theirs for other, theirs in taken.items() if other != code))
        if code in now and now[code].type != kept[code].type and columns & others:
            del kept[code], taken[code]
    named = unique_names(
        {code: (field.name, _suffixes(field.type)) for code, field in now.items() if code not in kept},
        _reserved(entity).union(*taken.values()),
    )
    fields: dict[str, SchemaField] = {}
    drift: list[str] = []
    for code in [*before, *(code for code in now if code not in before)]:
        if code not in now:
            fields[code] = replace(before[code], removed=True)
        else:
            fields[code] = replace(now[code], column=named.get(code) or kept[code].column)
        drift += _drift(before.get(code), fields[code])
    return fields, drift


def _defined(definition: Mapping[str, Any]) -> SchemaField:
    return SchemaField(
        name=str(definition.get("field_name") or ""),
        column="",
        type=str(definition.get("field_type") or ""),
        options=_options(definition),
    )


def _options(definition: Mapping[str, Any] | None) -> dict[str, str]:
    options = (definition or {}).get("options") or ()
    return {str(option["id"]): str(option["label"]) for option in options if option.get("label") is not None}


def _reserved(entity: Entity) -> set[str]:
    """Names that no custom field gets: those of the system's columns and keys, and what is added to them later.

    Entities that share definitions share these names, too: the columns of a lead are those of a deal.
    """
    alike = [other.name for other in ENTITIES.values() if other.definitions == entity.definitions]
    columns = [column for name in alike for column in SYSTEM_COLUMNS[name]]
    return {OTHER, CUSTOM, *ADDED, *(column.name for column in columns), *(column.path[0] for column in columns)}


def _drift(before: SchemaField | None, now: SchemaField) -> Iterator[str]:
    """What has happened to a field, a sentence each."""
    if before is None:
        yield f"The field {now.name!r} is new: its column is {now.column}."
        return
    if now.removed:
        if not before.removed:
            yield f"The field {now.name!r} is gone from Pipedrive: its column {now.column} stays, and is null."
        return
    if before.removed:
        yield f"The field {now.name!r} is back: its column is {now.column}."
    if before.name != now.name:
        then = (
            f"its column stays {now.column}"
            if before.column == now.column
            else f"its column {before.column} is {now.column} from now on"
        )
        yield f"The field {before.name!r} is now called {now.name!r}: {then}."
    if before.type != now.type:
        yield (
            f"The field {now.name!r} was of the type {before.type} and is {now.type} now: "
            f"its column {now.column} changes with it."
        )
    for key, label in before.options.items():
        if key not in now.options:
            yield f"The option {label!r} of the field {now.name!r} is gone: rows that have it say its id, {key}."
        elif now.options[key] != label:
            yield f"The option {label!r} of the field {now.name!r} is now called {now.options[key]!r}."


def _custom_columns(code: str, field: SchemaField, version: Literal["v1", "v2"]) -> Iterator[Column]:
    """The columns of a custom field. v1 lays its parts flat beside it: ``<code>_currency``."""
    parts = PARTS.get(field.type, {})
    kind = VALUES.get(field.type, "json")
    labels = field.options if field.type in ("enum", "set") else None
    nested = (CUSTOM, code, "value") if parts else (CUSTOM, code)
    path = (code,) if version == "v1" else nested
    yield Column(field.column, kind, "string" if kind == "list" else None, path, labels, field.name)
    for part, part_kind in parts.items():
        path = (f"{code}_{part}",) if version == "v1" else (CUSTOM, code, part)
        title = f"{field.name}: {part.replace('_', ' ')}"
        yield Column(f"{field.column}_{part}", part_kind, None, path, None, title)


def _system_columns(
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
        if column.type == "label":
            yield Column(name, "string", None, column.path, _options(by_code.get(column.path[0])), title)
        elif column.type == "labels":
            options = _options(by_code.get("label_ids") or by_code.get("label"))
            yield Column(name, "list", "string", column.path, options, title)
        else:
            yield Column(name, column.type, column.items, column.path, None, title)


def _raw_columns(
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

"""How the records of an entity become rows: readable, and the same from run to run.

What Pipedrive itself gives a record keeps Pipedrive's names. A custom field's column is called as people call the
field, once and for all: the schema file of the first run keeps the name, and whatever happens to the field later is
reported as drift. What no column knows lands in the last one, ``other``, so that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.client.json_text import NESTED, Place
from airflow_provider_pipedrive.extraction.rows.column_reader import ColumnReader
from airflow_provider_pipedrive.extraction.rows.columns import (
    CUSTOM,
    OTHER,
    Column,
    SchemaField,
    custom_columns,
    names_of,
    options_of,
    raw_columns,
    suffixes,
    system_columns,
)
from airflow_provider_pipedrive.extraction.rows.fitting import ValueFitter
from airflow_provider_pipedrive.extraction.rows.names import ADDED, unique_names
from airflow_provider_pipedrive.extraction.rows.rows import Record, Row, RowMapper
from airflow_provider_pipedrive.extraction.rows.schema_file import FORMAT, columns_to_json, fields_to_json, read_fields
from airflow_provider_pipedrive.extraction.rows.system_columns import SYSTEM_COLUMNS

ColumnNames = Literal["readable", "raw"]
"""``readable``: custom fields under readable names, options as labels. ``raw``: records as Pipedrive sends them."""


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
    def reader(self) -> ColumnReader:
        """What reads the columns of most records at once."""
        return ColumnReader(self.columns, self.version)

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

        ``fields`` is what keeps the names: a ``column`` may be changed by hand. ``columns`` is what a warehouse reads.
        """
        return {
            "format": FORMAT,
            "entity": self.entity,
            "fields": fields_to_json(self.fields),
            "columns": columns_to_json(self.columns, self.fields),
        }


def row_schema(
    entity: Entity,
    definitions: Sequence[Mapping[str, Any]],
    frozen: Mapping[str, Any] | None,
    *,
    names: ColumnNames = "readable",
    rename: bool = False,
    today: str = "",
) -> RowSchema:
    """How the records of an entity become rows.

    :param definitions: the definitions of its fields, as its ``definitions`` action lists them; empty where it has none
    :param frozen: the schema file of an earlier run, of this entity or of one with the same definitions
    :param names: with ``raw`` records stay as they are, and ``frozen`` is not looked at
    :param rename: give a field that was renamed in Pipedrive the column of its new name
    :param today: the day on which new fields are seen
    :raises PipedriveParameterError: the schema file is not one, or two of its columns have one name
    """
    version = entity.listing.version
    system = SYSTEM_COLUMNS[entity.name]
    titles = {str(item.get("field_code")): str(item.get("field_name") or "") for item in definitions}
    if names == "raw":
        return RowSchema(entity.name, tuple(raw_columns(entity, system, definitions, titles)), (), {}, "v2")
    before = read_fields(frozen)
    fields, drift = _fields(entity, definitions, before, rename=rename, today=today)
    custom = [column for code, field in fields.items() for column in custom_columns(code, field, version)]
    own = system_columns(system, definitions, titles, {column.name for column in custom})
    columns = (*own, *custom, Column(OTHER, "json", description="What no column knows"))
    return RowSchema(entity.name, columns, tuple(drift) if frozen is not None else (), fields, version)


def _fields(
    entity: Entity,
    definitions: Sequence[Mapping[str, Any]],
    before: Mapping[str, SchemaField],
    *,
    rename: bool,
    today: str,
) -> tuple[dict[str, SchemaField], list[str]]:
    """The custom fields, those of the schema file first, and what has changed about them."""
    now = {str(item["field_code"]): _defined(item) for item in definitions if item.get("is_custom_field")}
    kept = {
        code: field for code, field in before.items() if code not in now or field.name == now[code].name or not rename
    }
    taken = {code: set(names_of(field.column, now.get(code, field).type)) for code, field in kept.items()}
    for code, columns in list(taken.items()):
        others = set().union(*(theirs for other, theirs in taken.items() if other != code))
        if code in now and now[code].type != kept[code].type and columns & others:
            del kept[code], taken[code]
    named = unique_names(
        {code: (field.name, suffixes(field.type)) for code, field in now.items() if code not in kept},
        _reserved(entity).union(*taken.values()),
    )
    fields: dict[str, SchemaField] = {}
    drift: list[str] = []
    for code in [*before, *(code for code in now if code not in before)]:
        if code not in now:
            fields[code] = replace(before[code], removed=True)
        else:
            since = before[code].since if code in before else today
            fields[code] = replace(now[code], column=named.get(code) or kept[code].column, since=since)
        drift += _drift(before.get(code), fields[code])
    return fields, drift


def _defined(definition: Mapping[str, Any]) -> SchemaField:
    return SchemaField(
        name=str(definition.get("field_name") or ""),
        column="",
        type=str(definition.get("field_type") or ""),
        options=options_of(definition),
    )


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

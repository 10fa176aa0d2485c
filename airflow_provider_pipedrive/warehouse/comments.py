"""Comments on tables and columns: what an analyst sees of Pipedrive's names, types and options, and of keys.

Keys are comments, not constraints: a merge removes rows and inserts them again, which a foreign key that is enforced
refuses, and a primary key that is enforced slows down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from airflow_provider_pipedrive.catalog.fields import CUSTOM_REFERENCES, REFERENCES
from airflow_provider_pipedrive.warehouse.definitions import options_name
from airflow_provider_pipedrive.warehouse.entity_load import DELETED, PARENT_UPDATED, VERSION, EntityLoad
from airflow_provider_pipedrive.warehouse.rendering import dialect_of, rendered, table_column

if TYPE_CHECKING:
    from airflow_provider_pipedrive.extraction.rows.columns import Column
    from airflow_provider_pipedrive.warehouse.parts import Prepared, Table

Comments = Mapping[str, str]
"""By column, what is said of it; by an empty text, what is said of the table."""

_MOST_OPTIONS: Final = 50
"""How many options a comment lists: a field may have 10,000."""
_OWN: Final[Comments] = {
    DELETED: "When the record was deleted. Empty in a table of latest rows.",
    VERSION: "When the record came to be as it is in this row: its last update, or its deletion.",
    PARENT_UPDATED: "The last update of the record that has the element.",
    "position": "The element's position in the list, from 0.",
    "value": "The element.",
    "deleted_at": "When the record was deleted.",
}
_OF_OPTIONS: Final[Comments] = {
    "column_name": "The column that has the label.",
    "option_id": "The option's id in Pipedrive, which stays when its label changes.",
    "label": "What rows say in place of the id.",
}
_WRITES: Final = {
    "merge": "a row for each record, in its latest state",
    "replace": "a row for each record, in its latest state",
    "versions": "a row for each state of a record that was read",
}


def comment_on_tables(client: Any, load: EntityLoad, ready: Prepared) -> None:
    """Comment on the tables of a load, where their comments are not as they should be."""
    read = _READERS[dialect_of(client)]
    for table, wanted in _comments(load, ready):
        there = dict(read(client, table))
        statements = [
            _statement(client, table, column, text) for column, text in wanted.items() if there.get(column) != text
        ]
        if statements:
            # Each of its own would be a commit of its own: in a DuckLake hundreds of files that are written again.
            with client.begin_transaction():
                client.execute_many(statements)


def _statement(client: Any, table: str, column: str, text: str) -> str:
    what = table_column(client, table, column) if column else exp.to_table(table)
    kind = "COLUMN" if column else "TABLE"
    return rendered(client, exp.Comment(this=what, kind=kind, expression=exp.Literal.string(text)))


def _comments(load: EntityLoad, ready: Prepared) -> Iterator[tuple[str, Comments]]:
    """What is to be said of each table, and of the columns that it has."""
    for table, said in _of_tables(load, ready):
        yield table.name, {column: text for column, text in said.items() if not column or column in table.columns}
    if any(column.labels for column in load.columns):
        about = f"The options of the fields of Pipedrive's {load.entity.replace('_', ' ')}."
        yield options_name(load.entity), {"": about, **_OF_OPTIONS}


def _of_tables(load: EntityLoad, ready: Prepared) -> Iterator[tuple[Table, Comments]]:
    columns = {ready.names[column.name]: _column(column, load) for column in load.columns if column.name in ready.names}
    keys = [f"Foreign key: {name} -> {target}.id" for name, target in _references(load)]
    primary = [*load.key, *([VERSION] if load.write == "versions" else [])]
    about = f"Pipedrive's {load.entity.replace('_', ' ')}, {_WRITES[load.write]}. Primary key: {', '.join(primary)}."
    yield ready.main, {"": " ".join([about, *(f"{key}." for key in keys)]), **_OWN, **columns}
    parents = {f"parent_{key}": f"Foreign key: {load.entity}.{key}." for key in load.key}
    for column in load.columns:
        if column.name in ready.children:
            value = {"value": " ".join(filter(None, (_column(column, load), _OWN["value"])))}
            text = f"The elements of the list {column.name} of Pipedrive's {load.entity.replace('_', ' ')}."
            yield ready.children[column.name], {"": text, **_OWN, **value, **parents}
    if ready.deleted:
        yield ready.deleted, {"": f"The {load.entity.replace('_', ' ')} that are known to be deleted.", **_OWN}


def _column(column: Column, load: EntityLoad) -> str:
    """What is said of a column: its field's name, type and options, since when it is known, and keys."""
    kind = f"Pipedrive's type: {column.field_type}." if column.field_type else ""
    since = f"First seen: {column.since}." if column.since else ""
    removed = "No longer in Pipedrive." if column.removed else ""
    options = list((column.labels or {}).items())
    listed = ", ".join(f"{key} = {label}" for key, label in options[:_MOST_OPTIONS])
    more = f" and {len(options) - _MOST_OPTIONS} more" if len(options) > _MOST_OPTIONS else ""
    keys = ["Primary key." if list(load.key) == [column.name] else ""]
    keys += [f"Foreign key: {target}.id." for name, target in _references(load) if name == column.name]
    said = [column.description and f"{column.description}.", kind, f"Options: {listed}{more}." if listed else ""]
    return _clean(" ".join(filter(None, [*said, since, removed, *keys])))


def _references(load: EntityLoad) -> Iterator[tuple[str, str]]:
    """The columns that have ids of other entities: column and entity."""
    for column in load.columns:
        # Only custom fields have a day on which they were first seen.
        target = CUSTOM_REFERENCES.get(column.field_type) if column.since else REFERENCES.get(column.name)
        if target:
            yield column.name, target


def _clean(text: str) -> str:
    """A text that every database takes."""
    return text.replace("\0", "").encode(errors="replace").decode()


# ---- what is said already


def _on_duckdb(client: Any, table: str) -> Sequence[tuple[str, str | None]]:
    *outer, dataset, name = client.make_qualified_table_name_path(table, quote=False)
    database = _text(outer[0]) if outer else "current_database()"
    within = f"database_name = {database} AND schema_name = {_text(dataset)} AND table_name = {_text(name)}"
    found: Sequence[tuple[str, str | None]] = client.execute_sql(
        f"SELECT column_name, comment FROM duckdb_columns() WHERE {within} "
        f"UNION ALL SELECT '', comment FROM duckdb_tables() WHERE {within}"  # nosec B608 # texts are literals of sqlglot
    )
    return found


def _on_postgres(client: Any, table: str) -> Sequence[tuple[str, str | None]]:
    of = f"{_text(client.make_qualified_table_name(table))}::regclass"
    found: Sequence[tuple[str, str | None]] = client.execute_sql(
        "SELECT COALESCE(attname, ''), description FROM pg_catalog.pg_description LEFT JOIN pg_catalog.pg_attribute "
        "ON attrelid = objoid AND attnum = objsubid AND objsubid > 0 "
        f"WHERE classoid = 'pg_catalog.pg_class'::regclass AND objoid = {of}"  # nosec B608 # the name is a literal of sqlglot
    )
    return found


def _text(text: str) -> str:
    return exp.Literal.string(text).sql(dialect="postgres")


_READERS: Final[Mapping[str, Callable[[Any, str], Sequence[tuple[str, str | None]]]]] = {
    "duckdb": _on_duckdb,
    "postgres": _on_postgres,
}
"""How comments are read, by dialect."""

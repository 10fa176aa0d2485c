"""Definitions are data: what happened to a field or an option is applied to the rows that a table has already.

The labels that rows have are in ``<entity>__options``, which changes in one transaction with the rows. So what a load
that broke off has applied is not applied again, whatever the load state says.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from airflow_provider_pipedrive.warehouse.entity_load import EntityLoad
from airflow_provider_pipedrive.warehouse.field_changes import relabelled
from airflow_provider_pipedrive.warehouse.rendering import dialect_of, rendered

if TYPE_CHECKING:
    from airflow_provider_pipedrive.extraction.rows.columns import Column
    from airflow_provider_pipedrive.warehouse.parts import Prepared

Labels = Mapping[str, Mapping[str, str]]
"""The labels of options: by column, and by the option's id."""

_JSON_TYPES: Final = {"duckdb": "JSON", "postgres": "JSONB"}
"""By dialect, the type of a list's column."""
_AT_ONCE: Final = 500
"""Options that are inserted together."""


def options_name(entity: str) -> str:
    """The table of the options of an entity's fields."""
    return f"{entity}__options"


def with_new_names(present: Mapping[str, Mapping[str, str]], load: EntityLoad) -> dict[str, dict[str, str]]:
    """The tables of a warehouse, as they are when the load's columns are renamed."""
    tables = {name: dict(columns) for name, columns in present.items()}
    if load.entity in tables:
        clear = _clear_names(tables[load.entity], load)
        tables[load.entity] = {clear.get(name, name): kind for name, kind in tables[load.entity].items()}
    return tables


def apply_definitions(pipeline: Any, client: Any, load: EntityLoad, ready: Prepared) -> None:
    """Rename columns, empty those of fields that are gone, and give options their labels, in all rows."""
    _rename_columns(pipeline, client, load)
    known = pipeline.default_schema.tables if pipeline.default_schema_name else {}
    if load.entity in known:
        _empty(client, load, known)
    _relabel(client, load, ready, known)


# ---- columns


def _clear_names(columns: Mapping[str, Any], load: EntityLoad) -> dict[str, str]:
    return {old: new for old, new in load.renamed.items() if old in columns and new not in columns}


def _rename_columns(pipeline: Any, client: Any, load: EntityLoad) -> None:
    """Rename columns in the warehouse, and in what dlt knows of it, unless that has been done before."""
    table = (pipeline.default_schema.tables if pipeline.default_schema_name else {}).get(load.entity)
    if table is None:
        return
    names = _clear_names(table["columns"], load)
    with client.with_staging_dataset():
        _rename_in(client, load.entity, names)
    _rename_in(client, load.entity, names)
    if load.write == "versions":
        _rename_in(client, f"{load.entity}__latest", names)
    table["columns"] = {
        names.get(name, name): {**column, "name": names.get(name, name)} for name, column in table["columns"].items()
    }


def _rename_in(client: Any, table: str, names: Mapping[str, str]) -> None:
    there = _columns_in(client, table) if names else ()
    for old, new in names.items():
        if old in there and new not in there:
            client.execute_sql(rendered(client, f'ALTER TABLE "{table}" RENAME COLUMN "{old}" TO "{new}"'))


def _columns_in(client: Any, table: str) -> set[str]:
    """The columns that a table has in fact; those of a view of DuckDB's follow it when it is made again."""
    *_, dataset, name = client.make_qualified_table_name_path(table, quote=False)
    found = client.execute_sql(
        "SELECT c.column_name FROM information_schema.columns AS c JOIN information_schema.tables AS t "
        "ON c.table_schema = t.table_schema AND c.table_name = t.table_name "
        f"WHERE c.table_schema = {_literal(dataset)} AND c.table_name = {_literal(name)} "  # nosec B608 # texts are literals of sqlglot
        + ("AND t.table_type = 'BASE TABLE'" if dialect_of(client) == "duckdb" else "")
    )
    return {str(column) for (column,) in found or ()}


def _empty(client: Any, load: EntityLoad, known: Mapping[str, Any]) -> None:
    """Take the values of fields that are gone out of the rows. The versions of a record are as they were read."""
    if load.write == "versions":
        return
    for column in load.removed:
        if column in known[load.entity]["columns"]:
            client.execute_sql(
                rendered(client, f'UPDATE "{load.entity}" SET "{column}" = NULL WHERE NOT "{column}" IS NULL')  # nosec B608 # names of dlt's, a-z and 0-9
            )
        if f"{load.entity}__{column}" in known:
            client.execute_sql(rendered(client, f'DELETE FROM "{load.entity}__{column}"'))  # nosec B608 # names of dlt's, a-z and 0-9


# ---- options


def _relabel(client: Any, load: EntityLoad, ready: Prepared, known: Mapping[str, Any]) -> None:
    now = {column.name: dict(column.labels) for column in load.columns if column.labels}
    table = options_name(load.entity)
    if not now and table not in known:
        return
    if not client.has_dataset():
        client.create_dataset()
    create = f'CREATE TABLE IF NOT EXISTS "{table}" (column_name TEXT, option_id TEXT, label TEXT)'
    client.execute_sql(rendered(client, create))
    kept = _labels_in(client, table)
    before = {load.renamed.get(name, name): labels for name, labels in kept.items()}
    changed = [name for name in {**kept, **now} if kept.get(name) != now.get(name)]
    if not changed:
        return
    columns = {column.name: column for column in load.columns}
    with client.begin_transaction():
        for name in changed:
            # Where one label would become two, the load is of the whole list, and has the right ones.
            texts = relabelled(before[name], now[name]) if name in before and name in now else None
            for statement in _changes(client, load, ready, known, columns[name], texts) if texts else ():
                client.execute_sql(statement)
        for statement in _new_options(client, table, {name: now.get(name, {}) for name in changed}):
            client.execute_sql(statement)


def _labels_in(client: Any, table: str) -> dict[str, dict[str, str]]:
    """The labels that rows have."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    query = f'SELECT column_name, option_id, label FROM "{table}"'  # nosec B608 # a name of ours
    for column, key, label in client.execute_sql(rendered(client, query)):
        found[column][key] = label
    return dict(found)


def _new_options(client: Any, table: str, options: Labels) -> Iterator[str]:
    """The options of these columns in place of those that the table has."""
    listed = ", ".join(map(_literal, options))
    yield rendered(client, f'DELETE FROM "{table}" WHERE column_name IN ({listed})')  # nosec B608 # texts are literals of sqlglot
    rows = [(name, key, label) for name, labels in options.items() for key, label in labels.items()]
    for at in range(0, len(rows), _AT_ONCE):
        values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows[at : at + _AT_ONCE])
        yield rendered(client, f'INSERT INTO "{table}" (column_name, option_id, label) VALUES {values}')  # nosec B608 # texts are literals of sqlglot


def _changes(
    client: Any, load: EntityLoad, ready: Prepared, known: Mapping[str, Any], column: Column, texts: Mapping[str, str]
) -> Iterator[str]:
    """The statements that give the options of a column other labels."""
    if column.name in ready.children:
        table, name = f"{load.entity}__{column.name}", "value"
    else:
        table, name = load.entity, ready.names[column.name]
    if table not in known or name not in known[table]["columns"]:
        return
    if column.type != "list" or table != load.entity:
        yield _update(client, table, name, exp.column(name, quoted=True), texts, "TEXT")
        return
    as_text = exp.cast(exp.column(name, quoted=True), "TEXT")
    query = exp.select(as_text).distinct().from_(exp.to_table(table))
    lists = {text: _with_texts(text, texts) for (text,) in client.execute_sql(rendered(client, query)) if text}
    lists = {old: new for old, new in lists.items() if json.loads(old) != json.loads(new)}
    if lists:
        yield _update(client, table, name, as_text, lists, _JSON_TYPES[dialect_of(client)])


def _with_texts(listed: str, texts: Mapping[str, str]) -> str:
    """A list as JSON text with other texts in it."""
    elements: Iterable[Any] = json.loads(listed) or ()
    return json.dumps([texts.get(each, each) for each in elements], ensure_ascii=False, separators=(",", ":"))


def _update(client: Any, table: str, column: str, value: exp.Expression, texts: Mapping[str, str], kind: str) -> str:
    """One statement for all texts: one after the other, what was changed by one might be changed by the next."""
    choice = exp.Case(this=value.copy())
    for old, new in texts.items():
        choice = choice.when(exp.Literal.string(old), exp.cast(exp.Literal.string(new), kind))
    among: Sequence[exp.Expression] = [exp.Literal.string(old) for old in texts]
    statement = exp.update(exp.to_table(table), {f'"{column}"': choice}).where(
        exp.In(this=value.copy(), expressions=among)
    )
    return rendered(client, statement)


def _literal(text: str) -> str:
    return exp.Literal.string(text).sql(dialect="postgres")

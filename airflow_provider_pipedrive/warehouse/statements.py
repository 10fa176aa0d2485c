"""SQL around dlt: counts, an index, and the view of the latest versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.warehouse.entity_load import DELETED, VERSION, EntityLoad

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.parts import Table


def count_rows(client: Any, table: str) -> int:
    """The rows of a table."""
    [(number,)] = client.execute_sql(f"SELECT COUNT(*) FROM {client.make_qualified_table_name(table)}")
    return int(number)


def key_index(client: Any, load: EntityLoad, table: Table) -> str:
    """An index of the records' keys, which merges look for."""
    keys = [key if key in table.columns else f"parent_{key}" for key in load.key]
    columns = ", ".join(map(client.escape_column_name, keys))
    name = client.escape_column_name(f"{table.name[:50]}__by_key")
    return f"CREATE INDEX IF NOT EXISTS {name} ON {client.make_qualified_table_name(table.name)} ({columns})"


def latest_view(client: Any, load: EntityLoad, table: Table) -> str:
    """A view of the latest version of each record, where the table has all of them."""
    escape = client.escape_column_name
    columns = ", ".join(escape(name) for name in table.columns if name not in (DELETED, VERSION))
    keys = ", ".join(map(escape, load.key))
    rank = f"ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {escape(VERSION)} DESC)"
    return (
        f"CREATE OR REPLACE VIEW {client.make_qualified_table_name(f'{table.name}__latest')} AS SELECT {columns} FROM "
        f"(SELECT *, {rank} AS _rank FROM {client.make_qualified_table_name(table.name)}) AS _versions "
        f"WHERE _rank = 1 AND {escape(DELETED)} IS NULL"
    )

"""dlt's pipelines, one an entity: what they load, and what they remember."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.parts import Prepared, Table

PIPELINE = "pipedrive_"
"""How dlt's pipelines are called, before the entity's name."""
MEMORY_MB = 64
"""What DuckDB may use of memory where rows are of the usual size."""
_USUAL_COLUMNS, _COLUMN_MB = 60, 1
"""A merge has a block of 256 KB of each column open, several times: 50,000 rows of 150 columns took 128 MB, of 300
columns over 192 MB."""
_VECTORS = 4
_VECTOR_ROWS = 2048
"""DuckDB handles so many rows at once, and a merge holds a few such vectors.
https://duckdb.org/docs/stable/internals/vector"""


def table_resource(
    table: Table,
    load_state: Mapping[str, Any] | None = None,
    entity: str = "",
    *,
    write_disposition: Any,
    primary_key: Sequence[str] = (),
    merge_key: Sequence[str] = (),
    hard_delete: str | None = None,
) -> Any:
    """dlt's resource of a table: its file as it is."""
    import dlt
    import pyarrow.parquet as pq
    from dlt.extract.extractors import with_file_import

    def rows() -> Iterator[Any]:
        if load_state is not None:
            dlt.current.resource_state(entity)["load_state"] = dict(load_state)
        if table.rows:
            yield with_file_import(str(table.path), "parquet", table.rows)
        else:
            # As CSV an empty file is none, and what it is to replace would stay. Without any item the table would
            # be given columns of dlt's own, which later files don't fill.
            yield pq.read_table(table.path)

    columns: Any = {
        name: {
            "name": name,
            "data_type": kind,
            # Said of keys too: a Parquet file whose columns may be null is not rewritten then.
            "nullable": True,
            "primary_key": name in primary_key,
            "merge_key": name in merge_key,
            "hard_delete": name == hard_delete,
        }
        for name, kind in table.columns.items()
    }
    return dlt.resource(rows, name=table.name, columns=columns, write_disposition=write_disposition)


def read_load_states(pipeline: Any) -> dict[str, dict[str, Any]]:
    """What is remembered of each entity: dlt counts only what belongs to a load package that is complete."""
    from dlt.common.destination.exceptions import DestinationUndefinedEntity
    from dlt.pipeline.state_sync import load_pipeline_state_from_destination

    found: dict[str, dict[str, Any]] = {}
    with pipeline.destination_client() as client:
        table = client.sql_client.make_qualified_table_name(client.schema.state_table_name)
        column = client.sql_client.escape_column_name("pipeline_name")
        try:
            rows = client.sql_client.execute_sql(f"SELECT DISTINCT {column} FROM {table}") or ()
        except DestinationUndefinedEntity:
            return found
        for (name,) in rows:
            entity = str(name).removeprefix(PIPELINE)
            state = load_pipeline_state_from_destination(str(name), client) if entity != str(name) else None
            for source in ((state or {}).get("sources") or {}).values():
                load_state = source.get("resources", {}).get(entity, {}).get("load_state")
                if load_state is not None:
                    found[entity] = dict(load_state)
    return found


def present_tables(pipeline: Any) -> dict[str, dict[str, str]]:
    """The tables that were loaded before: dlt's type by column."""
    if pipeline.default_schema_name is None:
        return {}
    return {
        name: {column: str(known["data_type"]) for column, known in table["columns"].items() if "data_type" in known}
        for name, table in pipeline.default_schema.tables.items()
        if not name.startswith("_dlt")
    }


def memory_mb(ready: Prepared) -> int:
    """What DuckDB needs: more where rows are long, such as notes with pictures in them."""
    vector = max(table.widest * min(table.rows, _VECTOR_ROWS) for table in ready.tables)
    columns = max(len(table.columns) for table in ready.tables)
    return MEMORY_MB + max(0, columns - _USUAL_COLUMNS) * _COLUMN_MB + _VECTORS * vector // 1024**2


def is_postgres(pipeline: Any) -> bool:
    """Whether the destination is Postgres."""
    return str(pipeline.destination.destination_type).endswith(".postgres")

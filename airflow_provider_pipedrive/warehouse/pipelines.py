"""dlt's pipelines, one an entity: what they load, and what they remember."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.parts import Table

PIPELINE = "pipedrive_"
"""How dlt's pipelines are called, before the entity's name."""


def look_up_once(destination: Any) -> Any:
    """A destination of dlt's that looks up its settings once for each question.

    It is asked some forty times a load, always the same few questions, and looks into environment and files for each
    setting each time. What it can do does not depend on what else is asked.
    """
    look_up = destination.configuration
    found: list[tuple[Any, Any]] = []

    def configuration(initial_config: Any, accept_partial: bool = False) -> Any:
        asked = None if accept_partial else (type(initial_config), dict(initial_config or {}))
        for earlier, config in found:
            if earlier == asked:
                return config
        config = look_up(initial_config, accept_partial=accept_partial)
        found.append((asked, config))
        return config

    destination.configuration = configuration
    return destination


def adapt_clients(pipeline: Any, adapt: Callable[[Any], None]) -> None:
    """Change each client of a pipeline's destination when dlt makes it."""
    destination = pipeline.destination
    make = destination.client

    def client(*arguments: Any, **named: Any) -> Any:
        made = make(*arguments, **named)
        adapt(made)
        return made

    destination.client = client


def exchange_jobs(client: Any, exchange: Callable[[Any, str, Any], Any]) -> None:
    """Let a client run other jobs than dlt's.

    :param exchange: makes the job that is run of a table, the path of a file, and dlt's job for it
    """
    create = client.create_load_job

    def create_load_job(table: Any, file_path: str, *others: Any, **further: Any) -> Any:
        return exchange(table, file_path, create(table, file_path, *others, **further))

    client.create_load_job = create_load_job


def table_resource(
    table: Table,
    load_state: Mapping[str, Any] | None = None,
    entity: str = "",
    *,
    write_disposition: Any,
    primary_key: Sequence[str] = (),
    merge_key: Sequence[str] = (),
    hard_delete: str | None = None,
    table_format: Any = None,
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
    hints = {"write_disposition": write_disposition, "table_format": table_format}
    return dlt.resource(rows, name=table.name, columns=columns, **hints)


def read_load_states(pipeline: Any, names_in: Callable[[Any], Iterable[str]]) -> dict[str, dict[str, Any]]:
    """What is remembered of each entity: dlt counts only what belongs to a load package that is complete.

    :param names_in: finds the names of the dataset's pipelines by a client of dlt's
    """
    from dlt.common.destination.exceptions import DestinationUndefinedEntity
    from dlt.pipeline.state_sync import load_pipeline_state_from_destination

    found: dict[str, dict[str, Any]] = {}
    with pipeline.destination_client() as client:
        try:
            names = list(names_in(client))
        except DestinationUndefinedEntity:
            return found
        for name in names:
            entity = name.removeprefix(PIPELINE)
            state = load_pipeline_state_from_destination(name, client) if entity != name else None
            for source in ((state or {}).get("sources") or {}).values():
                load_state = source.get("resources", {}).get(entity, {}).get("load_state")
                if load_state is not None:
                    found[entity] = dict(load_state)
    return found


def names_in_table(client: Any) -> list[str]:
    """The names of the pipelines that a database has the state of."""
    table = client.sql_client.make_qualified_table_name(client.schema.state_table_name)
    column = client.sql_client.escape_column_name("pipeline_name")
    return [str(name) for (name,) in client.sql_client.execute_sql(f"SELECT DISTINCT {column} FROM {table}") or ()]  # nosec B608 # names are escaped


def present_tables(pipeline: Any) -> dict[str, dict[str, str]]:
    """The tables that were loaded before: dlt's type by column."""
    if pipeline.default_schema_name is None:
        return {}
    return {
        name: {column: str(known["data_type"]) for column, known in table["columns"].items() if "data_type" in known}
        for name, table in pipeline.default_schema.tables.items()
        if not name.startswith("_dlt")
    }

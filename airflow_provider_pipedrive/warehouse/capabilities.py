"""What a destination can do, asked before anything is read: what dlt says of it, what trials found, and our rights."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from airflow_provider_pipedrive.errors import PipedriveParameterError

log = logging.getLogger(__name__)
TRIED: Final = {
    "duckdb": "DuckDB ('duckdb:///path/to/crm.duckdb')",
    "postgres": "Postgres ('postgres')",
    "mysql": "MariaDB ('sqlalchemy', whose credentials have drivername='mysql+pymysql')",
    "delta": "Delta tables ('filesystem' with table_format='delta')",
}
"""Destinations that have passed every trial, each value right after every load: see docs/warehouse.md."""
TRANSACTIONAL: Final = frozenset(
    {"duckdb", "motherduck", "ducklake", "postgres", "redshift", "snowflake", "mssql", "bigquery", "mysql", "sqlite"}
)
"""Destinations whose clients in dlt begin and roll back transactions. Those of the others do nothing of the kind."""
_SCRATCH: Final = "pipedrive_scratch_"


def kind_of(pipeline: Any) -> str:
    """The destination's type in dlt; where that is SQLAlchemy, the database behind it: ``mysql`` for MariaDB too."""
    kind = str(pipeline.destination.destination_type).rpartition(".")[2]
    if kind != "sqlalchemy":
        return kind
    return str(pipeline.sql_client().capabilities.sqlglot_dialect)


def is_transactional(pipeline: Any) -> bool:
    """Whether several statements can be committed together."""
    return kind_of(pipeline) in TRANSACTIONAL


def check_capabilities(pipeline: Any, *, untried: bool) -> None:
    """Refuse a destination that cannot keep what is promised of a load, or of which nobody knows whether it does.

    :param untried: a destination that has not been tried will do
    :raises PipedriveParameterError: it is refused; the message lists those that will do
    """
    from dlt.common.destination.exceptions import SqlClientNotAvailable

    name = pipeline.destination.destination_name
    able = pipeline.destination_client().capabilities
    try:
        pipeline.sql_client()
    except SqlClientNotAvailable:
        raise _refused(f"The destination {name} knows no SQL, and cannot hold a warehouse.") from None
    if "delete-insert" not in _of_tables(able.merge_strategies_selector, able.supported_merge_strategies):
        raise _refused(f"The destination {name} cannot merge rows into a table: each load would double them.")
    if "insert-from-staging" not in _of_tables(able.replace_strategies_selector, able.supported_replace_strategies):
        raise _refused(f"The destination {name} cannot replace a table's rows in one step.")
    kind = kind_of(pipeline)
    if kind in TRIED:
        return
    lacking = (
        "" if kind in TRANSACTIONAL else " It has no transactions in dlt: a load that fails may leave rows missing."
    )
    if not untried:
        raise _refused(
            f"The destination {name} ({kind}) has not been tried.{lacking} Set untried=True to load into it all the "
            "same."
        )
    log.warning("The destination %s (%s) has not been tried.%s", name, kind, lacking)


def _of_tables(selector: Any, strategies: Any) -> Any:
    """The strategies that a destination has for tables of its usual format."""
    return selector(strategies or [], table_schema={"name": "any"}) if selector else strategies or []


def _refused(why: str) -> PipedriveParameterError:
    return PipedriveParameterError(
        f"{why} Known to hold what is promised: {', '.join(TRIED.values())}; see docs/warehouse.md. For files use "
        "PipedriveToObjectStorageOperator."
    )


def check_rights(client: Any) -> None:
    """Create a small table in the dataset and in dlt's staging dataset, write to it, and remove it.

    :param client: dlt's, connected
    :raises Exception: the driver's error: a right is missing
    """
    for name in (client.dataset_name, client.staging_dataset_name):
        with client.with_alternative_dataset_name(name):
            if not client.has_dataset():
                client.create_dataset()
            with _scratch_table(client) as table:
                client.execute_sql(f"INSERT INTO {table} VALUES (1, 0)")  # nosec B608 # a table of ours
                client.execute_sql(f"UPDATE {table} SET number = 1 WHERE id = 1")  # nosec B608 # a table of ours
                client.execute_sql(f"DELETE FROM {table} WHERE id = 1")  # nosec B608 # a table of ours


@contextmanager
def _scratch_table(client: Any) -> Iterator[str]:
    """A table of a name that no other task uses meanwhile."""
    table = client.make_qualified_table_name(f"{_SCRATCH}{uuid4().hex[:12]}")
    client.execute_sql(f"CREATE TABLE {table} (id INTEGER, number INTEGER)")
    try:
        yield table
    finally:
        client.execute_sql(f"DROP TABLE {table}")

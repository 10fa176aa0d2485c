"""What a destination can do, asked before anything is read: what dlt says of it, what trials found, and our rights."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import uuid4

from airflow_provider_pipedrive.errors import PipedriveParameterError

log = logging.getLogger(__name__)
_SCRATCH: Final = "pipedrive_scratch_"


@dataclass(frozen=True)
class Abilities:
    """What a kind of destination does, beyond what dlt says of it.

    :ivar title: how it is named to those who look for one; only where it has passed every trial, each value right after
        every load: see docs/warehouse.md
    :ivar transactional: whether dlt's client begins transactions and rolls them back: that of others does nothing of
        the kind
    :ivar changes_rows: whether fields and options are changed in place, by the statements of
        :mod:`airflow_provider_pipedrive.warehouse.definitions`
    :ivar comments: whether tables and columns have comments, which can be read back
    :ivar indexes: whether a merge looks for keys by an index
    :ivar statistics: whether a merge needs to be told how large a table is
    :ivar reads_files: whether a merge reads the Parquet files of a load where they are, as DuckDB can
    :ivar staged_as: the format of the files that it takes rows from
    """

    title: str = ""
    transactional: bool = False
    changes_rows: bool = False
    comments: bool = False
    indexes: bool = False
    statistics: bool = False
    reads_files: bool = False
    staged_as: Literal["parquet", "csv"] = "parquet"


_KINDS: Final[Mapping[str, Abilities]] = {
    "duckdb": Abilities(
        "DuckDB ('duckdb:///path/to/crm.duckdb')",
        transactional=True,
        changes_rows=True,
        comments=True,
        reads_files=True,
    ),
    "postgres": Abilities(
        "Postgres ('postgres')",
        transactional=True,
        changes_rows=True,
        comments=True,
        indexes=True,
        statistics=True,
        # It takes Parquet only by a further driver, and CSV as fast.
        staged_as="csv",
    ),
    "mysql": Abilities(
        "MariaDB ('sqlalchemy', whose credentials have drivername='mysql+pymysql')", transactional=True, indexes=True
    ),
    "ducklake": Abilities(
        "DuckLake ('ducklake', with its catalog in a DuckDB file)",
        transactional=True,
        changes_rows=True,
        comments=True,
        reads_files=True,
    ),
    "delta": Abilities("Delta tables ('filesystem' with table_format='delta')"),
    "iceberg": Abilities("Iceberg tables ('filesystem' with table_format='iceberg')"),
    **dict.fromkeys(
        ("motherduck", "redshift", "snowflake", "mssql", "bigquery", "sqlite"),
        Abilities(transactional=True),
    ),
}
"""By kind, for several share a dialect: MotherDuck and DuckLake speak DuckDB's. Nothing is known of the others."""
TRIED: Final = tuple(abilities.title for abilities in _KINDS.values() if abilities.title)


def kind_of(pipeline: Any) -> str:
    """The destination's type in dlt; where that is SQLAlchemy, the database behind it: ``mysql`` for MariaDB too."""
    kind = str(pipeline.destination.destination_type).rpartition(".")[2]
    if kind != "sqlalchemy":
        return kind
    return str(pipeline.sql_client().capabilities.sqlglot_dialect)


def abilities_of(pipeline: Any) -> Abilities:
    """What the destination of a pipeline of dlt's does."""
    return _KINDS.get(kind_of(pipeline), Abilities())


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
    kind, abilities = kind_of(pipeline), abilities_of(pipeline)
    if abilities.title:
        return
    lacking = (
        "" if abilities.transactional else " It has no transactions in dlt: a load that fails may leave rows missing."
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
        f"{why} Known to hold what is promised: {', '.join(TRIED)}; see docs/warehouse.md. For files use "
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

"""SQL around dlt: moments, counts, locks, an index, and the view of the latest versions."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.errors import PipedriveWarehouseError
from airflow_provider_pipedrive.warehouse.capabilities import kind_of
from airflow_provider_pipedrive.warehouse.entity_load import DELETED, VERSION, EntityLoad
from airflow_provider_pipedrive.warehouse.rendering import dialect_of, rendered

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.parts import Table

_MYSQL: Final = "mysql"
_MYSQL_PREFIX: Final = 64
"""MySQL indexes only the beginning of a text. The longest key is an id of 36 characters.
https://mariadb.com/kb/en/create-index/#index-prefix"""


def quoted(name: str) -> str:
    """A name in a statement that is to be rendered."""
    return '"' + name.replace('"', '""') + '"'


def sql_moment(client: Any, moment: datetime) -> str:
    """A moment, as the destination's columns have it: some have no time zone, and hold UTC."""
    moment = moment.astimezone(UTC)
    if client.capabilities.supports_tz_aware_datetime:
        return f"CAST('{moment.isoformat(timespec='microseconds')}' AS TIMESTAMP WITH TIME ZONE)"
    return f"CAST('{moment.replace(tzinfo=None).isoformat(' ', timespec='microseconds')}' AS TIMESTAMP(6))"


def count_rows(client: Any, table: str) -> int:
    """The rows of a table."""
    [(number,)] = client.execute_sql(f"SELECT COUNT(*) FROM {client.make_qualified_table_name(table)}")  # nosec B608 # the name is escaped
    return int(number)


def look_at_keys(client: Any, load: EntityLoad, table: Table) -> None:
    """Let Postgres look at the keys of a table, and at how large it is. All columns would take ten times as long.

    A table that it looked at while a load was under way is empty to it, and a merge would compare each row with each:
    seven minutes in place of a second for 50,000.
    """
    columns = ", ".join(map(client.escape_column_name, _key_columns(load, table)))
    client.execute_sql(f"ANALYZE {client.make_qualified_table_name(table.name)} ({columns})")


def _key_columns(load: EntityLoad, table: Table) -> list[str]:
    """The columns of a table that say whose its rows are."""
    return [key if key in table.columns else f"parent_{key}" for key in load.key]


def create_key_index(client: Any, load: EntityLoad, table: Table) -> None:
    """Create an index of the records' keys, which merges look for, if there is none."""
    keys = _key_columns(load, table)
    name, place = f"{table.name[:50]}__by_key", client.make_qualified_table_name(table.name)
    escape = client.escape_column_name
    if dialect_of(client) != _MYSQL:
        columns = ", ".join(map(escape, keys))
        client.execute_sql(f"CREATE INDEX IF NOT EXISTS {escape(name)} ON {place} ({columns})")
        return
    query = "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = %s AND index_name = %s"
    if client.execute_sql(query, client.dataset_name, name)[0][0]:
        return
    columns = ", ".join(escape(key) + (f"({_MYSQL_PREFIX})" if table.columns[key] == "text" else "") for key in keys)
    client.execute_sql(f"CREATE INDEX {escape(name)} ON {place} ({columns})")


@contextmanager
def only_load(pipeline: Any, entity: str) -> Iterator[None]:
    """The only load of an entity into the dataset: two would share dlt's staging tables.

    Where nothing is known that keeps others out, the rows that are staged are counted before they are merged.

    :raises PipedriveWarehouseError: another load is under way, and does not end
    """
    lock = _LOCKS.get(kind_of(pipeline))
    with lock(pipeline, entity) if lock else nullcontext():
        yield


@contextmanager
def _by_connection(pipeline: Any, _entity: str) -> Iterator[None]:
    """An open connection holds a DuckDB file."""
    with pipeline.sql_client():
        yield


@contextmanager
def _by_folder(pipeline: Any, _entity: str) -> Iterator[None]:
    """A DuckLake whose catalog is a file is held by the file's folder.

    One process at a time can have such a catalog open, and it only once: dlt opens and closes it many times a load.
    """
    catalog = pipeline.sql_client().credentials.catalog
    if catalog.drivername not in ("duckdb", "sqlite"):
        yield
        return
    folder = os.open(Path(catalog.database).absolute().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # given back when it is closed, by a killed process too
        yield
    finally:
        os.close(folder)


@contextmanager
def _by_advisory_lock(pipeline: Any, entity: str) -> Iterator[None]:
    with pipeline.sql_client() as client:
        client.execute_sql("SET lock_timeout = '10min'")
        client.execute_sql("SELECT pg_advisory_lock(hashtext(%s), hashtext(%s))", client.dataset_name, entity)
        yield


@contextmanager
def _by_named_lock(pipeline: Any, entity: str) -> Iterator[None]:
    with pipeline.sql_client() as client:
        # Names have 64 characters at most: https://mariadb.com/kb/en/get_lock/
        place = hashlib.sha256(f"{client.dataset_name} {entity}".encode()).hexdigest()[:32]
        if client.execute_sql("SELECT GET_LOCK(%s, 600)", f"pipedrive {place}") != [(1,)]:
            raise PipedriveWarehouseError(
                f"Another load of {entity} into dataset {client.dataset_name} did not end within 10 minutes.",
                retryable=True,
            )
        yield


_LOCKS: Final[Mapping[str, Callable[[Any, str], AbstractContextManager[None]]]] = {
    "duckdb": _by_connection,
    "ducklake": _by_folder,
    "postgres": _by_advisory_lock,
    _MYSQL: _by_named_lock,
}
"""What keeps other loads out, by kind of destination; it ends with the process."""


def latest_view(client: Any, load: EntityLoad, table: Table) -> str:
    """A view of the latest version of each record, where the table has all of them."""
    columns = ", ".join(quoted(name) for name in table.columns if name not in (DELETED, VERSION))
    keys = ", ".join(map(quoted, load.key))
    version, deleted = quoted(VERSION), quoted(DELETED)
    rank = f"ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {version} DESC)"
    return rendered(
        client,
        f"CREATE OR REPLACE VIEW {quoted(f'{table.name}__latest')} AS SELECT {columns} FROM "
        f"(SELECT _all.*, {rank} AS _rank FROM {quoted(table.name)} AS _all) AS _versions "
        f"WHERE _rank = 1 AND {deleted} IS NULL",  # nosec B608 # names are quoted
    )

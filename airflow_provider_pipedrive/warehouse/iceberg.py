"""A dataset of Iceberg tables, with a catalog in a database.

dlt 1.31 merges into an Iceberg table a thousand rows at a time, a commit each, and cannot remove rows: a load that
breaks off would leave a mix, and deleted records would stay. Here the rows of a load are one commit: those that it
takes the place of or removes go, and its own come. Without a catalog that outlives a process dlt takes the newest file
in a table's folder for the table: of two loads at once one would be lost in silence.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlt.destinations.impl.filesystem.filesystem import IcebergLoadFilesystemJob

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.warehouse.entity_load import DELETED
from airflow_provider_pipedrive.warehouse.lake import Lake
from airflow_provider_pipedrive.warehouse.memory import MEMORY_MB
from airflow_provider_pipedrive.warehouse.pipelines import adapt_clients, exchange_jobs

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.destination import Destination

_CATALOG = "pipedrive"
"""What the catalog is called among those of its database."""


class IcebergLake(Lake):
    """A dataset of Iceberg tables.

    :param destination: dlt's ``filesystem``, whose credentials have ``bucket_url``, and ``catalog``: the address of a
        database as SQLAlchemy takes it
    :param dataset: the folder of the tables, and their namespace in the catalog
    :raises PipedriveParameterError: an argument is wrong
    """

    table_format = "iceberg"
    title = "Iceberg tables"
    library = ("pyiceberg", "iceberg")

    def __init__(self, destination: Destination, dataset: str) -> None:
        super().__init__(destination, dataset)
        if not destination.catalog:
            raise PipedriveParameterError(
                "Iceberg tables need a catalog: the address of a database in the connection's extra, such as "
                '{"catalog": "sqlite:////data/catalog.db"} or {"catalog": "postgresql+psycopg2://user:password@host/db"}.'
            )

    def check(self) -> None:
        """Find out whether files can be written and removed there, and whether the catalog can be used.

        :raises PipedriveParameterError: something is not installed or configured
        :raises PipedriveWarehouseError: it cannot be reached, or a right is missing
        """
        import sqlalchemy

        if sqlalchemy.__version__ < "2":
            raise PipedriveParameterError(
                "The catalog of Iceberg tables needs SQLAlchemy 2, which Airflow 2.11 does not have: use Airflow 3, or "
                "table_format='delta'."
            )
        super().check()

    @contextmanager
    def _pipeline(self, entity: str, folder: Path | None = None, memory_mb: int = MEMORY_MB) -> Iterator[Any]:
        from dlt.common.libs.pyiceberg import get_sql_catalog

        with super()._pipeline(entity, folder, memory_mb) as pipeline:
            with pipeline.destination_client() as client:
                catalog = get_sql_catalog(_CATALOG, str(self.destination.catalog), client.config.credentials)
            try:
                catalog.create_namespace_if_not_exists(self.dataset)
                _use(pipeline, catalog)
                yield pipeline
            finally:
                catalog.close()

    def _rows_of(self, table: Any) -> int:
        return int(table.scan().count())

    def _batches_of(self, table: Any, columns: Sequence[str]) -> Iterator[Any]:
        yield from table.scan(selected_fields=tuple(columns)).to_arrow_batch_reader()


def _use(pipeline: Any, catalog: Any) -> None:
    """Let the clients of a pipeline's destination find tables in a catalog, and write them by :class:`OneCommit`."""

    def adapt(client: Any) -> None:
        exchange_jobs(
            client, lambda _, file, job: OneCommit(file) if isinstance(job, IcebergLoadFilesystemJob) else job
        )
        client.get_open_table_catalog = lambda *_arguments, **_named: catalog

    adapt_clients(pipeline, adapt)


class OneCommit(IcebergLoadFilesystemJob):
    """Puts the rows of a load into their table, all together or none."""

    def run(self) -> None:
        """Write them. Only a whole data file can be rewritten: the rows of each that has one of these are in memory."""
        from dlt.common.libs.pyiceberg import create_table, ensure_iceberg_compatible_arrow_data
        from pyiceberg.expressions import In

        is_in: Any = In  # type checkers take the fields of its model for its arguments
        client, name = self._job_client, self.load_table_name
        rows = ensure_iceberg_compatible_arrow_data(self.arrow_dataset.to_table())
        catalog, identifier = client.get_open_table_catalog("iceberg"), f"{client.dataset_name}.{name}"
        if not catalog.table_exists(identifier):
            create_table(catalog, identifier, client.get_open_table_location("iceberg", name), rows.schema)
        table, keys = catalog.load_table(identifier), _keys(self._load_table)
        with warnings.catch_warnings(), table.transaction() as change:
            # It warns of a load that takes no row's place.
            warnings.filterwarnings("ignore", "Delete operation did not match any records")
            with change.update_schema() as columns:
                columns.union_by_name(rows.schema)
            if self._load_table["write_disposition"] == "replace":
                change.overwrite(rows)
            elif rows.num_rows:
                near = is_in(keys[0], rows[keys[0]].unique().to_pylist())
                others = _others(table, near, rows, keys)
                change.delete(near)
                change.append(_joined(_without_deleted(rows), others))


def _keys(table: Any) -> list[str]:
    from dlt.common.schema.utils import get_columns_names_with_prop

    return get_columns_names_with_prop(table, "primary_key")


def _others(table: Any, near: Any, rows: Any, keys: Sequence[str]) -> Any:
    """The rows of a table that have the first part of a key in common with some rows, and not all of it.

    A condition of all parts for each row would take pyiceberg minutes for thousands of them.
    """
    if len(keys) == 1 or table.current_snapshot() is None:
        return None
    there = table.scan(row_filter=near).to_arrow()
    asked = rows.select(list(keys)).cast(there.select(list(keys)).schema)
    return there.join(asked, keys=list(keys), join_type="left anti")


def _joined(rows: Any, others: Any) -> Any:
    import pyarrow as pa

    if others is None:
        return rows
    return pa.concat_tables([rows, others], promote_options="permissive")


def _without_deleted(rows: Any) -> Any:
    import pyarrow.compute as pc

    return rows.filter(pc.is_null(rows[DELETED])) if DELETED in rows.column_names else rows

"""A warehouse that is a database: what dlt is told, and the SQL around it.

Why it is done this way, measured with 50,000 and 200,000 deals into DuckDB: dlt's merge strategy is ``delete-insert``,
by which DuckDB keeps on disk what does not fit its limit of memory. ``upsert``, one ``MERGE`` statement, needs all rows
in memory and fails under such a limit.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.warehouse.capabilities import abilities_of, check_capabilities, check_rights
from airflow_provider_pipedrive.warehouse.conditions import LoadConditions
from airflow_provider_pipedrive.warehouse.destination import Destination
from airflow_provider_pipedrive.warehouse.driver_errors import causes, is_out_of_memory
from airflow_provider_pipedrive.warehouse.ducklake import DUCKLAKE, connect_to, kept, new_duckdb
from airflow_provider_pipedrive.warehouse.entity_load import VERSION, EntityLoad, Lists
from airflow_provider_pipedrive.warehouse.memory import MEMORY_MB, likely_mb, limits_mb, memory_mb
from airflow_provider_pipedrive.warehouse.pipelines import names_in_table, present_tables, table_resource
from airflow_provider_pipedrive.warehouse.statements import (
    count_rows,
    create_key_index,
    latest_view,
    look_at_keys,
    only_load,
)
from airflow_provider_pipedrive.warehouse.table_store import Present, TableStore
from airflow_provider_pipedrive.warehouse.translated import translated

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.parts import Prepared

log = logging.getLogger(__name__)


class Warehouse(TableStore):
    """A dataset in a database: a schema in most of them.

    :param destination: where it is
    :param dataset: the dataset
    :param lists: what becomes of lists
    :param untried: a destination that has not been tried will do
    :raises PipedriveParameterError: an argument is wrong
    """

    def __init__(self, destination: Destination, dataset: str, lists: Lists = "json", *, untried: bool = False) -> None:
        super().__init__(destination, dataset, lists)
        if destination.file and destination.file.stem == dataset:
            raise PipedriveParameterError(
                f"dataset {dataset!r} must not be called like the DuckDB file {destination.file.name}: DuckDB could "
                "not tell them apart. Give one of them another name."
            )
        self.untried = untried
        self._lake = new_duckdb() if destination.name == DUCKLAKE else None

    @translated
    def check(self) -> None:
        """Find out whether the warehouse can be used: what it can do, and what this user may do in the dataset.

        :raises PipedriveParameterError: something is not installed or configured, or the destination cannot keep what
            is promised
        :raises PipedriveWarehouseError: it cannot be reached, or a right is missing
        """
        self.destination.check()
        with self._pipeline("check") as pipeline:
            check_capabilities(pipeline, untried=self.untried)
            with pipeline.sql_client() as client:
                check_rights(client)

    @property
    def is_changed_in_place(self) -> bool:
        """Whether what happened to fields and options can be applied to the rows that are there."""
        with self._pipeline("check") as pipeline:
            return abilities_of(pipeline).changes_rows

    def _pipeline_names(self, client: Any) -> Iterable[str]:
        return names_in_table(client)

    def _landed(self, entity: str) -> Iterator[Any]:
        with self._pipeline(entity) as pipeline:
            pipeline.sync_destination()
            present = present_tables(pipeline).get(entity)
            if not present or present.get("id") != "bigint":
                return
            with pipeline.sql_client() as client:
                wanted = [
                    client.escape_column_name(name) if name in present else "NULL"
                    for name in ("id", "stage_id", "is_archived")
                ]
                table = client.make_qualified_table_name(f"{entity}__latest" if VERSION in present else entity)
                with client.execute_query(f"SELECT {', '.join(wanted)} FROM {table}") as cursor:  # nosec B608 # names are escaped
                    while found := cursor.fetchmany(10_000):
                        yield found

    @translated
    def rows(self, entity: str) -> int:
        """How many rows an entity's table has; 0 where there is none."""
        from dlt.destinations.exceptions import DatabaseUndefinedRelation

        with self._pipeline(entity) as pipeline:
            try:
                return self._count(pipeline, entity)
            except DatabaseUndefinedRelation:
                return 0

    def _count(self, pipeline: Any, entity: str) -> int:
        with pipeline.sql_client() as client:
            return count_rows(client, entity)

    @translated
    def install_views(self) -> tuple[str, ...]:
        """Create or replace the views of :mod:`airflow_provider_pipedrive.warehouse.views` whose tables are there.

        :returns: their names
        """
        from airflow_provider_pipedrive.warehouse.views import install_views

        with self._pipeline("check") as pipeline, only_load(pipeline, "views"), pipeline.sql_client() as client:
            return install_views(client)

    @contextmanager
    def _pipeline(self, entity: str, folder: Path | None = None, memory_mb: int = MEMORY_MB) -> Iterator[Any]:
        with super()._pipeline(entity, folder, memory_mb) as pipeline:
            if not self._lake:
                yield pipeline
                return
            connect_to(self._lake, pipeline)
            with kept(self._lake):
                yield pipeline

    # ---- one load

    def _load(self, load: EntityLoad, folder: Path) -> Prepared:
        with kept(self._lake) if self._lake else nullcontext():
            limits: Sequence[int] = [likely_mb(load)]
            prepared: tuple[Prepared, Present] | None = None
            while True:
                limit = limits[0]
                try:
                    with self._only_load(load.entity, folder, limit) as pipeline:
                        if prepared is None:
                            prepared = self._prepare(pipeline, load, folder)
                            limits = self._limits_mb(limit, prepared[0])
                        else:
                            pipeline.sync_destination()
                        if limit == limits[0]:
                            self._write(pipeline, load, *prepared)
                            return prepared[0]
                except Exception as error:  # each driver has kinds of its own; only too little memory is tried again
                    if limit == limits[-1] or not is_out_of_memory(causes(error)[-1]):
                        raise
                    log.warning("%s: %d MB are not enough for DuckDB. It is given twice that.", load.entity, limit)
                    limits = limits[1:]

    @contextmanager
    def _only_load(self, entity: str, folder: Path, memory_mb: int) -> Iterator[Any]:
        """The pipeline of an entity's only load: what it finds there is what it writes into."""
        with self._pipeline(entity, folder, memory_mb) as pipeline, only_load(pipeline, entity):
            yield pipeline

    def _limits_mb(self, least: int, ready: Prepared) -> Sequence[int]:
        """How much memory to load with, one after the other."""
        return limits_mb(max(least, memory_mb(ready))) if self.destination.has_own_memory_limit else [least]

    def _write(self, pipeline: Any, load: EntityLoad, ready: Prepared, present: Present) -> None:
        self._run(pipeline, load, ready, present)
        self._finish(pipeline, load, ready)

    def _run(self, pipeline: Any, load: EntityLoad, ready: Prepared, present: Present) -> None:
        """One package of dlt's: all tables of the load and its state, which counts when all tables are written."""
        from airflow_provider_pipedrive.warehouse.definitions import apply_definitions
        from airflow_provider_pipedrive.warehouse.merging import merge_in_transactions

        load_state = self._checked_load_state(pipeline, load, ready, present)
        abilities = abilities_of(pipeline)
        if abilities.changes_rows:
            with pipeline.sql_client() as client:
                apply_definitions(pipeline, client, load, ready)
        condition = LoadConditions(load, ready, present, pipeline)
        merge_in_transactions(pipeline, condition.merges())
        resources = [table_resource(ready.main, load_state, load.entity, **condition.main())]
        resources += [table_resource(table, **condition.child()) for table in ready.children.values()]
        if ready.deleted:
            resources.append(table_resource(ready.deleted, **condition.deleted(ready.deleted)))
        if abilities.statistics:
            with pipeline.sql_client() as client:
                for table in ready.tables:
                    if table.name in present:
                        look_at_keys(client, load, table)
        pipeline.extract(resources, loader_file_format=abilities.staged_as)
        pipeline.normalize()
        pipeline.load()

    def _finish(self, pipeline: Any, load: EntityLoad, ready: Prepared) -> None:
        """What is left to do when the rows are there."""
        from airflow_provider_pipedrive.warehouse.comments import comment_on_tables

        abilities = abilities_of(pipeline)
        with pipeline.sql_client() as client:
            if abilities.indexes:
                for table in ready.tables:
                    create_key_index(client, load, table)
            if load.write == "versions":
                client.execute_sql(latest_view(client, load, ready.main))
            if abilities.comments:
                comment_on_tables(client, load, ready)

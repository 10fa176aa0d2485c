"""The warehouse itself: dlt's pipelines, one an entity, and the SQL that dlt is told.

Why it is done this way, measured with 50,000 and 200,000 deals into DuckDB:

- dlt gets finished Parquet files, never dictionaries (see :mod:`airflow_provider_pipedrive.warehouse.parts`).
- Its merge strategy is ``delete-insert``: under a memory limit DuckDB keeps on disk what does not fit. ``upsert``, one
  ``MERGE`` statement, needs all rows in memory and fails under such a limit.
- dlt keeps its state and schema in the warehouse and its working folder in a temporary one: any worker can go on.
- Each entity has a pipeline of its own: mapped tasks that load different entities don't meet.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveWarehouseError
from airflow_provider_pipedrive.warehouse.capabilities import check_capabilities, check_rights, kind_of
from airflow_provider_pipedrive.warehouse.conditions import LoadConditions
from airflow_provider_pipedrive.warehouse.destination import Destination, check_dataset, dlt_settings
from airflow_provider_pipedrive.warehouse.driver_errors import causes, is_out_of_memory
from airflow_provider_pipedrive.warehouse.entity_load import VERSION, EntityLoad, Lists, Loaded
from airflow_provider_pipedrive.warehouse.memory import MEMORY_MB, limits_mb, memory_mb
from airflow_provider_pipedrive.warehouse.pipelines import (
    PIPELINE,
    names_in_table,
    present_tables,
    read_load_states,
    table_resource,
)
from airflow_provider_pipedrive.warehouse.statements import count_rows, create_key_index, latest_view, only_load
from airflow_provider_pipedrive.warehouse.translated import translated, without_rows_in_logs

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.parts import Prepared

log = logging.getLogger(__name__)


class Warehouse:
    """A dataset in a warehouse.

    :param destination: where it is
    :param dataset: the dataset: a schema in most databases
    :param lists: what becomes of lists
    :param untried: a destination that has not been tried will do
    :raises PipedriveParameterError: an argument is wrong
    """

    def __init__(self, destination: Destination, dataset: str, lists: Lists = "json", *, untried: bool = False) -> None:
        check_dataset(dataset)
        if lists not in ("json", "child_tables"):
            raise PipedriveParameterError(f"lists must be 'json' or 'child_tables', not {lists!r}.")
        if destination.file and destination.file.stem == dataset:
            raise PipedriveParameterError(
                f"dataset {dataset!r} must not be called like the DuckDB file {destination.file.name}: DuckDB could "
                "not tell them apart. Give one of them another name."
            )
        self.destination = destination
        self.dataset = dataset
        self.lists = lists
        self.untried = untried
        self.names: set[str] = set()

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
        from airflow_provider_pipedrive.warehouse.definitions import is_changed_in_place

        with self._pipeline("check") as pipeline:
            return is_changed_in_place(pipeline.destination.capabilities())

    def load_state(self, entity: str) -> dict[str, Any] | None:
        """What the last load of the entity wanted to be remembered; None where there was none."""
        return self.load_states().get(entity)

    @translated
    def load_states(self) -> dict[str, dict[str, Any]]:
        """What is remembered of each entity of the dataset, by the last load package of it that is complete."""
        with self._pipeline("check") as pipeline:
            return read_load_states(pipeline, self._pipeline_names)

    def _pipeline_names(self, client: Any) -> Iterable[str]:
        return names_in_table(client)

    def landed(self, entity: str) -> Iterator[tuple[int, Any]]:
        """The numeric ids in an entity's table, but for archived records, each with its ``stage_id`` if there is one.

        Of a table of all versions, those whose last version is not a deletion.
        """
        batches = self._landed(entity)
        while (batch := self._next(batches)) is not None:
            yield from ((int(number), stage) for number, stage, archived in batch if not archived)

    @translated
    def _next(self, batches: Iterator[Any]) -> Any:
        return next(batches, None)

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

        with self._pipeline(entity) as pipeline, pipeline.sql_client() as client:
            try:
                return count_rows(client, entity)
            except DatabaseUndefinedRelation:
                return 0

    @translated
    def install_views(self) -> tuple[str, ...]:
        """Create or replace the views of :mod:`airflow_provider_pipedrive.warehouse.views` whose tables are there.

        :returns: their names
        """
        from airflow_provider_pipedrive.warehouse.views import install_views

        with (
            self._pipeline("check") as pipeline,
            pipeline.sql_client() as client,
            only_load(client, kind_of(pipeline), "views"),
        ):
            return install_views(client)

    @translated
    def load(self, load: EntityLoad, work: Path | None = None) -> Loaded:
        """Load the records of one entity.

        Done once or twice, whole or again after it broke off: the result is the same.

        :param work: the folder for what is needed meanwhile; by default one for temporary files
        :raises PipedriveParameterError: the load does not fit the warehouse, or its rows do not belong there
        :raises PipedriveWarehouseError: the warehouse did not take it
        """
        if load.write == "versions" and self.lists == "child_tables":
            raise PipedriveParameterError("write='versions' keeps lists in their rows: it takes lists='json' only.")
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="pipedrive-warehouse-", dir=work) as name:
            ready = self._load(load, Path(name))
        for note in ready.notes:
            log.warning("%s", note)
        loaded = Loaded(
            entity=load.entity,
            rows=ready.main.rows,
            superseded=ready.superseded,
            tombstones=ready.deleted.rows if ready.deleted else 0,
            tables=tuple(table.name for table in ready.tables),
            new_columns=ready.main.new,
            notes=ready.notes,
            seconds=round(time.monotonic() - began, 3),
        )
        log.info(
            "%s: %s and %s loaded into dataset %s of %s, %.1f s",
            load.entity, counted(loaded.rows, "row"), counted(loaded.tombstones, "deletion"), self.dataset,
            self.destination.name, loaded.seconds,
        )  # fmt: skip
        return loaded

    # ---- dlt

    def _load(self, load: EntityLoad, folder: Path) -> Prepared:
        from airflow_provider_pipedrive.warehouse.definitions import with_new_names
        from airflow_provider_pipedrive.warehouse.parts import prepare

        with self._pipeline(load.entity, folder) as pipeline:
            pipeline.sync_destination()
            present = with_new_names(present_tables(pipeline), load)
        ready = prepare(load, folder, self.lists, present)
        self.names = {name for table in ready.tables for name in (table.name, *table.columns)}
        needed = memory_mb(ready)
        limits = limits_mb(needed) if self.destination.has_own_memory_limit else [needed]
        for limit in limits:
            try:
                self._load_once(load, folder, ready, present, limit)
            except Exception as error:  # each driver has kinds of its own; only too little memory is tried again
                if limit == limits[-1] or not is_out_of_memory(causes(error)[-1]):
                    raise
                log.warning("%s: %d MB are not enough for DuckDB. It is given twice that.", load.entity, limit)
            else:
                return ready
        raise AssertionError("limits_mb has no limit")

    def _load_once(
        self, load: EntityLoad, folder: Path, ready: Prepared, present: Mapping[str, Mapping[str, str]], memory_mb: int
    ) -> None:
        with self._pipeline(load.entity, folder, memory_mb) as pipeline, pipeline.sql_client() as client:
            kind = kind_of(pipeline)
            with only_load(client, kind, load.entity):
                self._run(pipeline, kind, load, ready, present)
                self._finish(pipeline, kind, load, ready)

    @contextmanager
    def _pipeline(self, entity: str, folder: Path | None = None, memory_mb: int = MEMORY_MB) -> Iterator[Any]:
        """dlt's pipeline of an entity."""
        with (
            dlt_settings(),
            tempfile.TemporaryDirectory(prefix="pipedrive-dlt-", dir=folder) as work,
            without_rows_in_logs(),
        ):
            import dlt

            pipeline = dlt.pipeline(
                f"{PIPELINE}{entity}",
                pipelines_dir=work,
                destination=self.destination.build(memory_mb),
                dataset_name=self.dataset,
            )
            try:
                yield pipeline
            finally:
                if pipeline.is_active:
                    pipeline.deactivate()

    def _run(
        self, pipeline: Any, kind: str, load: EntityLoad, ready: Prepared, present: Mapping[str, Mapping[str, str]]
    ) -> None:
        """One package of dlt's: all tables of the load and its state, which counts when all tables are written."""
        from airflow_provider_pipedrive.warehouse.definitions import apply_definitions
        from airflow_provider_pipedrive.warehouse.merging import merge_in_transactions

        pipeline.sync_destination()
        load_state = self._checked_load_state(pipeline, load, ready, present)
        with pipeline.sql_client() as client:
            apply_definitions(pipeline, client, load, ready)
        # Postgres takes Parquet only by a further driver. CSV it copies as fast.
        file_format = "csv" if kind == "postgres" else "parquet"
        condition = LoadConditions(load, ready, present, pipeline)
        merge_in_transactions(pipeline, condition.merges())
        resources = [table_resource(ready.main, load_state, load.entity, **condition.main())]
        resources += [table_resource(table, **condition.child()) for table in ready.children.values()]
        if ready.deleted:
            resources.append(table_resource(ready.deleted, **condition.deleted(ready.deleted)))
        if kind == "postgres":
            with pipeline.sql_client() as client:
                for table in ready.tables:
                    # A table that Postgres looked at while a load was under way is empty to it, and a merge would
                    # compare each row with each: seven minutes in place of a second for 50,000.
                    if table.name in present:
                        client.execute_sql(f"ANALYZE {client.make_qualified_table_name(table.name)}")
        pipeline.extract(resources, loader_file_format=file_format)
        pipeline.normalize()
        pipeline.load()

    def _checked_load_state(
        self, pipeline: Any, load: EntityLoad, ready: Prepared, present: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Any] | None:
        """What is to be remembered: with a scope also that, and the rows that the table has at least from then on.

        :raises PipedriveParameterError: the rows do not belong into the table
        """
        if load.scope is None:
            return None if load.load_state is None else dict(load.load_state)
        # Looked at before reading too, but another load may have been faster.
        place = f"Dataset {self.dataset}"
        load_states = read_load_states(pipeline, self._pipeline_names)
        load.scope.check(load.entity, load_states, place, confirmed=load.confirmed)
        last = (load_states.get(load.entity) or {}).get("read_at")
        if load.is_whole and last and datetime.fromisoformat(last) > load.read_at:
            raise PipedriveWarehouseError(
                f"{load.entity} was read whole at {load.read_at.isoformat()}, and what another run read at "
                f"{last} has been loaded since: nothing was loaded over it. Another try reads again.",
                retryable=True,
            )
        least = ready.main.rows
        if not load.is_whole:
            there = self._count(pipeline, load.entity) if load.entity in present else 0
            least = max(0, there - (ready.deleted.rows if ready.deleted else 0))
        return {**(load.load_state or {}), "scope": load.scope.to_json(), "rows_at_least": least}

    def _count(self, pipeline: Any, entity: str) -> int:
        with pipeline.sql_client() as client:
            return count_rows(client, entity)

    def _finish(self, pipeline: Any, kind: str, load: EntityLoad, ready: Prepared) -> None:
        """What is left to do when the rows are there."""
        from airflow_provider_pipedrive.warehouse.comments import comment_on_tables

        with pipeline.sql_client() as client:
            if kind in ("postgres", "mysql"):
                for table in ready.tables:
                    create_key_index(client, load, table)
            if load.write == "versions":
                client.execute_sql(latest_view(client, load, ready.main))
            comment_on_tables(client, load, ready)

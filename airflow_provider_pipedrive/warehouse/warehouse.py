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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.redaction import Redactor
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError, PipedriveWarehouseError
from airflow_provider_pipedrive.warehouse.destination import (
    Destination,
    check_dataset,
    dlt_settings,
)
from airflow_provider_pipedrive.warehouse.entity_load import (
    DELETED,
    PARENT_UPDATED,
    VERSION,
    EntityLoad,
    Lists,
    Loaded,
)

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.merging import Merge
    from airflow_provider_pipedrive.warehouse.parts import Prepared, Table

log = logging.getLogger(__name__)

_PIPELINE = "pipedrive_"
"""How dlt's pipelines are called, before the entity's name."""
_MEMORY_MB = 64
"""What DuckDB may use of memory where rows are of the usual size."""
_USUAL_COLUMNS, _COLUMN_MB = 60, 1
"""A merge has a block of 256 KB of each column open, several times: 50,000 rows of 150 columns took 128 MB, of 300
columns over 192 MB."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_VECTORS = 4
_VECTOR_ROWS = 2048
"""DuckDB handles so many rows at once, and a merge holds a few such vectors.
https://duckdb.org/docs/stable/internals/vector"""


class Warehouse:
    """A dataset in a warehouse.

    :param destination: where it is
    :param dataset: the dataset: a schema in most databases
    :param lists: what becomes of lists
    :raises PipedriveParameterError: an argument is wrong
    """

    def __init__(self, destination: Destination, dataset: str, lists: Lists = "json") -> None:
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
        self._redact = Redactor(destination.secrets())

    def check(self) -> None:
        """Find out whether the warehouse can be used.

        :raises PipedriveParameterError: something is not installed or configured
        :raises PipedriveWarehouseError: it cannot be reached
        """
        self.destination.check()
        with self._pipeline("check") as pipeline, self._sql(pipeline) as client:
            client.execute_sql("SELECT 1")

    def load_state(self, entity: str) -> dict[str, Any] | None:
        """What the last load of the entity wanted to be remembered; None where there was none."""
        return self.load_states().get(entity)

    def load_states(self) -> dict[str, dict[str, Any]]:
        """What is remembered of each entity of the dataset, by the last load package of it that is complete."""
        with self._pipeline("check") as pipeline:
            return _load_states(pipeline)

    def landed(self, entity: str) -> Iterator[tuple[int, Any]]:
        """The numeric ids in an entity's table, but for archived records, each with its ``stage_id`` if there is one.

        Of a table of all versions, those whose last version is not a deletion.
        """
        with self._pipeline(entity) as pipeline:
            pipeline.sync_destination()
            present = _present(pipeline).get(entity)
            if not present or present.get("id") != "bigint":
                return
            with self._sql(pipeline) as client:
                wanted = [
                    client.escape_column_name(name) if name in present else "NULL"
                    for name in ("id", "stage_id", "is_archived")
                ]
                table = client.make_qualified_table_name(f"{entity}__latest" if VERSION in present else entity)
                with client.execute_query(f"SELECT {', '.join(wanted)} FROM {table}") as cursor:
                    while found := cursor.fetchmany(10_000):
                        yield from ((int(number), stage) for number, stage, archived in found if not archived)

    def rows(self, entity: str) -> int:
        """How many rows an entity's table has; 0 where there is none."""
        from dlt.destinations.exceptions import DatabaseUndefinedRelation

        with self._pipeline(entity) as pipeline, self._sql(pipeline) as client:
            try:
                return _count(client, entity)
            except DatabaseUndefinedRelation:
                return 0

    def load(self, load: EntityLoad, work: Path | None = None) -> Loaded:
        """Load the records of one entity.

        Done once or twice, whole or again after it broke off: the result is the same.

        :param work: the folder for what is needed meanwhile; by default one for temporary files
        :raises PipedriveParameterError: the load does not fit the warehouse, or its rows do not belong there
        :raises PipedriveWarehouseError: the warehouse did not take it
        """
        if load.write == "versions" and self.lists == "child_tables":
            raise PipedriveParameterError("write='versions' keeps lists in their rows: it takes lists='json' only.")
        from airflow_provider_pipedrive.warehouse.parts import prepare

        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="pipedrive-warehouse-", dir=work) as name:
            folder = Path(name)
            with self._pipeline(load.entity, folder) as pipeline:
                pipeline.sync_destination()
                present = _present(pipeline)
            ready = prepare(load, folder, self.lists, present)
            with (
                self._pipeline(load.entity, folder, _memory_mb(ready)) as pipeline,
                self._alone(pipeline, load.entity),
            ):
                self._run(pipeline, load, ready, present)
                self._finish(pipeline, load, ready)
        for note in ready.notes:
            log.warning("%s", note)
        tombstones = ready.deleted.rows if ready.deleted else 0
        loaded = Loaded(
            entity=load.entity,
            rows=ready.main.rows,
            superseded=ready.superseded,
            tombstones=tombstones,
            tables=tuple(table.name for table in ready.tables),
            new_columns=ready.main.new,
            notes=ready.notes,
            seconds=round(time.monotonic() - began, 3),
        )
        log.info(
            "%s: %s and %s into %s of %s, %.1f s",
            load.entity, counted(loaded.rows, "row"), counted(loaded.tombstones, "deletion"), self.dataset,
            self.destination.name, loaded.seconds,
        )  # fmt: skip
        return loaded

    # ---- dlt

    @contextmanager
    def _pipeline(self, entity: str, folder: Path | None = None, memory_mb: int = _MEMORY_MB) -> Iterator[Any]:
        """dlt's pipeline of an entity, and its errors as ours."""
        with (
            dlt_settings(),
            tempfile.TemporaryDirectory(prefix="pipedrive-dlt-", dir=folder) as work,
            self._translated_errors(),
        ):
            import dlt

            pipeline = dlt.pipeline(
                f"{_PIPELINE}{entity}",
                pipelines_dir=work,
                destination=self.destination.build(memory_mb),
                dataset_name=self.dataset,
            )
            try:
                yield pipeline
            finally:
                if pipeline.is_active:
                    pipeline.deactivate()

    @contextmanager
    def _sql(self, pipeline: Any) -> Iterator[Any]:
        """A connection to the warehouse."""
        from dlt.common.destination.exceptions import SqlClientNotAvailable

        try:
            client = pipeline.sql_client()
        except SqlClientNotAvailable:
            raise PipedriveParameterError(
                f"The destination {self.destination.name} knows no SQL, and cannot hold a warehouse. For files use "
                "PipedriveToObjectStorageOperator."
            ) from None
        with client:
            yield client

    @contextmanager
    def _alone(self, pipeline: Any, entity: str) -> Iterator[None]:
        """The only load of the entity into the dataset: two would share dlt's staging tables.

        An open connection holds a DuckDB file. In Postgres it holds a lock that goes with it. Elsewhere the rows that
        are staged are counted before they are merged.
        """
        with self._sql(pipeline) as client:
            if _is_postgres(pipeline):
                client.execute_sql("SET lock_timeout = '10min'")
                client.execute_sql("SELECT pg_advisory_lock(hashtext(%s), hashtext(%s))", self.dataset, entity)
            yield

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """What dlt raises, in a sentence and without secrets."""
        from dlt.common.exceptions import DltException

        try:
            yield
        except Exception as error:
            # Each driver beneath dlt has kinds of its own.
            if not isinstance(error, DltException | OSError) and not _is_of_a_driver(error):
                raise
            # Without the original, whose text may quote credentials.
            raise self._as_ours(error) from None

    def _as_ours(self, error: BaseException) -> PipedriveError:
        from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
        from dlt.common.exceptions import MissingDependencyException
        from dlt.destinations.exceptions import DatabaseTerminalException

        from airflow_provider_pipedrive.warehouse.merging import RowsLostError, StagedRowsChangedError

        innermost, chain = error, [error]
        while (cause := getattr(innermost, "exception", None) or innermost.__cause__) and cause not in chain:
            innermost = cause
            chain.append(cause)
        place = f"{self.destination.name.partition('?')[0]}, dataset {self.dataset}"
        for one in chain:
            if isinstance(one, ConfigFieldMissingException):
                return PipedriveParameterError(
                    f"The destination {self.destination.name} has no {', '.join(one.fields)}. Give "
                    "destination_conn_id, or configure dlt: https://dlthub.com/docs/general-usage/credentials."
                )
            if isinstance(one, ConfigurationException):
                # Its text may quote a whole connection string.
                return PipedriveParameterError(
                    f"The credentials of the destination {self.destination.name} cannot be read by dlt "
                    f"({type(one).__name__}). See https://dlthub.com/docs/general-usage/credentials."
                )
            if isinstance(one, MissingDependencyException):
                return PipedriveParameterError(
                    f"The destination {self.destination.name} needs more than dlt on the workers: "
                    f"pip install 'dlt[{self.destination.name}]'."
                )
        ours = isinstance(innermost, RowsLostError | StagedRowsChangedError)
        words = self._redact(str(innermost) if ours else f"{type(innermost).__name__}: {innermost}".strip())
        permanent = any(isinstance(one, DatabaseTerminalException | RowsLostError) for one in chain)
        advice = ""
        if "Could not set lock" in words and self.destination.file:
            advice = " DuckDB lets one process write: load one after the other, such as by an Airflow pool of one slot."
        elif "memory_limit" in words and self.destination.file:
            words = words.partition("\n")[0]  # further lines are DuckDB's advice, which is not for dlt's connection
            advice = " Give DuckDB more: ?memory_limit=1GB behind the destination."
        return PipedriveWarehouseError(f"Warehouse {place}: {words[:2000]}{advice}", retryable=not permanent)

    def _run(self, pipeline: Any, load: EntityLoad, ready: Prepared, present: Mapping[str, Mapping[str, str]]) -> None:
        """One package of dlt's: all tables of the load and its state, which counts when all tables are written."""
        from airflow_provider_pipedrive.warehouse.merging import merge_in_transactions

        pipeline.sync_destination()
        load_state = self._checked_load_state(pipeline, load, ready, present)
        # Postgres takes Parquet only by a further driver. CSV it copies as fast.
        file_format = "csv" if _is_postgres(pipeline) else "parquet"
        condition = _Conditions(load, ready, present, pipeline)
        merge_in_transactions(pipeline.destination, condition.merges())
        resources = [_resource(ready.main, load_state, load.entity, **condition.main())]
        resources += [_resource(table, **condition.child()) for table in ready.children.values()]
        if ready.deleted:
            resources.append(_resource(ready.deleted, **condition.deleted(ready.deleted)))
        if _is_postgres(pipeline):
            with self._sql(pipeline) as client:
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
        load_states = _load_states(pipeline)
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
            with self._sql(pipeline) as client:
                there = _count(client, load.entity) if load.entity in present else 0
            least = max(0, there - (ready.deleted.rows if ready.deleted else 0))
        return {**(load.load_state or {}), "scope": load.scope.to_json(), "rows_at_least": least}

    def _finish(self, pipeline: Any, load: EntityLoad, ready: Prepared) -> None:
        """What is left to do when the rows are there."""
        with self._sql(pipeline) as client:
            if _is_postgres(pipeline):
                for table in ready.tables:
                    client.execute_sql(_index(client, load, table))
            if load.write == "versions":
                client.execute_sql(_latest(client, load, ready.main))


def _index(client: Any, load: EntityLoad, table: Table) -> str:
    """An index of the records' keys, which merges look for."""
    keys = [key if key in table.columns else f"parent_{key}" for key in load.key]
    columns = ", ".join(map(client.escape_column_name, keys))
    name = client.escape_column_name(f"{table.name[:50]}__by_key")
    return f"CREATE INDEX IF NOT EXISTS {name} ON {client.make_qualified_table_name(table.name)} ({columns})"


def _latest(client: Any, load: EntityLoad, table: Table) -> str:
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


def _is_of_a_driver(error: Exception) -> bool:
    """What a driver raises is an ``Error`` of its module. https://peps.python.org/pep-0249/#exceptions"""
    return any(kind.__name__ == "Error" for kind in type(error).__mro__)


def _is_postgres(pipeline: Any) -> bool:
    return str(pipeline.destination.destination_type).endswith(".postgres")


class _Conditions:
    """How dlt is told which of the rows count.

    A condition is put to every row of the load, before the rows in the warehouse that have the same key are removed
    and those of the load are inserted. A column without a table is the load's there; the warehouse's own
    columns are given other names, so that none of them comes in between.
    """

    def __init__(
        self, load: EntityLoad, ready: Prepared, present: Mapping[str, Mapping[str, str]], pipeline: Any
    ) -> None:
        from airflow_provider_pipedrive.warehouse.merging import is_transactional
        from airflow_provider_pipedrive.warehouse.parts import deleted_name

        client = pipeline.sql_client()
        self._load = load
        self._ready = ready
        self._escape = client.escape_column_name
        self._qualify = client.make_qualified_table_name
        deleted = deleted_name(load.entity)
        self._deleted = deleted if ready.deleted or deleted in present else None
        # Where a script cannot be one transaction, dlt's own place for the condition keeps it to fewer statements.
        self._by_dlt = not is_transactional(pipeline.destination)

    def merges(self) -> dict[str, Merge]:
        """What the load does to each table."""
        from airflow_provider_pipedrive.warehouse.merging import Merge

        load, ready = self._load, self._ready
        if load.is_whole:
            return {table.name: Merge(table.rows, whole=True) for table in ready.tables}
        known = [(ready.main, self._of_main()), *((table, self._of_child()) for table in ready.children.values())]
        known += [(ready.deleted, self._of_deleted(ready.deleted))] if ready.deleted else []
        counts = {table.name: None if self._by_dlt else condition for table, condition in known}
        merges = {table.name: Merge(table.rows, counts=counts[table.name]) for table in ready.children.values()}
        if deleted := ready.deleted:
            merges[deleted.name] = Merge(deleted.rows, load.key, removed=0, counts=counts[deleted.name])
        keys, removed = [*load.key], ready.deleted.rows if ready.deleted else 0
        if load.write == "versions":
            keys, removed = [*keys, VERSION], 0
        return merges | {ready.main.name: Merge(ready.main.rows, keys, removed, counts=counts[ready.main.name])}

    def main(self) -> dict[str, Any]:
        """For the entity's own table."""
        load = self._load
        if load.is_whole:
            return {"write_disposition": "replace"}
        if load.write == "versions":
            return {"write_disposition": self._merge(None), "primary_key": [*load.key, VERSION]}
        return {
            "write_disposition": self._merge(self._of_main()),
            "primary_key": list(load.key),
            "hard_delete": DELETED,
        }

    def child(self) -> dict[str, Any]:
        """For the table of a list: all elements of a record are replaced together, if the record's row counts."""
        load = self._load
        if load.is_whole:
            return {"write_disposition": "replace"}
        return {
            "write_disposition": self._merge(self._of_child()),
            "merge_key": [f"parent_{key}" for key in load.key],
            "hard_delete": DELETED,
        }

    def deleted(self, table: Table) -> dict[str, Any]:
        """For the table of deleted records: of two deletions the later one counts."""
        return {
            "write_disposition": self._merge(self._of_deleted(table)),
            "primary_key": list(self._load.key),
        }

    def _merge(self, condition: str | None) -> dict[str, Any]:
        # The load has each key once: dlt need not look for more.
        known = {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
        return known | ({"source_filter": condition} if condition and self._by_dlt else {})

    def _of_main(self) -> str | None:
        if self._load.write == "versions":
            return None
        return self._counts({key: key for key in self._load.key}, self._load.updated)

    def _of_child(self) -> str | None:
        parents = {key: f"parent_{key}" for key in self._load.key}
        return self._counts(parents, PARENT_UPDATED if self._load.updated else None)

    def _of_deleted(self, table: Table) -> str:
        own = {key: key for key in self._load.key}
        return self._none_in(table.name, own, "deleted_at", f"> {self._escape('deleted_at')}")

    def _counts(self, keys: Mapping[str, str], updated: str | None) -> str | None:
        """A row counts unless the warehouse has a later version, or knows of a deletion after the row was read.

        :param keys: the load's columns by the warehouse's
        :param updated: the load's column with the time of the last update; no time is earlier than any
        """
        conditions = []
        if self._load.updated and updated:
            known = f"COALESCE({self._escape(updated)}, {_moment(_LONG_AGO)})"
            conditions.append(self._none_in(self._load.entity, keys, self._load.updated, f"> {known}"))
        else:
            known = _moment(_LONG_AGO)
        if self._deleted:
            # What was edited after its deletion was brought back, whatever the clock of the reader says.
            later = f"> {_moment(self._load.read_at)} AND _there._moment >= {known}"
            gone = self._none_in(self._deleted, keys, "deleted_at", later)
            conditions.append(f"({self._escape(DELETED)} IS NOT NULL OR {gone})")
        return " AND ".join(conditions) or None

    def _none_in(self, table: str, keys: Mapping[str, str], moment: str, later: str) -> str:
        """The table has no row of the key with a later time."""
        shown = [f"{self._escape(key)} AS _key_{at}" for at, key in enumerate(keys)]
        equal = [f"_there._key_{at} = {self._escape(name)}" for at, name in enumerate(keys.values())]
        return (
            f"NOT EXISTS (SELECT 1 FROM (SELECT {', '.join(shown)}, {self._escape(moment)} AS _moment "
            f"FROM {self._qualify(table)}) AS _there WHERE {' AND '.join(equal)} AND _there._moment {later})"
        )


def _moment(moment: datetime) -> str:
    return f"CAST('{moment.astimezone(UTC).isoformat(timespec='microseconds')}' AS TIMESTAMP WITH TIME ZONE)"


def _resource(
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


def _load_states(pipeline: Any) -> dict[str, dict[str, Any]]:
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
            entity = str(name).removeprefix(_PIPELINE)
            state = load_pipeline_state_from_destination(str(name), client) if entity != str(name) else None
            for source in ((state or {}).get("sources") or {}).values():
                load_state = source.get("resources", {}).get(entity, {}).get("load_state")
                if load_state is not None:
                    found[entity] = dict(load_state)
    return found


def _count(client: Any, table: str) -> int:
    [(number,)] = client.execute_sql(f"SELECT COUNT(*) FROM {client.make_qualified_table_name(table)}")
    return int(number)


def _present(pipeline: Any) -> dict[str, dict[str, str]]:
    """The tables that were loaded before: dlt's type by column."""
    if pipeline.default_schema_name is None:
        return {}
    return {
        name: {column: str(known["data_type"]) for column, known in table["columns"].items() if "data_type" in known}
        for name, table in pipeline.default_schema.tables.items()
        if not name.startswith("_dlt")
    }


def _memory_mb(ready: Prepared) -> int:
    """What DuckDB needs: more where rows are long, such as notes with pictures in them."""
    vector = max(table.widest * min(table.rows, _VECTOR_ROWS) for table in ready.tables)
    columns = max(len(table.columns) for table in ready.tables)
    return _MEMORY_MB + max(0, columns - _USUAL_COLUMNS) * _COLUMN_MB + _VECTORS * vector // 1024**2

"""A dataset of tables in files, on a local disk or in object storage, written by dlt's destination ``filesystem``.

What a load does to a table is one commit of the table's format, so that a load that breaks off leaves the table before
or the table after. There is no commit of several tables: rows come first, and what is remembered last, as files of
dlt's. A load that breaks off in between is read and merged once more, which changes nothing.

These formats have no place for a condition that looks into other tables. Which rows of a load count is therefore found
out here, from the keys and times in the table, before they are merged.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import uuid4

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.warehouse.entity_load import DELETED, EntityLoad
from airflow_provider_pipedrive.warehouse.pipelines import present_tables, table_resource
from airflow_provider_pipedrive.warehouse.table_store import Present, TableStore
from airflow_provider_pipedrive.warehouse.translated import translated

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.destination import Destination
    from airflow_provider_pipedrive.warehouse.parts import Prepared, Table

FILESYSTEM: Final = "filesystem"
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UPSERT: Final = {"disposition": "merge", "strategy": "upsert", "deduplicated": True}


class Lake(TableStore):
    """A dataset of tables in files. Lists are JSON in their row.

    :cvar table_format: as dlt calls it
    :cvar title: the tables, in a sentence
    :cvar library: what reads and writes them, a module and the extra of this package that installs it
    :param destination: dlt's ``filesystem``, whose credentials have ``bucket_url``
    :param dataset: the folder of the tables
    :raises PipedriveParameterError: an argument is wrong
    """

    table_format: ClassVar[str]
    title: ClassVar[str]
    library: ClassVar[tuple[str, str]]

    def __init__(self, destination: Destination, dataset: str) -> None:
        if destination.name != FILESYSTEM:
            raise PipedriveParameterError(
                f"{self.title} are written by the destination 'filesystem', not {destination.name!r}."
            )
        super().__init__(destination, dataset)

    @translated
    def check(self) -> None:
        """Find out whether files can be written and removed there.

        :raises PipedriveParameterError: something is not installed or configured
        :raises PipedriveWarehouseError: it cannot be reached, or a right is missing
        """
        self.destination.check()
        module, extra = self.library
        if find_spec(module) is None:
            raise PipedriveParameterError(
                f"{self.title} need {module} on the workers: pip install 'airflow-provider-pipedrive[{extra}]'."
            )
        with self._pipeline("check") as pipeline, pipeline.destination_client() as client:
            files, folder = client.fs_client, client.pathlib.dirname(client.dataset_path.rstrip("/"))
            files.makedirs(folder, exist_ok=True)
            path = client.pathlib.join(folder, f"pipedrive_scratch_{uuid4().hex}")
            files.write_text(path, "scratch", encoding="utf-8")
            files.rm(path)

    @property
    def is_changed_in_place(self) -> bool:
        """Never: what happened to fields and options is read whole."""
        return False

    @translated
    def rows(self, entity: str) -> int:
        """How many rows an entity's table has; 0 where there is none."""
        with self._pipeline(entity) as pipeline:
            pipeline.sync_destination()
            return self._count(pipeline, entity) if entity in present_tables(pipeline) else 0

    def _landed(self, entity: str) -> Iterator[Any]:
        with self._pipeline(entity) as pipeline:
            pipeline.sync_destination()
            present = present_tables(pipeline).get(entity)
            if not present or present.get("id") != "bigint":
                return
            names = ["id", "stage_id", "is_archived"]
            for batch in self._batches(pipeline, entity, [name for name in names if name in present]):
                yield [[row.get(name) for name in names] for row in batch.to_pylist()]

    def _pipeline_names(self, client: Any) -> set[str]:
        # dlt has no public list of them: a file is called <pipeline>__<load>__<hash>.
        return {parts[0] for _path, parts in client._list_dlt_table_files(client.schema.state_table_name)}

    def _write(self, pipeline: Any, load: EntityLoad, ready: Prepared, present: Present) -> None:
        if load.write == "versions":
            raise PipedriveParameterError(f"{self.title} hold the latest versions alone: versions='latest'.")
        from airflow_provider_pipedrive.warehouse.jobs import wait_for_no_finished_job

        wait_for_no_finished_job(pipeline)
        load_state = self._checked_load_state(pipeline, load, ready, present)
        if not load.is_whole:
            self._leave_out_old(pipeline, load, ready)
        merged: dict[str, Any] = {
            "write_disposition": "replace" if load.is_whole else _UPSERT,
            "primary_key": list(load.key),
            "table_format": self.table_format,
        }
        hard_delete = None if load.is_whole else DELETED
        resources = [table_resource(ready.main, load_state, load.entity, hard_delete=hard_delete, **merged)]
        if ready.deleted:
            resources.append(table_resource(ready.deleted, **merged))
        pipeline.extract(resources, loader_file_format="parquet")
        pipeline.normalize()
        pipeline.load()
        self._keep(pipeline, ready)

    # ---- tables

    def _table(self, pipeline: Any, name: str) -> Any:
        """A table, as the format's library opens it; None where there is none."""
        from dlt.common.destination.exceptions import DestinationUndefinedEntity

        with pipeline.destination_client() as client:
            try:
                return client.load_open_table(self.table_format, name)
            except DestinationUndefinedEntity:
                return None

    def _count(self, pipeline: Any, entity: str) -> int:
        table = self._table(pipeline, entity)
        return 0 if table is None else self._rows_of(table)

    def _batches(self, pipeline: Any, name: str, columns: Sequence[str]) -> Iterator[Any]:
        """The rows of a table, in batches of pyarrow's; none where there is no table."""
        table = self._table(pipeline, name)
        return iter(()) if table is None else self._batches_of(table, columns)

    # ---- of each format its own

    @abstractmethod
    def _rows_of(self, table: Any) -> int:
        """How many rows a table has, as the format's library opens it."""

    @abstractmethod
    def _batches_of(self, table: Any, columns: Sequence[str]) -> Iterator[Any]:
        """The rows of a table, in batches of pyarrow's."""

    def _keep(self, pipeline: Any, ready: Prepared) -> None:
        """Look after the tables of a load that has ended."""

    # ---- which rows count

    def _leave_out_old(self, pipeline: Any, load: EntityLoad, ready: Prepared) -> None:
        """Rewrite the files of a load without the rows that do not count.

        A row counts unless the table has a later version, or knows of a deletion after the row was read. Of two
        deletions the later one counts.
        """
        import pyarrow.compute as pc

        from airflow_provider_pipedrive.extraction.output import arrays
        from airflow_provider_pipedrive.warehouse.parts import deleted_name

        read_at, long_ago = arrays.moment(load.read_at), arrays.moment(_LONG_AGO)
        rows = _read(ready.main, [*load.key, *([load.updated] if load.updated else []), DELETED])
        updated = pc.fill_null(rows[load.updated], long_ago) if load.updated else long_ago
        tombstone = pc.is_valid(rows[DELETED])
        gone = self._times(pipeline, deleted_name(load.entity), load.key, "deleted_at", rows)
        counts = pc.or_(tombstone, pc.or_(pc.less_equal(gone, read_at), pc.less(gone, updated)))
        if load.updated:
            there = self._times(pipeline, load.entity, load.key, load.updated, rows)
            counts = pc.and_(counts, pc.less_equal(there, updated))
        if self._table(pipeline, load.entity) is None:
            # There is nothing from which tombstones remove rows.
            counts = pc.and_not(counts, tombstone)
        _keep_rows(ready.main, counts)
        if ready.deleted:
            rows = _read(ready.deleted, [*load.key, "deleted_at"])
            before = self._times(pipeline, ready.deleted.name, load.key, "deleted_at", rows)
            _keep_rows(ready.deleted, pc.less_equal(before, rows["deleted_at"]))

    def _times(self, pipeline: Any, name: str, key: Sequence[str], time: str, rows: Any) -> Any:
        """For each of some rows, the last time that a table has of its key; of what it has not, long ago."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from airflow_provider_pipedrive.extraction.output import arrays

        asked = rows.select(list(key)).append_column("_row", arrays.integers(range(len(rows)), gaps=False))
        schema = pa.schema([*(rows.schema.field(part) for part in key), pa.field(time, arrays.UTC_TIME)])
        wanted = rows[key[0]].combine_chunks()
        # Formats differ in how long a text may be.
        found = (
            pa.Table.from_batches([batch]).select(schema.names).cast(schema)
            for batch in self._batches(pipeline, name, schema.names)
        )
        # Of a large table only what may be wanted is kept.
        known = [batch.filter(pc.is_in(batch[key[0]], wanted)) for batch in found]
        last = pa.concat_tables([schema.empty_table(), *known]).group_by(list(key)).aggregate([(time, "max")])
        joined = asked.join(last, keys=list(key)).sort_by("_row")
        return pc.fill_null(joined[f"{time}_max"], arrays.moment(_LONG_AGO))


def _read(table: Table, columns: Sequence[str]) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(table.path, columns=list(dict.fromkeys(columns)))


def _keep_rows(table: Table, counts: Any) -> None:
    """Rewrite a table's file without the rows that do not count.

    :param counts: for each row whether it does
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    kept = pc.sum(counts).as_py() or 0
    if kept == table.rows:
        return
    source = pq.ParquetFile(table.path)
    fewer = table.path.with_suffix(".fewer.parquet")
    at = 0
    with pq.ParquetWriter(fewer, source.schema_arrow) as writer:
        for batch in source.iter_batches(1_000):
            writer.write_batch(batch.filter(counts.slice(at, len(batch)).combine_chunks()))
            at += len(batch)
    fewer.replace(table.path)
    table.rows = kept

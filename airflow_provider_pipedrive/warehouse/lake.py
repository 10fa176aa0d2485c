"""A dataset of tables in files, on a local disk or in object storage, written by dlt's destination ``filesystem``.

What a load does to a table is one commit of the table's format, so that a load that breaks off leaves the table before
or the table after. There is no commit of several tables: rows come first, and what is remembered last, as files of
dlt's. A load that breaks off in between is read and merged once more, which changes nothing.

These formats have no place for a condition that looks into other tables. Which rows of a load count is therefore found
out here, from the keys and times in the table, before they are merged.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
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
_Counts = Callable[[Mapping[str, Any]], bool]
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
                yield [[row.get(name) for name in names] for row in batch]

    def _pipeline_names(self, client: Any) -> set[str]:
        # dlt has no public list of them: a file is called <pipeline>__<load>__<hash>.
        return {parts[0] for _path, parts in client._list_dlt_table_files(client.schema.state_table_name)}

    def _write(self, load: EntityLoad, folder: Path, ready: Prepared, present: Present) -> None:
        if load.write == "versions":
            raise PipedriveParameterError(f"{self.title} hold the latest versions alone: versions='latest'.")
        with self._pipeline(load.entity, folder) as pipeline:
            pipeline.sync_destination()
            load_state = self._checked_load_state(pipeline, load, ready, present)
            if not load.is_whole:
                looks_at = [*load.key, *([load.updated] if load.updated else []), DELETED]
                counts, is_there = self._main_counts(pipeline, load, ready), self._has(pipeline, load.entity)
                _leave_out(ready.main, counts, list(dict.fromkeys(looks_at)), keeps_deleted=is_there)
                if ready.deleted:
                    later = self._deleted_counts(pipeline, load, ready.deleted)
                    _leave_out(ready.deleted, later, [*load.key, "deleted_at"])
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

    # ---- of each format its own

    @abstractmethod
    def _has(self, pipeline: Any, name: str) -> bool:
        """Whether a table is there."""

    @abstractmethod
    def _batches(self, pipeline: Any, name: str, columns: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """The rows of a table, a batch after the other; none where there is no table."""

    def _keep(self, pipeline: Any, ready: Prepared) -> None:
        """Look after the tables of a load that has ended."""

    # ---- which rows count

    def _main_counts(self, pipeline: Any, load: EntityLoad, ready: Prepared) -> _Counts:
        """A row counts unless the table has a later version, or knows of a deletion after the row was read."""
        from airflow_provider_pipedrive.warehouse.parts import deleted_name

        wanted = _keys_in(ready.main, load.key)
        there = self._times(pipeline, load.entity, load.key, load.updated, wanted) if load.updated else {}
        gone = self._times(pipeline, deleted_name(load.entity), load.key, "deleted_at", wanted)

        def counts(row: Mapping[str, Any]) -> bool:
            key = tuple(row[part] for part in load.key)
            updated = (row[load.updated] if load.updated else None) or _LONG_AGO
            if there.get(key, _LONG_AGO) > updated:
                return False
            deleted = gone.get(key, _LONG_AGO)
            return row[DELETED] is not None or deleted <= load.read_at or deleted < updated

        return counts

    def _deleted_counts(self, pipeline: Any, load: EntityLoad, table: Table) -> _Counts:
        """Of two deletions the later one counts."""
        there = self._times(pipeline, table.name, load.key, "deleted_at", _keys_in(table, load.key))
        return lambda row: there.get(tuple(row[part] for part in load.key), _LONG_AGO) <= row["deleted_at"]

    def _times(self, pipeline: Any, name: str, key: Sequence[str], time: str, wanted: set[Any]) -> dict[Any, datetime]:
        """The times of those rows of a table that are wanted, by key."""
        return {
            found: row[time]
            for batch in self._batches(pipeline, name, [*key, time])
            for row in batch
            if (found := tuple(row[part] for part in key)) in wanted and row[time] is not None
        }


def _keys_in(table: Table, key: Sequence[str]) -> set[Any]:
    import pyarrow.parquet as pq

    batches = pq.ParquetFile(table.path).iter_batches(columns=list(key))
    return {tuple(row[part] for part in key) for batch in batches for row in batch.to_pylist()}


def _leave_out(table: Table, counts: _Counts, looks_at: Sequence[str], *, keeps_deleted: bool = True) -> None:
    """Rewrite a table's file without the rows that do not count.

    :param keeps_deleted: tombstones have a table from which they remove rows
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pq.ParquetFile(table.path)
    fewer = table.path.with_suffix(".fewer.parquet")
    kept = 0
    with pq.ParquetWriter(fewer, source.schema_arrow) as writer:
        for batch in source.iter_batches(1_000):
            looked_at = batch.select(list(looks_at)).to_pylist()
            keep = [counts(row) and (keeps_deleted or row.get(DELETED) is None) for row in looked_at]
            rest = batch.filter(pa.array(keep, pa.bool_()))
            kept += len(rest)
            writer.write_batch(rest)
    fewer.replace(table.path)
    table.rows = kept

"""What every warehouse has in common, be it a database or a folder of tables: dlt's pipelines, and what they remember.

- dlt gets finished Parquet files, never dictionaries (see :mod:`airflow_provider_pipedrive.warehouse.parts`).
- dlt keeps its state and schema in the warehouse and its working folder in a temporary one: any worker can continue.
- Each entity has a pipeline of its own: mapped tasks that load different entities don't meet.
"""

from __future__ import annotations

import logging
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveWarehouseError
from airflow_provider_pipedrive.warehouse.destination import Destination, check_dataset, dlt_settings
from airflow_provider_pipedrive.warehouse.entity_load import EntityLoad, Lists, Loaded
from airflow_provider_pipedrive.warehouse.memory import MEMORY_MB
from airflow_provider_pipedrive.warehouse.pipelines import PIPELINE, look_up_once, present_tables, read_load_states
from airflow_provider_pipedrive.warehouse.translated import translated, without_rows_in_logs

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.parts import Prepared

log = logging.getLogger(__name__)
Present = Mapping[str, Mapping[str, str]]
"""The tables that were loaded before: dlt's type by column."""


class TableStore(ABC):
    """Where the tables of a dataset are.

    :param destination: where it is
    :param dataset: the dataset
    :param lists: what becomes of lists
    :raises PipedriveParameterError: an argument is wrong
    """

    def __init__(self, destination: Destination, dataset: str, lists: Lists = "json") -> None:
        check_dataset(dataset)
        if lists not in ("json", "child_tables"):
            raise PipedriveParameterError(f"lists must be 'json' or 'child_tables', not {lists!r}.")
        self.destination = destination
        self.dataset = dataset
        self.lists = lists
        self.names: set[str] = set()

    @abstractmethod
    def check(self) -> None:
        """Find out whether it can be used: what it can do, and what this user may do in the dataset.

        :raises PipedriveParameterError: something is not installed or configured, or what is promised cannot be kept
        :raises PipedriveWarehouseError: it cannot be reached, or a right is missing
        """

    @property
    @abstractmethod
    def is_changed_in_place(self) -> bool:
        """Whether what happened to fields and options can be applied to the rows that are there."""

    @abstractmethod
    def rows(self, entity: str) -> int:
        """How many rows an entity's table has; 0 where there is none."""

    def install_views(self) -> tuple[str, ...]:
        """Create or replace the views that belong to the tables.

        :returns: their names; a folder of tables has none
        """
        return ()

    def load_state(self, entity: str) -> dict[str, Any] | None:
        """What the last load of the entity wanted to be remembered; None where there was none."""
        return self.load_states().get(entity)

    @translated
    def load_states(self) -> dict[str, dict[str, Any]]:
        """What is remembered of each entity of the dataset, by the last load package of it that is complete."""
        with self._pipeline("check") as pipeline:
            return read_load_states(pipeline, self._pipeline_names)

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

    def _load(self, load: EntityLoad, folder: Path) -> Prepared:
        with self._pipeline(load.entity, folder) as pipeline:
            ready, present = self._prepare(pipeline, load, folder)
            self._write(pipeline, load, ready, present)
        return ready

    def _prepare(self, pipeline: Any, load: EntityLoad, folder: Path) -> tuple[Prepared, Present]:
        """The tables of a load, and those that are there, of which the pipeline learns what dlt remembers."""
        from airflow_provider_pipedrive.warehouse.definitions import with_new_names
        from airflow_provider_pipedrive.warehouse.parts import prepare

        pipeline.sync_destination()
        present = with_new_names(present_tables(pipeline), load)
        ready = prepare(load, folder, self.lists, present)
        self.names = {name for table in ready.tables for name in (table.name, *table.columns)}
        return ready, present

    # ---- of each kind its own

    @abstractmethod
    def _landed(self, entity: str) -> Iterator[Any]:
        """Batches of rows: id, stage and whether it is archived."""

    @abstractmethod
    def _pipeline_names(self, client: Any) -> Iterable[str]:
        """The names of the pipelines whose state is there."""

    @abstractmethod
    def _count(self, pipeline: Any, entity: str) -> int:
        """The rows of a table that is there."""

    @abstractmethod
    def _write(self, pipeline: Any, load: EntityLoad, ready: Prepared, present: Present) -> None:
        """Put what was prepared into the tables, and remember it."""

    # ---- dlt

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
                destination=look_up_once(self.destination.build(memory_mb)),
                dataset_name=self.dataset,
            )
            try:
                yield pipeline
            finally:
                if pipeline.is_active:
                    pipeline.deactivate()

    def _checked_load_state(
        self, pipeline: Any, load: EntityLoad, ready: Prepared, present: Present
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

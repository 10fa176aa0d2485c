"""Whole lists out of Pipedrive, and what changed in them, into a warehouse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_pipedrive.client.switches import check_switches
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError, PipedriveWarehouseError
from airflow_provider_pipedrive.extraction.definition import TYPED_ROWS, ExtractionJob, Mode
from airflow_provider_pipedrive.extraction.entities import OBSERVED
from airflow_provider_pipedrive.hooks.lineage import table
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage, plain
from airflow_provider_pipedrive.operators.task_support import (
    is_templated,
    run_name,
    run_window,
    storage_path,
    writer_name,
)
from airflow_provider_pipedrive.transfers.extraction_operator import WINDOW_BEGIN, ExtractionOperator, entities_read
from airflow_provider_pipedrive.transfers.staging import folder_of, own_root, private_files, remove_old
from airflow_provider_pipedrive.transfers.warehouse_connection import check_connection_id, destination_of
from airflow_provider_pipedrive.transfers.warehouse_load import entity_load
from airflow_provider_pipedrive.transfers.warehouse_plan import LoadStates, plan_jobs, watermark_of
from airflow_provider_pipedrive.transfers.warehouse_reading import EXTRACTED, read_job

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
    from airflow_provider_pipedrive.warehouse import EntityLoad, Scope, TableStore


class PipedriveToWarehouseOperator(ExtractionOperator):
    """Load entities of Pipedrive's into a warehouse, a table each: one row a record, in its last state.

    Files are staged first, as :class:`PipedriveToObjectStorageOperator` lands them, and then loaded by dlt, an entity
    in one commit. How far the table has come is kept in the warehouse, in the same commit as the rows. See
    docs/warehouse.md.

    It takes the arguments of :class:`~airflow_provider_pipedrive.transfers.extraction_operator.ExtractionOperator`
    (``entities``, ``parameters``, ``versions`` and more), and these. By default the window is the run's data interval,
    if it has one, or in a backfill the time that its schedule says, or what the warehouse remembers; ``since`` and
    ``until`` take its place. With ``versions="all"`` there is also a view ``<entity>__latest``.

    :param destination: ``duckdb:///path/to/file.duckdb``, or the name of one of dlt's destinations, such as
        ``postgres`` (templated)
    :param destination_conn_id: the id of the Airflow connection with that destination's credentials; without one, dlt
        looks into its own configuration
    :param dataset: the dataset, in most databases a schema (templated)
    :param mode: ``changes``: what was last updated since the last load, the whole list at first; ``snapshot``: whole
        lists, in place of what is there
    :param lists: what becomes of lists, such as e-mail addresses: ``json`` in their row, or ``child_tables``
    :param staging: folder for the files until they are loaded, local or in object storage; by default a private one
        among the temporary files of this machine. The next try of the task continues with what is there (templated)
    :param keep_staging: leave the files there after a load, as Parquet
    :param untried: load into a destination of dlt's too that has not been tried
    :param table_format: ``delta`` or ``iceberg`` for tables in files, with dlt's ``filesystem`` as the destination
    :param compact: join the small files of Delta tables after each load
    :param views: install the views of docs/warehouse.md whose tables are in the dataset after the load
    """

    template_fields: Sequence[str] = (*ExtractionOperator.template_fields, "destination", "dataset", "staging")
    destination = KeptFromLineage()
    staging = KeptFromLineage()

    def __init__(
        self,
        *,
        destination: str,
        destination_conn_id: str | None = None,
        dataset: str = "pipedrive",
        mode: Literal["snapshot", "changes"] = "changes",
        lists: Literal["json", "child_tables"] = "json",
        staging: str | Path | None = None,
        keep_staging: bool = False,
        untried: bool = False,
        table_format: Literal["delta", "iceberg"] | None = None,
        compact: bool = False,
        views: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(mode=mode, **kwargs)
        self.destination = destination
        self.destination_conn_id = destination_conn_id
        self.dataset = dataset
        self.lists = lists
        self.staging = staging
        self.keep_staging = keep_staging
        self.untried = untried
        self.table_format = table_format
        self.compact = compact
        self.views = views
        self._check_when_parsing()

    def _extract(self, context: Context, hook: PipedriveHook) -> dict[str, Any]:
        from airflow_provider_pipedrive.extraction.remembered import account_of, hand_in
        from airflow_provider_pipedrive.extraction.storage.files import remove_folder

        warehouse = self._warehouse()
        warehouse.check()
        self._lineage = entities_read(hook.client.origin, self.entities)
        scopes = self._scopes(context, account_of(hook.client), hook.client.settings.hash_key)
        load_states = warehouse.load_states()
        for entity, scope in scopes.items():
            scope.check(entity, load_states, f"Dataset {self.dataset}", confirmed=self.allow_shrink)
        jobs = self._jobs(context, warehouse, load_states, scopes)
        folder, work = self._folders(context, scopes)
        with private_files(folder):
            landed = {entity: warehouse.landed(entity) for entity in self.entities if entity in load_states}
            hand_in(folder, [load_state.get("files", {}) for load_state in load_states.values()], landed)
        loaded: dict[str, Any] = {}
        for job in jobs:
            with private_files(folder):
                reading = read_job(
                    hook.client, folder, job, run_name(self, context), self._job_of, warehouse, load_states
                )
            # The moves seen in deals before the deals: from then on the table has the stages that they came to.
            for entity in sorted(job.entities, key=lambda name: name != OBSERVED):
                load = entity_load(folder, reading, entity, scopes[entity], load_states.get(entity) or {})
                loaded[entity] = self._load(warehouse, load, work, folder) | reading.told(entity)
                loaded[entity]["notes"] += [reading.notes[entity]] if entity in reading.notes else []
        for path in [work] if self.keep_staging else [folder, work]:
            remove_folder(path)
        views = list(warehouse.install_views()) if self.views else []
        return {"destination": self._shown_destination, "dataset": self.dataset, "entities": loaded, "views": views}

    def _warehouse(self) -> TableStore:
        from airflow_provider_pipedrive.warehouse import DeltaLake, IcebergLake, Warehouse

        destination = destination_of(self.destination, self.destination_conn_id)
        if self.table_format == "delta":
            return DeltaLake(destination, self.dataset, compact=self.compact)
        if self.table_format == "iceberg":
            return IcebergLake(destination, self.dataset)
        return Warehouse(destination, self.dataset, self.lists, untried=self.untried)

    def _load(self, warehouse: TableStore, load: EntityLoad, work: Path, folder: Any) -> dict[str, Any]:
        from airflow_provider_pipedrive.extraction.storage.files import remove_folder

        try:
            loaded = warehouse.load(load, work).to_json()
        except PipedriveError as error:
            # By these rows it would end like this again: a cleared task reads again. Where a right or memory is missing
            # it need not pay for them twice.
            if not isinstance(error, PipedriveWarehouseError) or error.rows_refused:
                remove_folder(folder / EXTRACTED)
            raise
        address = warehouse.destination.address
        self._lineage.wrote(table(self.destination, address, self.dataset, load.entity))
        return loaded

    @property
    def _shown_destination(self) -> str:
        """The destination without the settings in its name."""
        return str(self.destination).partition("?")[0]

    def _scopes(self, context: Context, account: Mapping[str, Any], hash_key: str | None) -> dict[str, Scope]:
        """What the rows of each table belong to: of another account, choice or shape, all are read."""
        from airflow_provider_pipedrive.extraction.rows.privacy import key_fingerprint
        from airflow_provider_pipedrive.warehouse import Scope

        key = key_fingerprint(hash_key) if self.hash else ""
        writer, parameters = writer_name(self, context), plain(self.parameters) or {}
        return {
            entity: Scope(
                company=account["company_id"],
                user=account["user_id"],
                parameters=json.dumps(parameters.get(entity, {}), sort_keys=True, default=str),
                lists=self.lists,
                versions=self.versions,
                rename=self.rename,
                private=json.dumps([sorted(self.exclude), sorted(self.hash), key]),
                writer=writer,
            )
            for entity in self.entities
        }

    def _folders(self, context: Context, scopes: Mapping[str, Scope]) -> tuple[Any, Path]:
        """Where files are staged, and where the load itself may work: of this task instance alone."""
        mine = {
            "run": run_name(self, context),
            "scopes": {entity: scope.to_json() for entity, scope in scopes.items()},
            "destination": self._shown_destination,
            "connection": self.destination_conn_id,
            "dataset": self.dataset,
            "mode": self.mode,
        }
        work = folder_of(own_root(), mine)
        root = storage_path("staging", self.staging) if self.staging else work
        remove_old(own_root())
        if not self.staging:
            return work / "files", work
        remove_old(root)
        return folder_of(root, mine), work

    # ---- what is read

    def _jobs(
        self, context: Context, warehouse: TableStore, load_states: LoadStates, scopes: Mapping[str, Scope]
    ) -> list[ExtractionJob]:
        if self.mode == "snapshot":
            return [self._job_of(self.entities, "snapshot", None, None)]
        window = self._moment("since"), self._moment("until")
        if window == (None, None):
            window = run_window(context)
        watermarks = {
            entity: watermark_of(warehouse, entity, load_states.get(entity), scopes[entity])
            for entity in self.entities
            if entity != OBSERVED
        }
        return plan_jobs(self._job_of, self.entities, window, watermarks, load_states)

    def _job_of(
        self, entities: Sequence[str], mode: Mode, since: datetime | None, until: datetime | None
    ) -> ExtractionJob:
        given = plain(self.parameters) or {}
        return self._job(
            entities=entities,
            mode=mode,
            since=since,
            until=until,
            # Who keeps the files wants to read them.
            **({"format": "parquet"} if self.keep_staging else {"format": TYPED_ROWS, "part_mb": 0}),
            parameters={name: narrowed for name, narrowed in given.items() if name in entities},
            sweep=self.sweep and mode == "changes",
            keep_previous=0,  # nobody reads them but the load
        )

    def _check_table_format(self) -> None:
        if self.table_format not in (None, "delta", "iceberg"):
            raise PipedriveParameterError(f"table_format must be delta, iceberg or None, not {self.table_format!r}.")
        if self.compact and self.table_format != "delta":
            raise PipedriveParameterError("compact joins the files of Delta tables: it needs table_format='delta'.")
        if self.table_format and self.views:
            raise PipedriveParameterError("Tables of a table_format are in files, and have no views.")
        if self.table_format and (self.lists != "json" or self.versions != "latest"):
            raise PipedriveParameterError(
                f"table_format={self.table_format!r} takes lists='json' and versions='latest' only."
            )

    def _check_when_parsing(self) -> None:
        from airflow_provider_pipedrive.warehouse.destination import check_dataset, check_destination

        if self.lists not in ("json", "child_tables"):
            raise PipedriveParameterError(f"lists must be json or child_tables, not {self.lists!r}.")
        check_switches(self, "keep_staging", "untried", "views", "compact")
        self._check_table_format()
        if self.keep_staging and not self.staging:
            raise PipedriveParameterError("keep_staging needs staging: the folder to keep the files in.")
        check_connection_id(self.destination_conn_id)
        if not is_templated(self.destination):
            check_destination(self.destination, has_credentials=bool(self.destination_conn_id))
        if not is_templated(self.dataset):
            check_dataset(self.dataset)
        # A window without a begin has that of the table, which is known when the task runs.
        others = {"since": self._moment("since") or WINDOW_BEGIN} if self.mode == "changes" else {"sweep": False}
        self._check_job(**others)

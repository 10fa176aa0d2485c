"""Whole lists out of Pipedrive, and what changed in them, into a warehouse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook, BaseOperator, conf

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveError,
    PipedriveParameterError,
    PipedriveTokenCapError,
)
from airflow_provider_pipedrive.extraction.definition import CONCURRENCY, LOOKBACK, ExtractionJob
from airflow_provider_pipedrive.extraction.entities import OBSERVED, entity_of
from airflow_provider_pipedrive.hooks.lineage import ReportsLineage, table
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage, ParametersKeptFromLineage, plain
from airflow_provider_pipedrive.operators.task_support import (
    is_templated,
    moment,
    permanent_errors_end_the_task,
    run_name,
    run_window,
    storage_path,
    wait_for_tokens,
    whole_number,
    writer_name,
)
from airflow_provider_pipedrive.transfers.object_storage import entities_read
from airflow_provider_pipedrive.transfers.staging import folder_of, own_root, private_files, remove_old

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
    from airflow_provider_pipedrive.warehouse import Destination, EntityLoad, Scope, Warehouse

_EXTRACTED = "extracted"
"""The folder of the receipts of what was read and is not loaded yet."""
_LIBPQ = (
    *("ssl", "gss", "krb", "channel_binding", "requirepeer", "keepalives", "tcp_user_timeout", "connect_timeout"),
    *("application_name", "options", "target_session_attrs", "service", "passfile"),
)
"""How the connection parameters of Postgres begin that an Airflow connection may have as extra.
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS"""


class PipedriveToWarehouseOperator(ReportsLineage, BaseOperator):
    """Load entities of Pipedrive's into a warehouse, a table each: one row a record, in its last state.

    Files are staged first, as :class:`PipedriveToObjectStorageOperator` lands them, and then loaded by dlt, an entity
    in one commit. How far it has come stands in the warehouse, in the same commit as the rows. See docs/warehouse.md.

    :param entities: names from docs/entities.md, such as ``["deals", "persons"]`` (templated)
    :param destination: ``duckdb:///path/to/file.duckdb``, or the name of one of dlt's destinations, such as
        ``postgres`` (templated)
    :param destination_conn_id: the Airflow connection with that destination's credentials; without one, dlt looks into
        its own configuration
    :param dataset: the dataset, in most databases a schema (templated)
    :param mode: ``changes``: what was last updated since the last load, the whole list at first; ``snapshot``: whole
        lists, in place of what is there
    :param since: begin of the window, in place of what the warehouse remembers; by default the run's data interval, if
        it has one, or in a backfill the time that its schedule tells (templated)
    :param until: end of the window, not included (templated)
    :param versions: ``latest``: one row a record; ``all``: each state that was read, and a view ``<entity>__latest``
    :param lists: what becomes of lists, such as e-mail addresses: ``json`` in their row, or ``child_tables``
    :param staging: folder for the files until they are loaded, local or in object storage; by default a private one
        among the temporary files of this machine. The next try of the task continues with what is there (templated)
    :param keep_staging: leave the files there after a load
    :param rename: let a column follow a field that was renamed in Pipedrive
    :param parameters: by entity, what narrows its list down (templated)
    :param sweep: look for deleted records among all that are in the table
    :param allow_shrink: load a snapshot although it has over 10 % fewer rows than the one before, or was read as
        another user of the same company
    :param lookback: seconds that a window reaches back
    :param concurrency: requests at once
    :param max_tokens: API tokens that a try may spend (templated)
    :param pipedrive_conn_id: the connection (templated)
    :param deferrable: where the day's API tokens are spent, wait for the new ones without a worker, and go on; the
        default is Airflow's ``[operators] default_deferrable``
    """

    template_fields: Sequence[str] = (
        *("entities", "destination", "dataset", "since", "until", "staging", "parameters", "max_tokens"),
        "pipedrive_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json"}
    ui_color = "#e6f4ea"
    destination = KeptFromLineage()
    staging = KeptFromLineage()
    parameters = ParametersKeptFromLineage()

    def __init__(
        self,
        *,
        entities: Sequence[str],
        destination: str,
        destination_conn_id: str | None = None,
        dataset: str = "pipedrive",
        mode: Literal["snapshot", "changes"] = "changes",
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        versions: Literal["latest", "all"] = "latest",
        lists: Literal["json", "child_tables"] = "json",
        staging: str | Path | None = None,
        keep_staging: bool = False,
        rename: bool = False,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        sweep: bool = False,
        allow_shrink: bool = False,
        lookback: float = LOOKBACK,
        concurrency: int = CONCURRENCY,
        max_tokens: int | str | None = None,
        pipedrive_conn_id: str = "pipedrive_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.entities = entities
        self.destination = destination
        self.destination_conn_id = destination_conn_id
        self.dataset = dataset
        self.mode = mode
        self.since = since
        self.until = until
        self.versions = versions
        self.lists = lists
        self.staging = staging
        self.keep_staging = keep_staging
        self.rename = rename
        self.parameters = parameters
        self.sweep = sweep
        self.allow_shrink = allow_shrink
        self.lookback = lookback
        self.concurrency = concurrency
        self.max_tokens = max_tokens
        self.pipedrive_conn_id = pipedrive_conn_id
        self.deferrable = deferrable
        self._check_when_parsing()

    def execute(self, context: Context) -> dict[str, Any]:
        """Extract what is new, load it, and return a receipt."""
        return self._bring(context, waited=False)

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Extract and load the rest, when the day's tokens are expected to be renewed."""
        return self._bring(context, waited=True)

    def _bring(self, context: Context, *, waited: bool) -> dict[str, Any]:
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        hook = PipedriveHook(self.pipedrive_conn_id)
        try:
            with permanent_errors_end_the_task():
                return self._load(context, hook)
        except PipedriveDailyBudgetError as error:
            if not self.deferrable:
                raise
            wait_for_tokens(self, error, in_vain=waited and hook.usage.requests <= self.concurrency)

    def _load(self, context: Context, hook: PipedriveHook) -> dict[str, Any]:
        from airflow_provider_pipedrive.extraction.remembered import account_of, hand_in
        from airflow_provider_pipedrive.extraction.storage.files import remove_folder

        warehouse = self._warehouse()
        warehouse.check()
        self._lineage = entities_read(hook.client.origin, self.entities)
        address = warehouse.destination.address
        scopes = self._scopes(context, account_of(hook.client))
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
                receipt = self._extract(hook.client, folder, job, run_name(self, context), load_states)
            # The moves seen in deals before the deals: from then on the table has the stages that they came to.
            for entity in sorted(job.entities, key=lambda name: name != OBSERVED):
                load = self._entity_load(folder, job, receipt, entity, scopes[entity], load_states.get(entity) or {})
                loaded[entity] = self._load_one(warehouse, load, work, folder)
                self._lineage.wrote(table(self.destination, address, self.dataset, entity))
                loaded[entity]["tokens"] = receipt["entities"][entity]["tokens"]
        for path in [work] if self.keep_staging else [folder, work]:
            remove_folder(path)
        return {"destination": str(self.destination).partition("?")[0], "dataset": self.dataset, "entities": loaded}

    def _load_one(self, warehouse: Warehouse, load: EntityLoad, work: Path, folder: Any) -> dict[str, Any]:
        from airflow_provider_pipedrive.extraction.storage.files import remove_folder

        try:
            return warehouse.load(load, work).to_json()
        except PipedriveError as error:
            if not error.retryable:  # by the same rows it would end like this again: a cleared task reads again
                remove_folder(folder / _EXTRACTED)
            raise

    def _scopes(self, context: Context, account: Mapping[str, Any]) -> dict[str, Scope]:
        """What the rows of each table belong to: of another account, choice or shape, all are read."""
        from airflow_provider_pipedrive.warehouse import Scope

        writer = writer_name(self, context)
        return {
            entity: Scope(
                company=account["company_id"],
                user=account["user_id"],
                parameters=json.dumps((plain(self.parameters) or {}).get(entity, {}), sort_keys=True, default=str),
                lists=self.lists,
                versions=self.versions,
                rename=self.rename,
                writer=writer,
            )
            for entity in self.entities
        }

    def _folders(self, context: Context, scopes: Mapping[str, Scope]) -> tuple[Any, Path]:
        """Where files are staged, and where the load itself may work: of this task instance alone."""
        mine = {
            "run": run_name(self, context),
            "scopes": {entity: scope.to_json() for entity, scope in scopes.items()},
            "destination": str(self.destination).partition("?")[0],
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
        self,
        context: Context,
        warehouse: Warehouse,
        load_states: Mapping[str, Mapping[str, Any]],
        scopes: Mapping[str, Scope],
    ) -> list[ExtractionJob]:
        """One job for what has not been loaded before, which is read whole, and one for each entity that has."""
        since, until = self._moment("since"), self._moment("until")
        if self.mode == "changes" and since is None and until is None:
            since, until = run_window(context)
        if self.mode == "snapshot":
            return [self._job(self.entities, "snapshot", None, None)]
        # The moves that are seen in deals go with them.
        alone = [entity for entity in self.entities if entity != OBSERVED]
        watermarks = {
            entity: self._watermark(warehouse, entity, load_states.get(entity), scopes[entity]) for entity in alone
        }
        if since is not None:
            new = [entity for entity in alone if load_states.get(entity) and watermarks[entity] is None]
            rest = [entity for entity in alone if entity not in new]
            windows = [self._job(self._with_moves(rest), "changes", since, until)] if rest else []
        else:
            new = [entity for entity, watermark in watermarks.items() if watermark is None]
            # Each from its own watermark on: what is hardly ever edited has an old one.
            windows = [
                self._job(self._with_moves([entity]), "changes", watermark, until)
                for entity, watermark in watermarks.items()
                if watermark
            ]
        if new:
            self.log.info("Read whole: %s.", ", ".join(new))
        return [*([self._job(self._with_moves(new), "snapshot", None, None)] if new else []), *windows]

    def _with_moves(self, entities: Sequence[str]) -> list[str]:
        return [*entities, OBSERVED] if "deals" in entities and OBSERVED in self.entities else list(entities)

    def _watermark(
        self, warehouse: Warehouse, entity: str, load_state: Mapping[str, Any] | None, scope: Scope
    ) -> datetime | None:
        """How far the table has come; None where the entity is to be read whole."""
        if not load_state or not load_state.get("watermark") or not scope.continues(load_state.get("scope") or {}):
            return None
        rows, least = warehouse.rows(entity), load_state.get("rows_at_least", 0)
        if rows < least:
            self.log.warning(
                "The table %s has %s, and had at least %d after the last load: it is read whole again.",
                entity,
                counted(rows, "row"),
                least,
            )
            return None
        return datetime.fromisoformat(load_state["watermark"])

    def _job(
        self,
        entities: Sequence[str],
        mode: Literal["snapshot", "changes"],
        since: datetime | None,
        until: datetime | None,
    ) -> ExtractionJob:
        given = plain(self.parameters) or {}
        return ExtractionJob(
            entities,
            mode,
            since,
            until,
            format="parquet",
            rename=self.rename,
            parameters={name: narrowed for name, narrowed in given.items() if name in entities},
            versions=self.versions,
            sweep=self.sweep and mode == "changes",
            allow_shrink=self.allow_shrink,
            lookback=self.lookback,
            concurrency=self.concurrency,
            keep_previous=0,  # nobody reads them but the load
            max_tokens=None if self.max_tokens in (None, "") else whole_number("max_tokens", self.max_tokens),
        )

    def _extract(
        self, client: PipedriveClient, folder: Any, job: ExtractionJob, run: str, load_states: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The receipt of the job: of this try, or of one before that was not loaded, if nothing else was since."""
        from airflow_provider_pipedrive.extraction.job import extract
        from airflow_provider_pipedrive.extraction.remembered import put_back, take_out
        from airflow_provider_pipedrive.extraction.storage.files import read_json, write_json

        done = folder / _EXTRACTED / f"{job.key}.json"
        after = {entity: load_states.get(entity) for entity in job.entities}
        before = read_json(done)
        if before is not None and before["after"] == after:
            self.log.info("%s: an earlier try has read it, and it is loaded now.", ", ".join(job.entities))
            put_back(folder, before["files"])
            return dict(before["receipt"])
        try:
            receipt = extract(client, folder, job, run=run, owner=run)
        except PipedriveTokenCapError as error:
            raise AirflowFailException(f"{error} Clear the task for that.") from error
        files = {name: value for entity in job.entities for name, value in take_out(folder, entity).items()}
        write_json(done, {"receipt": receipt, "files": files, "after": after})
        return receipt

    # ---- what is loaded

    def _warehouse(self) -> Warehouse:
        from airflow_provider_pipedrive.warehouse import Warehouse

        return Warehouse(self._destination(), self.dataset, self.lists)

    def _destination(self) -> Destination:
        from airflow_provider_pipedrive.warehouse import Destination

        if not self.destination_conn_id:
            return Destination(self.destination)
        connection = BaseHook.get_connection(self.destination_conn_id)
        parts = {
            "host": connection.host,
            "port": connection.port,
            "username": connection.login,
            "password": connection.password,
            "database": connection.schema,
        }
        given = {name: value for name, value in parts.items() if value not in (None, "")}
        return Destination(self.destination, {**given, **_extra(self.destination, connection.extra_dejson)})

    def _entity_load(
        self,
        folder: Any,
        job: ExtractionJob,
        receipt: Mapping[str, Any],
        name: str,
        scope: Scope,
        before: Mapping[str, Any],
    ) -> EntityLoad:
        from airflow_provider_pipedrive.extraction.remembered import take_out
        from airflow_provider_pipedrive.extraction.storage.files import read_json
        from airflow_provider_pipedrive.warehouse import EntityLoad

        told = receipt["entities"][name]
        manifest = storage_path("staging", told["manifest"])
        listed = read_json(manifest) or {}
        entity = entity_of(name)
        write: Literal["merge", "versions", "replace"] = "merge" if job.mode == "changes" else "replace"
        if self.versions == "all":
            write = "versions"
        kept = datetime.fromisoformat(before["watermark"]) if before.get("watermark") else None
        watermark = watermark_after(job, told["watermark"], kept)
        other_shape = (before.get("scope") or {}).get("versions", self.versions) != self.versions
        return EntityLoad(
            entity=name,
            key=entity.key,
            updated=entity.updated,
            columns=columns_of(folder, name),
            parts=[manifest.parent / part["name"] for part in listed["parts"]],
            tombstones=[manifest.parent / part["name"] for part in listed["tombstones"]],
            read_at=datetime.fromisoformat(receipt["started_at"]).astimezone(UTC),
            write=write,
            load_state={
                "read_at": receipt["started_at"],
                "watermark": watermark.isoformat() if watermark else None,
                "files": {**before.get("files", {}), **take_out(folder, name)},
            },
            scope=scope,
            confirmed=self.allow_shrink,
            fresh=write == "versions" and job.mode == "snapshot" and other_shape,
        )

    def _moment(self, name: str) -> datetime | None:
        value = getattr(self, name)
        return None if value in (None, "") else moment(name, value)

    def _check_when_parsing(self) -> None:
        """Find wrong arguments; what is only known at run time is let through."""
        for name in ("destination", "destination_conn_id", "dataset"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str) and not is_templated(value):
                raise PipedriveParameterError(f"{name} must be a text, not {value!r}.")
        if self.lists not in ("json", "child_tables"):
            raise PipedriveParameterError(f"lists must be json or child_tables, not {self.lists!r}.")
        if self.keep_staging and not self.staging:
            raise PipedriveParameterError("keep_staging needs staging: the folder to keep the files in.")
        if not is_templated(self.entities):
            parameters = plain(self.parameters)
            given = {} if is_templated(parameters) else dict(parameters or {})
            ExtractionJob(
                self.entities, "snapshot", parameters=given, versions=self.versions, lookback=self.lookback
            ).check()
        if self.mode not in ("snapshot", "changes"):
            raise PipedriveParameterError(f"mode must be snapshot or changes, not {self.mode!r}.")
        moments = {
            name: None if is_templated(getattr(self, name)) else self._moment(name) for name in ("since", "until")
        }
        if self.mode == "snapshot" and (self.since or self.until):
            raise PipedriveParameterError('A snapshot has no window: leave out since and until, or set mode="changes".')
        if moments["since"] and moments["until"] and moments["until"] <= moments["since"]:
            raise PipedriveParameterError(f"until ({self.until}) must be later than since ({self.since}).")


def watermark_after(job: ExtractionJob, newest: str | None, before: datetime | None) -> datetime | None:
    """How far the warehouse has come after a load.

    A window that begins after where it was would leave a gap, and one that ends before it would set it back: such as
    that of a backfill, of an old data interval, or of ``since`` and ``until``.

    :param newest: the greatest time of last update in the load; None where there is none
    :param before: how far it had come
    """
    came = datetime.fromisoformat(newest) if newest else None
    if job.mode == "snapshot":
        return came
    if before is None or came is None or job.since is None or job.since > before:
        return before
    return max(before, came)


def _extra(destination: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What a connection has besides host and login, where dlt looks for it."""
    if destination not in ("postgres", "redshift"):
        return dict(extra)
    # dlt passes over what it does not know: without this, sslmode would be ignored in silence.
    libpq = {name: value for name, value in extra.items() if name.startswith(_LIBPQ)}
    return {"query": libpq} if libpq else {}


def columns_of(folder: Any, entity: str) -> list[Any]:
    """The columns of an entity's files, as its schema file tells them."""
    from airflow_provider_pipedrive.extraction.reading.histories import COLUMNS
    from airflow_provider_pipedrive.extraction.rows.columns import Column
    from airflow_provider_pipedrive.extraction.storage.files import STATE, read_json

    if entity in COLUMNS:
        return list(COLUMNS[entity])
    kept = read_json(folder / STATE / "schema" / f"{entity}.json") or {}
    found = []
    for name, kind in kept["columns"].items():
        items = kind.removeprefix("list of ") if kind.startswith("list of ") else None
        found.append(Column(name, "list" if items else kind, items=items))
    return found

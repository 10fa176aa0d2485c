"""Rows into Pipedrive, as tasks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import conf

from airflow_provider_pipedrive.bulk.job import BulkJob
from airflow_provider_pipedrive.client.values import from_text
from airflow_provider_pipedrive.client.whole_numbers import read_count
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.hooks.allowed_paths import allowed
from airflow_provider_pipedrive.hooks.lineage import Lineage, entity, location, tell
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage
from airflow_provider_pipedrive.operators.approval import (
    Approval,
    PlannedWriteOperator,
    approval_settings,
    settled,
)
from airflow_provider_pipedrive.operators.record_links import PipedriveRecordLink
from airflow_provider_pipedrive.operators.task_support import (
    check_connection_id,
    is_templated,
    journal_folder,
    spent_tokens_end_the_try,
    storage_path,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.bulk.approval import PlanApproval
    from airflow_provider_pipedrive.bulk.targets import Mode
    from airflow_provider_pipedrive.client import PipedriveClient

_COUNTS = ("max_tokens", "max_writes", "max_deletes")
_JOB = (
    *("entity", "mode", "match_on", "mapping", "max_rejects", "on_ambiguous", "missing_options", "create_related"),
    *("only_if_empty", "empty", *_COUNTS, "within", "on_remove", "timezone", "concurrency"),
)
_ONE_MACHINE = ("LocalExecutor", "SequentialExecutor", "DebugExecutor")
"""Executors whose tasks all run on one machine."""
_HARMLESS: Mapping[str, Any] = {"entity": "persons", "mapping": None, "within": {"filter_id": 1}, "match_on": "id"}
"""What contradicts nothing, in place of what is only known when the task runs."""


class PipedriveBulkOperator(PlannedWriteOperator):
    """Write rows to Pipedrive: matched, compared, only what differs, at the pace of the rate limit.

    Everything is decided before the first write; a try that dies is continued by the next one, and no row is written
    twice. See docs/writing.md.

    :param rows: the rows, dicts of column to value: a list (such as another task's result), a callable that returns
        them when the task runs, or the path of a file of JSON lines, CSV or Parquet (templated)
    :param entity: ``deals``, ``persons``, ``organizations``, ``products``, ``leads``, ``activities``, ``notes``,
        ``deal_products``, ``deal_participants`` or ``deal_followers`` (templated)
    :param mode: ``create``, ``update``, ``upsert``, ``delete`` or ``mirror``
    :param match_on: what tells which record a row is, such as ``email``, ``id`` or a field's name (templated)
    :param mapping: the rows' columns to fields, by name or key (templated)
    :param max_rejects: rows that may be rejected: a number, or a share such as 0.01
    :param on_ambiguous: a row that several records match: ``reject``, ``newest``, ``oldest`` or ``all``
    :param missing_options: a label that no option has: ``fail``, ``create`` or ``null``
    :param create_related: make persons and organizations that rows name and that are missing
    :param only_if_empty: columns that never overwrite what a record has already
    :param empty: what an empty text means: ``ignore`` or ``clear``
    :param dry_run: decide everything, write nothing, and show it in the log
    :param approval: show somebody the changes, and write them when they are approved (Airflow 3.1 and later): True, or
        an :class:`.Approval`
    :param max_tokens: API tokens that the run may spend, all its tries together (templated)
    :param max_writes: records that may be written (templated)
    :param max_deletes: records that may be removed; ``delete`` and ``mirror`` need it (templated)
    :param within: of ``mirror``, the records that the rows speak for (templated)
    :param on_remove: ``delete``, ``archive``, or a dict of what to write instead
    :param timezone: the zone of times without one
    :param concurrency: requests at once, 1 to 64; the rate limit paces them all the same
    :param folder: where the run keeps its journal: a folder that every try of the task sees, local or in object
        storage; by default one of the run's own on this machine (templated)
    :param pipedrive_conn_id: the connection (templated)
    :param deferrable: where the day's API tokens are spent, wait for the new ones without a worker, and continue; the
        default is Airflow's ``[operators] default_deferrable``
    """

    template_fields: Sequence[str] = (
        *("rows", "entity", "match_on", "mapping", "within", *_COUNTS, "folder", "pipedrive_conn_id"),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"mapping": "json", "within": "json"}
    operator_extra_links = (PipedriveRecordLink(),)
    ui_color = "#e6f4ea"
    rows = KeptFromLineage()
    within = KeptFromLineage()
    on_remove = KeptFromLineage()
    folder = KeptFromLineage()

    def __init__(
        self,
        *,
        rows: Any = None,
        entity: str,
        mode: Mode = "upsert",
        match_on: str | Sequence[str] | None = None,
        mapping: Mapping[str, str] | None = None,
        max_rejects: int | float = 0,
        on_ambiguous: Literal["reject", "newest", "oldest", "all"] = "reject",
        missing_options: Literal["fail", "create", "null"] = "fail",
        create_related: bool = False,
        only_if_empty: Sequence[str] = (),
        empty: Literal["ignore", "clear"] = "ignore",
        dry_run: bool = False,
        approval: bool | Approval = False,
        max_tokens: int | str | None = None,
        max_writes: int | str | None = None,
        max_deletes: int | str | None = None,
        within: Mapping[str, Any] | None = None,
        on_remove: str | Mapping[str, Any] = "delete",
        timezone: str | None = None,
        concurrency: int = 32,
        folder: str | Path | None = None,
        pipedrive_conn_id: str = "pipedrive_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rows = rows
        self.entity = entity
        self.mode = mode
        self.match_on = match_on
        self.mapping = mapping
        self.max_rejects = max_rejects
        self.on_ambiguous = on_ambiguous
        self.missing_options = missing_options
        self.create_related = create_related
        self.only_if_empty = only_if_empty
        self.empty = empty
        self.plans_only = dry_run  # Airflow's operators have a method of the name dry_run
        self.approval = approval_settings(approval, "approval")
        self.max_tokens = max_tokens
        self.max_writes = max_writes
        self.max_deletes = max_deletes
        self.within = within
        self.on_remove = on_remove
        self.timezone = timezone
        self.concurrency = concurrency
        self.folder = folder
        self.pipedrive_conn_id = pipedrive_conn_id
        self.deferrable = deferrable
        self._check_when_parsing()

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Render templates; a callable is left for the run, since Airflow takes it for one that renders."""
        rows = self.rows
        if callable(rows):
            self.rows = None
        super().render_template_fields(context, jinja_env)
        if callable(rows):
            self.rows = rows

    def _run(self, context: Context, *, waited: bool, approval: PlanApproval | None = None) -> dict[str, Any]:
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        hook = PipedriveHook(self.pipedrive_conn_id)
        link = ""
        self._lineage = Lineage()
        # What was spent counts for the whole run.
        advice = " Raise max_tokens, and clear the task."
        try:
            with spent_tokens_end_the_try(self, hook, waited=waited, at_once=self.concurrency, advice=advice):
                job, folder = BulkJob(**self._given()), journal_folder(self, context)
                self._refuse_to_double(job, folder)
                receipt = self._written(context, hook.client, job, folder, approval)
                link = _first_link(receipt["results"] and storage_path("results", receipt["results"]))
        finally:
            context["ti"].xcom_push(key=PipedriveRecordLink.xcom_key, value=link)
        self._lineage.wrote(entity(hook.client.origin, "deals" if self.entity.startswith("deal_") else self.entity))
        tell(hook, self._lineage.inputs, self._lineage.outputs)
        return receipt

    def _written(
        self, context: Context, client: PipedriveClient, job: BulkJob, folder: Any, approval: PlanApproval | None
    ) -> dict[str, Any]:
        """The receipt of a run; where somebody has to approve it first, ask."""
        from airflow_provider_pipedrive.bulk.engine import write, write_when_approved

        if self.approval is None:
            return write(client, self._rows(context), job, folder=folder)
        done = write_when_approved(client, self._rows(context), job, folder=folder, approval=approval)
        return settled(context, self.approval, done, client.origin, approval)

    # ---- rows

    def _rows(self, context: Context) -> Iterable[Mapping[str, Any]]:
        """The rows of this run."""
        rows = self.rows
        if callable(rows):
            rows = rows()
        if isinstance(rows, str) and rows.strip().startswith("[") and rows.strip().endswith("]"):
            rows = _rendered(rows)
        if rows is None or (isinstance(rows, str) and rows.strip() in ("", "None")):
            raise PipedriveParameterError("rows was rendered to nothing: the task that they come from has no result.")
        if isinstance(rows, str | Path):
            return self._rows_of([storage_path("rows", allowed("rows", rows))])
        if not isinstance(rows, Iterable) or isinstance(rows, Mapping):
            raise PipedriveParameterError(
                "rows must be a list of dicts, a callable that returns one, or a file's path, not "
                f"{type(rows).__name__}."
            )
        return rows

    def _rows_of(self, files: Sequence[Any], format: str | None = None) -> Iterator[Mapping[str, Any]]:  # noqa: A002
        """The rows of files, one file after the other."""
        from airflow_provider_pipedrive.bulk.files import read_rows

        for file in files:
            self._lineage.read(location(file))
            yield from read_rows(file, format)

    # ---- the job

    def _given(self) -> dict[str, Any]:
        given = {"dry_run": self.plans_only, **{name: getattr(self, name) for name in _JOB}}
        for name in _COUNTS:
            given[name] = None if given[name] in (None, "") else read_count(name, given[name], least=0)
        return given

    def _refuse_to_double(self, job: BulkJob, folder: Any) -> None:
        """Creations without a key are told apart by their journal alone: every try must find it.

        :raises PipedriveParameterError: another worker would not
        """
        if job.mode != "create" or job.matched_on or job.dry_run or getattr(folder, "fs", None) is not None:
            return
        executor = self.executor or conf.get("core", "executor", fallback="LocalExecutor").split(",")[0]
        if executor.rpartition(".")[2].rpartition(":")[2] not in _ONE_MACHINE:
            raise PipedriveParameterError(
                f'mode="create" without match_on knows what it has made by its journal in {folder}, and {executor} may '
                "give the next try to a worker that does not have it, which would double records. Set folder to a path "
                "in object storage, or match_on."
            )

    def _check_when_parsing(self) -> None:
        """Find wrong arguments; what is only known at run time is let through."""
        check_connection_id("pipedrive_conn_id", self.pipedrive_conn_id)
        if self.rows is None and type(self) is PipedriveBulkOperator:
            raise PipedriveParameterError("rows must be given: a list of dicts, a callable, or a file's path.")
        if isinstance(self.rows, int | float | bytes | Mapping):
            raise PipedriveParameterError(
                f"rows must be a list of dicts, a callable that returns one, or a file's path, not {self.rows!r:.60}."
            )
        given = {name: getattr(self, name) for name in _JOB}
        for name, value in given.items():
            if is_templated(value):
                given[name] = 0 if name in _COUNTS else _HARMLESS.get(name, value)
            elif name in _COUNTS and value not in (None, ""):
                given[name] = read_count(name, value, least=0)
        BulkJob(**given)


def _rendered(text: str) -> list[Any]:
    """The rows of another task that a template has rendered to text.

    :raises PipedriveParameterError: they have values that a text cannot give back, such as dates
    """
    found = from_text(text)
    if not isinstance(found, list):
        raise PipedriveParameterError(
            f"rows was rendered to a text that cannot be read as a list: {text:.80}. Give the other task's result "
            "itself (rows=task.output), or make the DAG with render_template_as_native_obj=True."
        )
    return found


def _first_link(results: Any) -> str:
    """The page of the first record that was written."""
    if not results:
        return ""
    with results.open(encoding="utf-8") as file:
        # Airflow 2's files in object storage cannot be iterated over.
        lines = iter(file.readline, "")
        return next(filter(None, (json.loads(line)["link"] for line in lines)), "")

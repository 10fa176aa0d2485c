"""Whole lists out of Pipedrive, and what changed in them, into a folder or object storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator, conf

from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveTokenCapError,
)
from airflow_provider_pipedrive.extraction.definition import CONCURRENCY, KEEP_PREVIOUS, LOOKBACK, ExtractionJob
from airflow_provider_pipedrive.hooks.lineage import Lineage, ReportsLineage, entity, location, tell
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage, ParametersKeptFromLineage, plain
from airflow_provider_pipedrive.operators.task_support import (
    check_path,
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

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class PipedriveToObjectStorageOperator(ReportsLineage, BaseOperator):
    """Extract entities of Pipedrive's into files: all records, or what was last updated in a window.

    The files of an entity lie in ``<path>/<entity>/[<partition>/]``, beside a ``_manifest.json`` that names them; see
    docs/extraction.md. They count together when all is read: read the files that it names. A try that fails leaves
    what it has read, and the next try of the same task continues from there.

    With ``mode="changes"`` the window is ``since`` to ``until``, by default the run's data interval, and in a backfill
    without intervals the time from the tick of the schedule before its logical date to that date. A run that has none
    (Airflow 3 gives none to runs that were triggered by hand or by an asset, nor to those of a plain cron schedule)
    reads on from the job's own watermark, which is kept in ``path``; where there is no watermark yet, it reads the
    whole list. That window is the run's from then on: repeated or cleared, it reads it again.

    Errors that another try cannot cure fail the task at once, ``max_tokens`` reached among them; others are left to
    Airflow's ``retries``. The task's result is a short receipt; the whole one is the file that it names.

    :param entities: names from docs/entities.md, such as ``["deals", "persons"]`` (templated)
    :param path: the folder, local or in object storage (``s3://connection@bucket/folder``) (templated)
    :param mode: ``snapshot``: every entity whole; ``changes``: what was last updated in a window
    :param since: begin of the window: a time with a zone, or a day (in UTC) (templated)
    :param until: end of the window, not included (templated)
    :param format: ``jsonl``, ``jsonl.gz``, ``csv`` or ``parquet``
    :param escape_formulas: with ``format="csv"``, put an apostrophe in front of texts that a spreadsheet would take for
        a formula (they begin with ``=``, ``+``, ``-``, ``@``, a tab or a line end); they do not read back as they were
    :param columns: ``readable``: custom fields as columns under their names, options as labels; ``raw``: records as
        Pipedrive sends them (``jsonl`` only)
    :param rename: let a column follow a field that was renamed in Pipedrive
    :param partition: folder below each entity's, such as ``dt={{ ds }}`` (templated). What lies there is replaced. By
        default a snapshot has none, and changes have one for each task of each run, so that no run takes the place of
        another.
    :param parameters: by entity, what narrows its list down, such as ``{"deals": {"filter_id": 7}}`` (templated)
    :param versions: ``latest``: of a record that was edited while a snapshot was read, its last state; ``all``: each
        state that was seen
    :param deletes: tell of deleted records as far as that costs next to nothing: those of which the lists tell, and
        after a snapshot those that were landed before and are not in it
    :param sweep: with ``mode="changes"``, look for deleted records among all that were landed
    :param allow_shrink: publish a snapshot although it has over 10 % fewer rows than the one before, or was read as
        another user
    :param lookback: seconds that a window reaches back
    :param concurrency: requests at once
    :param max_tokens: API tokens that a try may spend (templated). The task fails before it would spend more; cleared,
        or run again, it goes on.
    :param keep_previous: seconds that files stay which a new manifest no longer names, for who is still reading them;
        a later run removes them
    :param pipedrive_conn_id: the connection (templated)
    :param deferrable: where the day's API tokens are spent, wait for the new ones without a worker, and go on; the
        default is Airflow's ``[operators] default_deferrable``
    """

    template_fields: Sequence[str] = (
        *("entities", "path", "since", "until", "partition", "parameters", "max_tokens"),
        "pipedrive_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json"}
    ui_color = "#e6f4ea"
    path = KeptFromLineage()
    parameters = ParametersKeptFromLineage()

    def __init__(
        self,
        *,
        entities: Sequence[str],
        path: str | Path,
        mode: Literal["snapshot", "changes"] = "snapshot",
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        format: str = "jsonl",  # noqa: A002 - the users' word
        escape_formulas: bool = False,
        columns: Literal["readable", "raw"] = "readable",
        rename: bool = False,
        partition: str = "",
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        versions: Literal["latest", "all"] = "latest",
        deletes: bool = True,
        sweep: bool = False,
        allow_shrink: bool = False,
        lookback: float = LOOKBACK,
        concurrency: int = CONCURRENCY,
        max_tokens: int | str | None = None,
        keep_previous: float = KEEP_PREVIOUS,
        pipedrive_conn_id: str = "pipedrive_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.entities = entities
        self.path = path
        self.mode = mode
        self.since = since
        self.until = until
        self.format = format
        self.escape_formulas = escape_formulas
        self.columns = columns
        self.rename = rename
        self.partition = partition
        self.parameters = parameters
        self.versions = versions
        self.deletes = deletes
        self.sweep = sweep
        self.allow_shrink = allow_shrink
        self.lookback = lookback
        self.concurrency = concurrency
        self.max_tokens = max_tokens
        self.keep_previous = keep_previous
        self.pipedrive_conn_id = pipedrive_conn_id
        self.deferrable = deferrable
        self._check_when_parsing()

    def execute(self, context: Context) -> dict[str, Any]:
        """Extract them, going on where an earlier try ended, and return a receipt."""
        return self._extract(context, waited=False)

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Extract the rest, when the day's tokens are expected to be renewed."""
        return self._extract(context, waited=True)

    def _extract(self, context: Context, *, waited: bool) -> dict[str, Any]:
        from airflow_provider_pipedrive.extraction.job import extract
        from airflow_provider_pipedrive.extraction.storage.expiry import have_expired
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        hook = PipedriveHook(self.pipedrive_conn_id)
        name = run_name(self, context)
        try:
            with permanent_errors_end_the_task():
                job = self._job(context)
                check_path("path", self.path)
                folder = storage_path("path", self.path)
                self._make(folder)
                self._lineage = entities_read(hook.client.origin, job.entities)
                receipt = extract(hook.client, folder, job, run=name, owner=name, writer=writer_name(self, context))
        except PipedriveTokenCapError as error:
            # It may be tried again, but not by Airflow: each of its retries would spend max_tokens.
            raise AirflowFailException(f"{error} Clear the task for that.") from error
        except (PermissionError, NotADirectoryError, FileExistsError) as error:
            if have_expired(error):
                self.log.warning("The storage's credentials have expired: another try asks for new ones.")
                raise
            raise AirflowFailException(f"path: {self.path} cannot be written to: {error}") from error
        except PipedriveDailyBudgetError as error:
            if not self.deferrable:
                raise
            # As many as go out at once: all of them may have been refused.
            in_vain = waited and hook.usage.requests <= self.concurrency
            wait_for_tokens(self, error, in_vain=in_vain)
        for listed in job.entities:
            target = location(folder / listed)
            self._lineage.wrote(target)
            tell(hook, entities_read(hook.client.origin, [listed]).inputs, [target])
        return brief(receipt, folder / "_pipedrive" / "receipts" / f"{name}.json")

    def _make(self, folder: Any) -> None:
        """Make it on a disk; in object storage nothing is made but files."""
        from airflow_provider_pipedrive.extraction.storage.files import make_folder

        try:
            make_folder(folder)
        except FileNotFoundError as error:  # where no folder can be made, as below /proc
            raise AirflowFailException(f"path: {self.path} cannot be written to: {error}") from error

    # ---- what is asked for

    def _job(self, context: Context) -> ExtractionJob:
        """The job of this run.

        :raises PipedriveParameterError: an argument is wrong
        """
        since, until = self._moment("since"), self._moment("until")
        if self.mode == "changes" and since is None and until is None:
            since, until = run_window(context)
            if since is None:
                self.log.info(
                    "This run has no data interval (it was triggered by hand or by an asset, or its schedule has "
                    "none): reading on from the watermark in %s, or the whole list where there is no watermark yet; "
                    "or again what an earlier try of this run has read.",
                    self.path,
                )
        return self._make_job(since=since, until=until)

    def _moment(self, name: str) -> datetime | None:
        value = getattr(self, name)
        return None if value in (None, "") else moment(name, value)

    def _make_job(self, **others: Any) -> ExtractionJob:
        given: dict[str, Any] = {
            "entities": self.entities,
            "mode": self.mode,
            "format": self.format,
            "escape_formulas": self.escape_formulas,
            "columns": self.columns,
            "rename": self.rename,
            "partition": self.partition,
            "parameters": plain(self.parameters) or {},
            "versions": self.versions,
            "deletes": self.deletes,
            "sweep": self.sweep,
            "allow_shrink": self.allow_shrink,
            "lookback": self.lookback,
            "concurrency": self.concurrency,
            "keep_previous": self.keep_previous,
            "max_tokens": None if self.max_tokens in (None, "") else self.max_tokens,
            **others,
        }
        if given["max_tokens"] is not None:
            given["max_tokens"] = whole_number("max_tokens", given["max_tokens"])
        return ExtractionJob(**given)

    def _check_when_parsing(self) -> None:
        """Find wrong arguments; what is only known at run time is let through."""
        if not is_templated(self.path):
            check_path("path", self.path)
        # In place of what is still open stands what contradicts nothing.
        narrowed = [] if is_templated(plain(self.parameters)) else list(self.parameters or ())
        harmless: dict[str, Any] = {
            "entities": list(dict.fromkeys(["deals", *narrowed])),
            "partition": "",
            "parameters": {},
            "max_tokens": None,
        }
        others: dict[str, Any] = {name: value for name, value in harmless.items() if is_templated(getattr(self, name))}
        if self.format == "parquet" and not self.escape_formulas:
            others["format"] = "csv"  # the workers need pyarrow, not who parses
        others["since"] = datetime.min.replace(tzinfo=UTC) if is_templated(self.since) else self._moment("since")
        others["until"] = datetime.max.replace(tzinfo=UTC) if is_templated(self.until) else self._moment("until")
        self._make_job(**others).check()


def entities_read(origin: str, names: Sequence[str]) -> Lineage:
    """The lineage of a task that reads whole entities; the histories of stages come of the deals."""
    from airflow_provider_pipedrive.catalog import ENTITIES

    lineage = Lineage()
    lineage.read(*(entity(origin, name if name in ENTITIES else "deals") for name in names))
    return lineage


def brief(receipt: Mapping[str, Any], file: Any) -> dict[str, Any]:
    """A receipt that is small enough for XCom: of what can be long, the number.

    :param file: where the whole one lies
    """
    kept = (
        "rows",
        "parts",
        "bytes",
        "tombstones",
        "tokens",
        "strategy",
        "completeness",
        "window",
        "manifest",
        "set_aside",
    )
    entities = {
        name: {
            **{key: entity[key] for key in kept},
            "drift": len(entity["drift"]),
            "nulled_values": sum(entity["nulled_values"].values()),
        }
        for name, entity in receipt["entities"].items()
    }
    whole = {key: receipt[key] for key in ("mode", "format", "rows", "requests", "tokens", "seconds", "started_at")}
    return {**whole, "entities": entities, "receipt": str(file)}

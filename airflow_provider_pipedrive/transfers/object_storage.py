"""Whole lists out of Pipedrive, and what changed in them, into a folder or object storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from errno import ENAMETOOLONG, ENOENT
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_pipedrive.extraction.definition import KEEP_PREVIOUS, PART_MB, ExtractionJob
from airflow_provider_pipedrive.hooks.lineage import location, tell
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage
from airflow_provider_pipedrive.operators.task_support import (
    check_path,
    is_templated,
    run_name,
    run_window,
    storage_path,
    writer_name,
)
from airflow_provider_pipedrive.transfers.extraction_operator import ExtractionOperator, entities_read

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook


class PipedriveToObjectStorageOperator(ExtractionOperator):
    """Extract entities of Pipedrive's into files: all records, or what was last updated in a window.

    The files of an entity are in ``<path>/<entity>/[<partition>/]``, next to a ``_manifest.json`` that names them; see
    docs/extraction.md. They count together when all is read: read the files that it names. A try that fails leaves
    what it has read, and the next try of the same task continues from there.

    With ``mode="changes"`` the window is ``since`` to ``until``, by default the run's data interval, and in a backfill
    without intervals the time from the tick of the schedule before its logical date to that date. A run that has none
    (Airflow 3 gives none to runs that were triggered by hand or by an asset, nor to those of a plain cron schedule)
    reads on from the job's own watermark, which is kept in ``path``; where there is no watermark yet, it reads the
    whole list. That window is the run's from then on: repeated or cleared, it reads it again.

    Errors that another try cannot cure fail the task at once, ``max_tokens`` reached among them; others are left to
    Airflow's ``retries``. The task's result is a short receipt; the whole one is the file that it names.

    It takes the arguments of :class:`~airflow_provider_pipedrive.transfers.extraction_operator.ExtractionOperator`
    (``entities``, ``since``, ``until``, ``parameters`` and more), and these:

    :param path: the folder, local or in object storage (``s3://connection@bucket/folder``) (templated)
    :param mode: ``snapshot`` or ``changes``
    :param format: ``jsonl``, ``jsonl.gz``, ``csv`` or ``parquet``
    :param escape_formulas: with ``format="csv"``, put an apostrophe in front of texts that a spreadsheet would take for
        a formula (they begin with ``=``, ``+``, ``-``, ``@``, a tab or a line end); they do not read back as they were
    :param columns: ``readable``: custom fields as columns under their names, options as labels; ``raw``: records as
        Pipedrive sends them (``jsonl`` only)
    :param partition: folder below each entity's, such as ``dt={{ ds }}`` (templated). What is there is replaced. By
        default a snapshot has none, and changes have one for each task of each run, so that no run takes the place of
        another.
    :param deletes: report deleted records as far as that costs next to nothing: those that the lists report, and
        after a snapshot those that were landed before and are not in it
    :param keep_previous: seconds that files stay which a new manifest no longer names, for who is still reading them;
        a later run removes them
    :param part_mb: a file that has so many MB gets no further rows; files may be smaller, see docs/extraction.md
    :param latest: after a snapshot, put its rows into one more file of an unchanging name,
        ``<path>/<entity>/latest/<entity>.<format>``, for who can only read by a pattern; it is replaced whole
    """

    template_fields: Sequence[str] = (*ExtractionOperator.template_fields, "path", "partition")
    path = KeptFromLineage()

    def __init__(
        self,
        *,
        path: str | Path,
        mode: Literal["snapshot", "changes"] = "snapshot",
        format: str = "jsonl",  # noqa: A002 - the users' word
        escape_formulas: bool = False,
        columns: Literal["readable", "raw"] = "readable",
        partition: str = "",
        deletes: bool = True,
        keep_previous: float = KEEP_PREVIOUS,
        part_mb: float = PART_MB,
        latest: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(mode=mode, **kwargs)
        self.path = path
        self.format = format
        self.escape_formulas = escape_formulas
        self.columns = columns
        self.partition = partition
        self.deletes = deletes
        self.keep_previous = keep_previous
        self.part_mb = part_mb
        self.latest = latest
        self._check_when_parsing()

    def _extract(self, context: Context, hook: PipedriveHook) -> dict[str, Any]:
        from airflow_provider_pipedrive.extraction.job import extract

        name = run_name(self, context)
        job = self._job_of(context)
        check_path("path", self.path)
        folder = storage_path("path", self.path)
        try:
            self._make(folder)
            self._lineage = entities_read(hook.client.origin, job.entities)
            receipt = extract(hook.client, folder, job, run=name, owner=name, writer=writer_name(self, context))
        except (PermissionError, NotADirectoryError, FileExistsError) as error:
            raise AirflowFailException(f"path: {self.path} cannot be written to: {_fault_of(error)}.") from None
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
        except OSError as error:
            if error.errno not in (ENOENT, ENAMETOOLONG):  # where no folder can be made, as below /proc
                raise
            raise AirflowFailException(f"path: {self.path} cannot be written to: {_fault_of(error)}.") from None

    # ---- what is asked for

    def _job_of(self, context: Context) -> ExtractionJob:
        """The job of this run.

        :raises PipedriveParameterError: an argument is wrong
        """
        since, until = self._moment("since"), self._moment("until")
        if self.mode == "changes" and since is None and until is None:
            since, until = run_window(context)
            if since is None:
                self.log.info(
                    "This run has no data interval (it was triggered by hand or by an asset, or its schedule has "
                    "none): it goes by the watermarks in %s.",
                    self.path,
                )
        return self._job(**self._own_arguments(), since=since, until=until)

    def _own_arguments(self) -> dict[str, Any]:
        names = ("format", "escape_formulas", "columns", "partition", "deletes", "keep_previous", "part_mb", "latest")
        return {name: getattr(self, name) for name in names}

    def _check_when_parsing(self) -> None:
        if not is_templated(self.path):
            check_path("path", self.path)
        given = self._own_arguments()
        if is_templated(self.partition):
            given["partition"] = ""
        if self.format == "parquet" and not self.escape_formulas:
            given["format"] = "csv"  # the workers need pyarrow, not who parses
        self._check_job(**given)


def _fault_of(error: OSError) -> str:
    """Why a place cannot be written to: the system's words without its number; a storage has its own."""
    return error.strerror or str(error) or type(error).__name__


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

"""Files out of Pipedrive, into a folder or object storage."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.switches import check_switches
from airflow_provider_pipedrive.client.times import given_moment
from airflow_provider_pipedrive.client.whole_numbers import read_count
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.waits.arguments import patterns
from airflow_provider_pipedrive.files.listing import LINKS, FileFilter, FileWindow, Record
from airflow_provider_pipedrive.hooks.lineage import Lineage, ReportsLineage, entity, location, tell
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage
from airflow_provider_pipedrive.operators.record_links import PipedriveRecordLink
from airflow_provider_pipedrive.operators.task_support import (
    check_connection_id,
    check_path,
    is_templated,
    permanent_errors_end_the_task,
    run_name,
    run_window,
    storage_path,
)
from airflow_provider_pipedrive.transfers.file_links import check_links, url_of_link

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.files.downloads import FileDownloads
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

MAX_BYTES = FileFilter.max_bytes
_MARKS = ("since", "until", "after_id")


class PipedriveFileToObjectStorageOperator(ReportsLineage, BaseOperator):
    """Bring files out of Pipedrive: one or some by their ids, or all new ones of a record or of the whole account.

    Each becomes ``<path>/<id>-<name>``, the name made harmless, with Pipedrive's metadata as JSON next to it
    (``<id>-<name>.json``). It is streamed, appears when it is whole, and is not fetched again while it lies there and
    neither its size nor its last update has changed. The list of all files of the run, skipped ones with the reason, is
    ``<path>/_pipedrive/files/<dag>.<task>.<run>.jsonl``.

    New are the files added in a window: from ``since`` less 60 seconds (a file may become visible late; it is still
    stored once) to before ``until``. The default is the run's data interval, or in a backfill without intervals the
    time from the tick of the schedule before its logical date to that date. The list says of each
    file whether this run has landed it, at whichever of its tries (``by_this_run``).

    Files that are only linked (Google Drive) have no bytes in Pipedrive: they are skipped, and counted. So are deleted
    ones. Every page of 100 files costs 20 API tokens, and every download 20.

    :param path: the folder, local or in object storage (``s3://connection@bucket/folder``) (templated)
    :param file_id: an id, or a list of ids or of files' metadata, as a sensor or ``getFiles`` gives them (templated).
        A single file that cannot be brought fails the task; of several, it is skipped.
    :param deal_id: new files of this deal (templated), as are those of ``person_id``, ``org_id``, ``product_id``,
        ``activity_id``, ``lead_id`` and ``project_id``; one of them, or none for the files of the whole account. The
        last three have no list of their own: all new files are looked through for theirs.
    :param since: from when on: a time with a zone, or a day (in UTC) (templated)
    :param until: before when (templated)
    :param after_id: in place of a window: files with a greater id; 0 for all files (templated)
    :param names: only names like one of these patterns, such as ``*.pdf``; one or several, capital letters or not
    :param max_bytes: the largest file, in bytes
    :param inline_images: bring the pictures in the text of mails too
    :param mail_attachments: bring what came with mails too
    :param pipedrive_conn_id: the connection (templated)
    """

    template_fields: Sequence[str] = ("path", "file_id", *LINKS, "since", "until", "after_id", "pipedrive_conn_id")
    operator_extra_links = (PipedriveRecordLink(),)
    ui_color = "#e6f4ea"
    path = KeptFromLineage()
    file_id = KeptFromLineage()
    names = KeptFromLineage()

    def __init__(
        self,
        *,
        path: str | Path,
        file_id: Any = None,
        deal_id: int | str | None = None,
        person_id: int | str | None = None,
        org_id: int | str | None = None,
        product_id: int | str | None = None,
        activity_id: int | str | None = None,
        lead_id: str | None = None,
        project_id: int | str | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        after_id: int | str | None = None,
        names: str | Sequence[str] = (),
        max_bytes: int = MAX_BYTES,
        inline_images: bool = False,
        mail_attachments: bool = False,
        pipedrive_conn_id: str = "pipedrive_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.file_id = file_id
        self.deal_id = deal_id
        self.person_id = person_id
        self.org_id = org_id
        self.product_id = product_id
        self.activity_id = activity_id
        self.lead_id = lead_id
        self.project_id = project_id
        self.since, self.until, self.after_id = since, until, after_id
        self.names = names
        self.max_bytes = max_bytes
        self.inline_images = inline_images
        self.mail_attachments = mail_attachments
        self.pipedrive_conn_id = pipedrive_conn_id
        self._check()

    def execute(self, context: Context) -> dict[str, Any]:
        """Bring them, and return a receipt: numbers, tokens, why files were skipped, the first names, the manifest."""
        from airflow_provider_pipedrive.extraction.storage.files import make_folder, try_place
        from airflow_provider_pipedrive.files.downloads import FileDownloads, place
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        began = time.monotonic()
        hook = PipedriveHook(self.pipedrive_conn_id)
        url = ""
        try:
            with permanent_errors_end_the_task(), tempfile.TemporaryFile() as lines:
                self._check()
                window = None if self.file_id is not None else self._window(context)
                folder = storage_path("path", self.path)
                make_folder(folder)
                run = run_name(self, context)
                manifest = folder / "_pipedrive" / "files" / f"{run}.jsonl"
                try_place(manifest)
                self._lineage = Lineage()
                self._lineage.read(entity(hook.client.origin, "files"))
                downloads = FileDownloads(hook.client, folder, self._file_filter, cast(BinaryIO, lines), run)
                self._download(downloads, hook, window)
                make_folder(manifest.parent)
                lines.seek(0)
                place(manifest, lambda target: shutil.copyfileobj(lines, target))
                url = url_of_link(self, hook)
        finally:
            context["ti"].xcom_push(key=PipedriveRecordLink.xcom_key, value=url)
        self._lineage.wrote(location(folder))
        tell(hook, self._lineage.inputs, self._lineage.outputs)
        return self._receipt(downloads, window, manifest, time.monotonic() - began)

    # ---- which files

    def _download(self, downloads: FileDownloads, hook: PipedriveHook, window: FileWindow | None) -> None:
        from airflow_provider_pipedrive.files.downloads import skip_sentence
        from airflow_provider_pipedrive.files.listing import new_files

        if window is not None:
            link = next((name for name in LINKS if getattr(self, name) is not None), None)
            for file in new_files(hook.client, window, link, getattr(self, link) if link else None):
                downloads.download(file, asked=False)
            return
        for file in self._asked(hook):
            why = downloads.download(file, asked=True)
            if why and not isinstance(self.file_id, list | tuple):
                raise AirflowFailException(f"Not brought: {skip_sentence(file, why, self._file_filter)}")

    def _asked(self, hook: PipedriveHook) -> Iterator[Record]:
        """The files that are asked for by their ids, metadata that is given already not read again."""
        many = isinstance(self.file_id, list | tuple)
        for asked in self.file_id if many else [self.file_id]:
            yield asked if isinstance(asked, Mapping) else hook.run("getFile", {"id": asked})

    def _window(self, context: Context) -> FileWindow:
        if _given(self.after_id):
            return FileWindow(after_id=read_count("after_id", self.after_id, least=0))
        start, end = run_window(context)
        if _given(self.since):
            start, end = given_moment("since", self.since), None
        until = given_moment("until", self.until) if _given(self.until) else end
        if start is None:
            raise PipedriveParameterError(
                "This run has no data interval, or one without length (it was triggered by hand or by an asset, or its "
                "schedule has none), so it does not say which files are new: give since (such as "
                "2026-01-31T12:00:00Z), or after_id (0 for all files)."
            )
        if until is not None and until <= start:
            raise PipedriveParameterError(
                f"until ({until.isoformat()}) must be later than since ({start.isoformat()})."
            )
        return FileWindow(start, until)

    @property
    def _file_filter(self) -> FileFilter:
        names = patterns("names", self.names, "*.pdf")
        return FileFilter(names, self.max_bytes, self.inline_images, self.mail_attachments)

    # ---- what is told

    def _receipt(
        self, downloads: FileDownloads, window: FileWindow | None, manifest: Any, seconds: float
    ) -> dict[str, Any]:
        usage = downloads.client.usage
        receipt = {
            "files": downloads.files,
            "bytes": downloads.bytes,
            "already_there": downloads.already_there,
            "skipped": dict(downloads.skipped),
            "names": downloads.names,
            "last_id": downloads.last_id,
            "since": window.since.isoformat() if window and window.since else None,
            "until": window.until.isoformat() if window and window.until else None,
            "path": str(downloads.folder),
            "manifest": str(manifest),
            "requests": usage.requests,
            "tokens": usage.tokens,
            "seconds": round(seconds, 1),
        }
        self.log.info(
            "%s, %s, landed in %s; already there: %d; skipped: %s; %s, %.1f s",
            counted(downloads.files, "file"),
            counted(downloads.bytes, "byte"),
            downloads.folder,
            downloads.already_there,
            ", ".join(f"{number} ({reason})" for reason, number in downloads.skipped.items()) or 0,
            counted(usage.tokens, "API token"),
            seconds,
        )
        return receipt

    # ---- what is checked

    def _check(self) -> None:
        """Find wrong arguments; what is only known at run time, and still a template, is let through."""
        check_connection_id("pipedrive_conn_id", self.pipedrive_conn_id)
        check_path("path", self.path)
        links = check_links(self)
        if len(links) > 1:
            raise PipedriveParameterError(f"Give one of {', '.join(links)}: files are listed for one record.")
        if self.file_id is not None:
            self._check_asked(links)
        known = [name for name in _MARKS if _given(getattr(self, name)) and not is_templated(getattr(self, name))]
        for name in known:
            if name == "after_id":
                read_count(name, self.after_id, least=0)
            else:
                given_moment(name, getattr(self, name))
        if "after_id" in known and len(known) > 1:
            raise PipedriveParameterError("Give either after_id, or since and until.")
        self._check_choice()

    def _check_asked(self, links: Sequence[str]) -> None:
        others = [*links, *(name for name in _MARKS if _given(getattr(self, name)))]
        others += ["names"] if self.names else []
        if others:
            raise PipedriveParameterError(f"file_id says which files: leave out {', '.join(others)}.")
        if is_templated(self.file_id):
            return
        for asked in self.file_id if isinstance(self.file_id, list | tuple) else [self.file_id]:
            read_count("file_id", asked.get("id") if isinstance(asked, Mapping) else asked)

    def _check_choice(self) -> None:
        patterns("names", self.names, "*.pdf")
        check_switches(self, "inline_images", "mail_attachments")
        if type(self.max_bytes) is not int or self.max_bytes < 1:
            raise PipedriveParameterError(f"max_bytes must be a whole number from 1 on, not {self.max_bytes!r}.")


def _given(value: Any) -> bool:
    """Whether a value says something; a template may render to nothing."""
    return value is not None and value != ""

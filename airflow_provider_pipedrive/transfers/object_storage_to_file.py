"""A file from a folder or object storage into Pipedrive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.files.listing import LINKS, LISTS, Record, added_at, name_of
from airflow_provider_pipedrive.hooks.lineage import ReportsLineage
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage
from airflow_provider_pipedrive.operators.record_links import PipedriveRecordLink
from airflow_provider_pipedrive.operators.task_support import (
    check_connection_id,
    check_path,
    is_templated,
    permanent_errors_end_the_task,
    storage_path,
)
from airflow_provider_pipedrive.transfers.file_links import check_links, url_of_link

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

MAX_BYTES = 100 * 1024 * 1024
CLOCKS_DIFFER = timedelta(minutes=5)
"""By so much the worker's clock may be ahead of Pipedrive's."""


class ObjectStorageToPipedriveFileOperator(ReportsLineage, BaseOperator):
    """Upload a file and attach it to a deal, person, organization, product, activity, lead or project.

    Pipedrive takes the same file as often as it is sent. When Airflow repeats the task, the record's newest files are
    therefore looked at first: one of the same name and size that was added during this run is the upload of an earlier
    try, and is not sent again.

    An upload costs 10 API tokens, that look 20. The file is read while it is sent, in blocks of 5 MiB.

    :param path: the file, local or in object storage (``s3://connection@bucket/offer.pdf``) (templated)
    :param name: its name in Pipedrive; by default the path's (templated)
    :param deal_id: what it is attached to (templated), as are ``person_id``, ``org_id``, ``product_id``,
        ``activity_id``, ``lead_id`` and ``project_id``; at least one
    :param max_bytes: the largest file, in bytes
    :param pipedrive_conn_id: the connection (templated)
    """

    template_fields: Sequence[str] = ("path", "name", *LINKS, "pipedrive_conn_id")
    operator_extra_links = (PipedriveRecordLink(),)
    ui_color = "#e6f4ea"
    path = KeptFromLineage()
    name = KeptFromLineage()

    def __init__(
        self,
        *,
        path: str | Path,
        name: str | None = None,
        deal_id: int | str | None = None,
        person_id: int | str | None = None,
        org_id: int | str | None = None,
        product_id: int | str | None = None,
        activity_id: int | str | None = None,
        lead_id: str | None = None,
        project_id: int | str | None = None,
        max_bytes: int = MAX_BYTES,
        pipedrive_conn_id: str = "pipedrive_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.name = name
        self.deal_id = deal_id
        self.person_id = person_id
        self.org_id = org_id
        self.product_id = product_id
        self.activity_id = activity_id
        self.lead_id = lead_id
        self.project_id = project_id
        self.max_bytes = max_bytes
        self.pipedrive_conn_id = pipedrive_conn_id
        self._check()

    def execute(self, context: Context) -> dict[str, Any]:
        """Upload it, and return what Pipedrive says of the file."""
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        hook = PipedriveHook(self.pipedrive_conn_id)
        self._lineage = hook.lineage
        url = ""
        try:
            with permanent_errors_end_the_task():
                links = self._check()
                path = storage_path("path", self.path)
                size = self._size(path)
                name = self.name or path.name
                file = self._uploaded_before(context, hook, links, name, size)
                if file is None:
                    attached = {link: getattr(self, link) for link in links}
                    file = hook.run("addFile", {"file": (name, path), **attached})
                    self.log.info("Uploaded: %s, %s, as file %s", name, counted(size, "byte"), file["id"])
                url = url_of_link(self, hook)
                attached_to = ", ".join(f"{link.removesuffix('_id')} {getattr(self, link)}" for link in links)
                self.log.info("Attached to %s%s", attached_to, f": {url}" if url else "")
        finally:
            context["ti"].xcom_push(key=PipedriveRecordLink.xcom_key, value=url)
        return file

    def _size(self, path: Any) -> int:
        from airflow_provider_pipedrive.extraction.storage.files import calling

        try:
            with calling("read", path):
                size = int(path.stat().st_size)
        except OSError as error:
            raise PipedriveParameterError(
                f"path: {path} cannot be read: {error.strerror or type(error).__name__}."
            ) from error
        if path.is_dir():
            raise PipedriveParameterError(f"path: {path} is a folder: give a file (one task each, with expand()).")
        if size > self.max_bytes:
            raise PipedriveParameterError(f"path: {path} has {size} bytes, more than max_bytes ({self.max_bytes}).")
        return size

    def _uploaded_before(
        self, context: Context, hook: PipedriveHook, links: Sequence[str], name: str, size: int
    ) -> dict[str, Any] | None:
        """The file, if an earlier try of this run has uploaded it although the task did not end well."""
        began = getattr(context.get("dag_run"), "start_date", None)
        if context["ti"].try_number == 1 or began is None:
            return None
        for file in self._newest_files(hook, links):
            added = added_at(file)
            if name_of(file) == name and file.get("file_size") == size and added and added >= began - CLOCKS_DIFFER:
                self.log.info("%s was uploaded by an earlier try: file %s", name, file["id"])
                return dict(file)
        return None

    def _newest_files(self, hook: PipedriveHook, links: Sequence[str]) -> list[Record]:
        """The newest files that are attached to the same."""
        link = next((link for link in links if link in LISTS), links[0])
        listed = {"id": getattr(self, link)} if link in LISTS else {}
        newest = hook.run(LISTS.get(link, "getFiles"), {**listed, "sort": "id DESC", "start": 0, "limit": 100})
        wanted = {link: str(getattr(self, link)) for link in links}
        return [file for file in newest if all(str(file.get(link)) == wanted[link] for link in links)]

    def _check(self) -> list[str]:
        """Find wrong arguments; the names of the links that were given."""
        check_connection_id("pipedrive_conn_id", self.pipedrive_conn_id)
        check_path("path", self.path)
        if self.name is not None and not isinstance(self.name, str) and not is_templated(self.name):
            raise PipedriveParameterError(
                f"name must be a file's name in Pipedrive, such as 'offer.pdf', not {self.name!r}."
            )
        links = check_links(self)
        if not links:
            raise PipedriveParameterError(f"Say what the file is attached to: give one of {', '.join(LINKS)}.")
        if type(self.max_bytes) is not int or self.max_bytes < 1:
            raise PipedriveParameterError(f"max_bytes must be a whole number from 1 on, not {self.max_bytes!r}.")
        return links

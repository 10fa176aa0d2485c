"""Rows of files into Pipedrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.hooks.allowed_paths import allowed
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.operators.task_support import check_path, is_templated, storage_path

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class ObjectStorageToPipedriveOperator(PipedriveBulkOperator):
    """Write the rows of one or several files to Pipedrive, as :class:`PipedriveBulkOperator` does.

    Files are JSON lines, CSV (with a header line, in UTF-8) or Parquet, local or in object storage.

    :param path: a file, or a pattern such as ``s3://connection@bucket/drop/*.csv``; matching files are read in the
        order of their names, as one (templated)
    :param format: ``jsonl``, ``jsonl.gz``, ``csv`` or ``parquet``; by default, as the names end
    """

    template_fields: Sequence[str] = (*PipedriveBulkOperator.template_fields, "path")
    path = KeptFromLineage()

    def __init__(self, *, path: str | Path, format: str | None = None, **kwargs: Any) -> None:  # noqa: A002
        self.path = path
        self.format = format
        super().__init__(**kwargs)
        from airflow_provider_pipedrive.bulk.files import FORMATS

        if format is not None and format not in FORMATS:
            raise PipedriveParameterError(f"format must be one of {', '.join(FORMATS)}, not {format!r}.")
        if not is_templated(path):
            check_path("path", path)

    def _rows(self, context: Context) -> Iterable[Mapping[str, Any]]:
        check_path("path", self.path)
        files = self._files()
        self.log.info("Reading rows from %s.", ", ".join(str(file) for file in files[:10]))
        return self._rows_of(files, self.format)

    def _files(self) -> list[Any]:
        text = str(allowed("path", self.path))
        folder, _, pattern = text.rpartition("/")
        if not any(sign in pattern for sign in "*?["):
            return [storage_path("path", text)]
        found = sorted(storage_path("path", folder or ".").glob(pattern), key=str)
        if not found:
            raise PipedriveParameterError(f"path: no file matches {text}.")
        return found

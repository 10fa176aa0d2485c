"""Pipedrive as a destination of dlt: whatever dlt reads is written back, matched and journalled as by :mod:`~.bulk`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.bulk.files import read_rows
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError

if TYPE_CHECKING:
    from dlt.common.destination import Destination
    from dlt.common.schema.typing import TTableSchema

    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
_BY_FILE = ("create", "update", "upsert", "delete")
"""Modes whose rows may come in several files: a mirror would remove the records of all other files."""


def pipedrive_destination(
    client: PipedriveClient, jobs: Mapping[str, BulkJob], *, folder: str | Path
) -> Destination[Any, Any]:
    """A destination for ``dlt.pipeline(destination=...)``.

    dlt hands over one file of a table after the other. Each is a bulk run of its own, in a folder of its own: where dlt
    loads a file again, because the process died or Pipedrive was down, the run continues and nothing is written twice.
    An empty value leaves a field alone, since dlt fills the gaps of rows that have fewer columns with empty values.

    :param client: whose account the rows are written to
    :param jobs: what a table's rows are to do, by the name of the table
    :param folder: where the runs keep their journals, in folders ``<table>/<file>``
    :raises PipedriveParameterError: a job is wrong, or is a mirror
    """
    import dlt
    from dlt.common.destination.exceptions import DestinationTerminalException

    _check(jobs)

    def write_file(path: Any, table: TTableSchema) -> None:
        try:
            _write_file(client, jobs, Path(folder), Path(path), str(table["name"]))
        except PipedriveError as error:
            if error.retryable:
                raise  # dlt loads the file again
            raise DestinationTerminalException(str(error)) from error

    # Rows of two files may mean one record, and the rate limit paces them in any case: one file after the other.
    made = dlt.destination(
        write_file,
        name="pipedrive",
        batch_size=0,
        loader_file_format="parquet",
        loader_parallelism_strategy="sequential",
    )
    destination: Destination[Any, Any] = made()
    return destination


def _check(jobs: Mapping[str, BulkJob]) -> None:
    for table, job in jobs.items():
        if job.mode not in _BY_FILE:
            raise PipedriveParameterError(
                f'{table}: mode="{job.mode}" needs all rows at once, and dlt hands them over in files: use one of '
                f"{', '.join(_BY_FILE)}."
            )


def _write_file(client: PipedriveClient, jobs: Mapping[str, BulkJob], folder: Path, path: Path, table: str) -> None:
    """Write one of dlt's files, whose name is ``<table>.<file>.<tries>.parquet``."""
    if table not in jobs:
        raise PipedriveParameterError(
            f"There is no job for the table {table!r}: jobs has {', '.join(map(repr, jobs)) or 'none'}."
        )
    _table, file, *_ = path.name.split(".")
    write(client, _rows(path), jobs[table], folder=folder / table / file)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for row in read_rows(path):
        yield {column: value for column, value in row.items() if value is not None}

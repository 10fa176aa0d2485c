"""A dataset of Delta tables. A merge of dlt's is one commit of Delta's."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.warehouse.lake import Lake

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.destination import Destination
    from airflow_provider_pipedrive.warehouse.parts import Prepared

log = logging.getLogger(__name__)


class DeltaLake(Lake):
    """A dataset of Delta tables.

    :param destination: dlt's ``filesystem``, whose credentials have ``bucket_url``
    :param dataset: the folder of the tables
    :param compact: join small files after each load
    :raises PipedriveParameterError: an argument is wrong
    """

    table_format = "delta"
    title = "Delta tables"
    library = ("deltalake", "delta")

    def __init__(self, destination: Destination, dataset: str, *, compact: bool = False) -> None:
        super().__init__(destination, dataset)
        self.compact = compact

    def _rows_of(self, table: Any) -> int:
        return int(table.to_pyarrow_dataset().count_rows())

    def _batches_of(self, table: Any, columns: Sequence[str]) -> Iterator[Any]:
        yield from table.to_pyarrow_dataset().to_batches(columns=list(columns))

    def _keep(self, pipeline: Any, ready: Prepared) -> None:
        for table in ready.tables if self.compact else ():
            written = self._table(pipeline, table.name)
            if written is not None:
                log.info("%s: %s", table.name, written.optimize.compact())

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

    def _has(self, pipeline: Any, name: str) -> bool:
        return _table(pipeline, name) is not None

    def _count(self, pipeline: Any, entity: str) -> int:
        table = _table(pipeline, entity)
        return table.to_pyarrow_dataset().count_rows() if table else 0

    def _batches(self, pipeline: Any, name: str, columns: Sequence[str]) -> Iterator[Any]:
        table = _table(pipeline, name)
        yield from table.to_pyarrow_dataset().to_batches(columns=list(columns)) if table else ()

    def _keep(self, pipeline: Any, ready: Prepared) -> None:
        for table in ready.tables if self.compact else ():
            if written := _table(pipeline, table.name):
                log.info("%s: %s", table.name, written.optimize.compact())


def _table(pipeline: Any, name: str) -> Any:
    """A Delta table; None where there is none."""
    from dlt.common.destination.exceptions import DestinationUndefinedEntity

    with pipeline.destination_client() as client:
        try:
            return client.load_open_table("delta", name)
        except DestinationUndefinedEntity:
            return None

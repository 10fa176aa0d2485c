"""Parquet files. Imported only where one is written or read: pyarrow is an extra of this package.

The columns' types are those of :mod:`airflow_provider_pipedrive.extraction.output.arrow`. Rows are sorted a stretch at
a time, first by pipeline, then by last update, and each stretch has several row groups: a filter on either column skips
most of them by their statistics, and the footer names the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_pipedrive.extraction.output import arrow
from airflow_provider_pipedrive.extraction.output.arrow import TypedPart
from airflow_provider_pipedrive.extraction.output.names import format_of
from airflow_provider_pipedrive.extraction.output.part_writer import FileColumn, opened

BATCH_ROWS = 500
"""Rows that are read together."""
GROUP_ROWS = 5_000
"""Rows of a row group at most."""
STRETCH_ROWS = 4 * GROUP_ROWS
"""Rows that are sorted together at most."""
STRETCH_BYTES = 8 * 1024 * 1024
"""A stretch of so many bytes is written before it has that many rows."""
_ORDER: Final = ("pipeline_id", "update_time")


class ParquetPart(TypedPart):
    """A Parquet file being written, compressed with zstd."""

    def __init__(self, path: Any, columns: Sequence[FileColumn], schema: Any = None) -> None:
        super().__init__(path, columns, schema)
        self._order = [name for name in _ORDER if name in self._schema.names]
        self._waiting: list[Any] = []
        self._waiting_rows = self._waiting_bytes = 0
        with self._whole_or_gone():
            self._writer = pq.ParquetWriter(
                self._file,
                self._schema,
                compression="zstd",
                use_dictionary=_texts(self._schema),
                sorting_columns=[pq.SortingColumn(self._schema.get_field_index(name)) for name in self._order] or None,
            )

    def _batches_of(self, source: Any) -> Iterator[Any]:
        return _batches(source)

    def _add(self, batch: Any) -> None:
        self._waiting.append(batch)
        self._waiting_rows += len(batch)
        self._waiting_bytes += batch.get_total_buffer_size()  # ten times as fast as nbytes
        if self._waiting_rows >= STRETCH_ROWS or self._waiting_bytes >= STRETCH_BYTES:
            self._write_stretch()

    def _write_stretch(self) -> None:
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._waiting, self._schema)
        self._waiting.clear()
        self._waiting_rows = self._waiting_bytes = 0
        places = pc.sort_indices(table, [(name, "ascending") for name in self._order]) if self._order else None
        for start in range(0, len(table), GROUP_ROWS):
            group = table.slice(start, GROUP_ROWS)
            self._writer.write_table(group if places is None else _taken(table, places.slice(start, GROUP_ROWS)))
        self._file.flush()
        del table, group
        pa.default_memory_pool().release_unused()

    def _finish(self) -> None:
        self._write_stretch()
        self._writer.close()
        self._file.flush()


def _taken(table: Any, places: Any) -> Any:
    """The rows at these places. Columns without a value, which most custom fields' are, stay as they are."""
    columns = [
        column.slice(0, len(places)) if column.null_count == len(column) else column.take(places)
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _texts(schema: Any) -> list[str]:
    """The columns of texts, which may be few and often the same: as a dictionary they are smaller then."""
    return [field.name for field in schema if pa.types.is_string(field.type)]


def _batches(path: Any) -> Iterator[Any]:
    """The rows of a file that is to be published, or of one that is."""
    if format_of(path.name) != "parquet":
        yield from arrow.batches(path)
        return
    with opened(path) as file:
        yield from pq.ParquetFile(file).iter_batches(BATCH_ROWS)


def schema_of(path: Any) -> Any:
    """The columns of a Parquet file."""
    with opened(path) as file:
        return pq.ParquetFile(file).schema_arrow


def read(path: Any) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file."""
    with opened(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
            yield from batch.to_pylist()

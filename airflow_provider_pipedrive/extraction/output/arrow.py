"""Rows as typed columns, and the files that they wait in until they are published as Parquet. Imported only where
Parquet is wanted: pyarrow is an extra of this package.

======================= ==================== ==================================================
a column's type         in Arrow             besides
======================= ==================== ==================================================
``string``              string               everything that is no text is written as JSON text
``json``                string               everything is written as JSON text
``integer``             int64
``number``              double
``boolean``             bool
``timestamp``           timestamp[us, UTC]
``date``                date32
``time``                string               a duration may be longer than a day
``list``                list of its elements each element as above
======================= ==================== ==================================================

A column's Arrow field says in its metadata what the column is called in Pipedrive (``description``) and which labels
its options have (``options``, JSON by the options' ids).

What fits each type besides its own values is in :mod:`airflow_provider_pipedrive.extraction.rows.fitting`, which rows
have gone through before they come here; rows that have not are fitted in the same way, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_pipedrive.extraction.output import arrays
from airflow_provider_pipedrive.extraction.output.part_writer import (
    Columns,
    FileColumn,
    PartWriter,
    Rows,
    as_text,
    opened,
)
from airflow_provider_pipedrive.extraction.rows import fitting
from airflow_provider_pipedrive.extraction.rows.fitting import DoesNotFitError

_BUFFER: Final = 64 * 1024
"""Bytes that pyarrow hands on at once: each column has several pieces, and each call into Python costs more than they
do."""


class TypedPart(PartWriter):
    """A file of typed columns being written.

    :param columns: the columns of the rows; empty where the rows of other files are copied
    :param schema: of those files
    """

    def __init__(self, path: Any, columns: Sequence[FileColumn], schema: Any = None) -> None:
        super().__init__(path)
        self._columns = columns
        self._schema = schema or pa.schema([_field(column) for column in columns])
        self._file = pa.BufferedOutputStream(pa.PythonFile(self._sink, "w"), _BUFFER)

    def _write(self, rows: Rows) -> None:
        if rows:
            self._write_columns(
                {column.name: [row[column.name] for row in rows] for column in self._columns}, len(rows)
            )

    def _write_columns(self, columns: Columns, count: int) -> None:
        arrays = []
        for column in self._columns:
            array, nulled_values = _converted(column, columns[column.name])
            if nulled_values:
                self._nulled_values[column.name] += nulled_values
            arrays.append(array)
        self._add(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def _copy(self, source: Any, rows: int, drop: Container[int]) -> int:
        kept = number = 0
        for batch in self._batches_of(source):
            if drop:
                keep = [at not in drop for at in range(number, number + len(batch))]
                number += len(batch)
                batch = batch.filter(arrays.booleans(keep, gaps=False))
            kept += len(batch)
            self._add(batch)
        return kept

    def _batches_of(self, source: Any) -> Iterator[Any]:
        return batches(source)

    def _add(self, batch: Any) -> None:
        raise NotImplementedError


class ArrowPart(TypedPart):
    """Typed rows as they wait to be published: Arrow's stream, compressed with LZ4, which costs next to nothing.

    Dozens of parts are written at once, so no rows of them stay in memory.
    """

    def __init__(self, path: Any, columns: Sequence[FileColumn], schema: Any = None) -> None:
        super().__init__(path, columns, schema)
        with self._whole_or_gone():
            self._stream = pa.ipc.new_stream(
                self._file, self._schema, options=pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
            )

    def _add(self, batch: Any) -> None:
        self._stream.write_batch(batch)
        self._file.flush()

    def _finish(self) -> None:
        self._stream.close()
        self._file.flush()


def schema_of(path: Any) -> Any:
    """The columns of a file of such rows."""
    with opened(path) as file, pa.ipc.open_stream(file) as stream:
        return stream.schema


def batches(path: Any, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """The rows of such a file.

    :param columns: those that are wanted; by default all
    """
    wanted = None
    if columns is not None:
        schema = schema_of(path)
        wanted = [schema.get_field_index(name) for name in columns]
    options = pa.ipc.IpcReadOptions(included_fields=wanted, use_threads=False)
    with opened(path) as file, pa.ipc.open_stream(file, options=options) as stream:
        yield from stream


def read(path: Any) -> Iterator[dict[str, Any]]:
    """The rows of such a file, one after another."""
    for batch in batches(path):
        yield from batch.to_pylist()


class _ArrayOf(Protocol):
    """Lays out an array of values, among them None where there are gaps."""

    def __call__(self, values: Sequence[Any], *, gaps: bool) -> Any: ...


@dataclass(frozen=True)
class _Kind:
    """How values of one type get into Arrow.

    :ivar plain: the Python types of values that are taken all at once, if they are in its range
    :ivar array: such values as an array, with None where there is none
    :ivar fit: one value on its own as one of those, or :class:`DoesNotFitError`
    """

    arrow: Any
    plain: frozenset[type]
    array: _ArrayOf
    fit: Callable[[Any], Any]


def _array(values: Sequence[Any], kind: _Kind) -> tuple[Any, int]:
    """The values as an Arrow array, and how many of them had to become null."""
    if fitting.all_null(values):
        return pa.nulls(len(values), kind.arrow), 0
    types = set(map(type, values))
    if types <= kind.plain:
        with suppress(*arrays.OUT_OF_RANGE):  # at least one needs a look of its own
            return kind.array(values, gaps=_NONE in types), 0
    nothing = (None,) if pa.types.is_string(kind.arrow) else (None, "")
    fitted, nulled_values = [], 0
    for value in values:
        try:
            fitted.append(None if value in nothing else kind.fit(value))
        except DoesNotFitError:
            fitted.append(None)
            nulled_values += 1
    return kind.array(fitted, gaps=True), nulled_values


def _list_array(values: Sequence[Any], items: _Kind) -> tuple[Any, int]:
    """The same for a column of lists."""
    if fitting.all_null(values):
        return pa.nulls(len(values), pa.list_(items.arrow)), 0
    types, nulled_values = set(map(type, values)), 0
    if not types <= _LISTS:
        nulled_values = sum(not isinstance(value, list | tuple) and value not in (None, "") for value in values)
        values = [value if isinstance(value, list | tuple) else None for value in values]
    elements, nulled_elements = _array([*chain.from_iterable(filter(None, values))], items)
    return arrays.lists(values, elements, gaps=types != {list}), nulled_values + nulled_elements


_NONE: type = type(None)
_LISTS = frozenset({list, tuple, _NONE})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else as_text(value)


def _number(value: Any) -> float:
    return float(fitting.number(value))


_ZONED = re.compile(r":.*(Z|[+-]\d\d(:?\d\d)?)\Z", re.ASCII)


def _timestamps(values: Sequence[str | None], *, gaps: bool) -> Any:
    """Texts as timestamps; one without a zone is UTC, as all of Pipedrive's are."""
    with suppress(pa.ArrowInvalid):  # some have none
        return pc.cast(arrays.texts(values, gaps=gaps), arrays.UTC_TIME)
    zoned = [value if value is None or _ZONED.search(value) else f"{value}Z" for value in values]
    return pc.cast(arrays.texts(zoned, gaps=gaps), arrays.UTC_TIME)


def _dates(values: Sequence[str | None], *, gaps: bool) -> Any:
    return pc.cast(arrays.texts(values, gaps=gaps), pa.date32())


_TEXT = frozenset({str, _NONE})
_STRING = _Kind(pa.string(), _TEXT, arrays.texts, _text)
_KINDS = {
    "string": _STRING,
    "time": _STRING,
    "json": _Kind(pa.string(), frozenset(), arrays.texts, as_text),
    "integer": _Kind(pa.int64(), frozenset({int, _NONE}), arrays.integers, fitting.integer),
    "number": _Kind(pa.float64(), frozenset({int, float, _NONE}), arrays.numbers, _number),
    "boolean": _Kind(pa.bool_(), frozenset({bool, _NONE}), arrays.booleans, fitting.boolean),
    "timestamp": _Kind(arrays.UTC_TIME, _TEXT, _timestamps, fitting.timestamp_text),
    "date": _Kind(pa.date32(), _TEXT, _dates, fitting.date_text),
}


def _field(column: FileColumn) -> Any:
    """A column of the file. Its metadata says what it is called in Pipedrive, and which labels its options have."""
    about = {
        **({"description": column.description} if column.description else {}),
        **({"options": as_text(column.labels)} if column.labels else {}),
    }
    return pa.field(column.name, _arrow(column), metadata=about or None)


def _arrow(column: FileColumn) -> Any:
    return pa.list_(_items(column).arrow) if column.type == "list" else _KINDS[column.type].arrow


def _items(column: FileColumn) -> _Kind:
    return _KINDS[column.items or "string"]


def _converted(column: FileColumn, values: Sequence[Any]) -> tuple[Any, int]:
    if column.type == "list":
        return _list_array(values, _items(column))
    return _array(values, _KINDS[column.type])

"""Rows out of files: JSON lines, CSV and Parquet, one record after the other."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_pipedrive.errors import PipedriveParameterError

_BATCH = 1_000
_ENDINGS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".jsonl.gz": "jsonl.gz", ".csv": "csv", ".parquet": "parquet"}
FORMATS = ("jsonl", "jsonl.gz", "csv", "parquet")


def format_of(name: str) -> str:
    """A file's format by its ending.

    :raises PipedriveParameterError: it has none of the known ones
    """
    for ending, found in sorted(_ENDINGS.items(), key=lambda item: -len(item[0])):
        if name.lower().endswith(ending):
            return found
    raise PipedriveParameterError(
        f"{name}: rows are read from files that end with {', '.join(_ENDINGS)}: rename it, or set format."
    )


def read_rows(path: Any, format: str | None = None) -> Iterator[dict[str, Any]]:  # noqa: A002 - the users' word
    """The rows of a file; memory does not grow with their number.

    CSV has a header line, commas and UTF-8, with or without a byte order mark; all its values are texts.

    :param path: a local path, or one in object storage, with ``open`` and ``name``
    :param format: ``jsonl``, ``jsonl.gz``, ``csv`` or ``parquet``; by default, as the name ends
    :raises PipedriveParameterError: the file is not of that format; the line is named
    :raises OSError: it cannot be read
    """
    chosen = format or format_of(path.name)
    if chosen not in _READERS:
        raise PipedriveParameterError(f"format must be one of {', '.join(FORMATS)}, not {chosen!r}.")
    try:
        file = path.open("rb")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise PipedriveParameterError(f"{path} is not a file with rows: {error.strerror or error}.") from None
    with file:
        yield from _READERS[chosen](path, file)


def _jsonl(path: Any, file: Any) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise PipedriveParameterError(f"{path}, line {number} is not JSON: {error}.") from None
        if not isinstance(row, dict):
            raise PipedriveParameterError(f"{path}, line {number} must be an object, not {line[:60]!r}.")
        yield row


def _gzipped(path: Any, file: Any) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(file, "rb") as unpacked:
            yield from _jsonl(path, unpacked)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise PipedriveParameterError(f"{path} is not a whole file of gzip: {error}.") from None


def _csv(path: Any, file: Any) -> Iterator[dict[str, Any]]:
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        yield from _table(path, csv.DictReader(text, strict=True))


def _table(path: Any, reader: csv.DictReader[str]) -> Iterator[dict[str, Any]]:
    try:
        header = reader.fieldnames or []
        _refuse_twice(path, header)
        if len(header) == 1 and any(sign in header[0] for sign in ";\t|"):
            raise PipedriveParameterError(
                f"{path}: its header is one column, {header[0]!r:.200}. Rows of CSV files are read with commas between "
                "cells: write the file with them."
            )
        for row in reader:
            if None in row or None in row.values():
                raise PipedriveParameterError(
                    f"{path}, line {reader.line_num} has {'more' if None in row else 'fewer'} cells than the header."
                )
            yield row
    except (csv.Error, UnicodeDecodeError) as error:
        raise PipedriveParameterError(f"{path}, line {reader.line_num + 1} is not CSV in UTF-8: {error}.") from None


def _refuse_twice(path: Any, names: Sequence[str]) -> None:
    """Of two columns with one name a dict keeps the last: nobody would see that."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PipedriveParameterError(f"{path}: two columns have the name {', '.join(map(repr, twice))}.")


def _parquet(path: Any, file: Any) -> Iterator[dict[str, Any]]:
    try:
        import pyarrow.parquet as pq
        from pyarrow import ArrowInvalid
    except ImportError:
        raise PipedriveParameterError(
            "Reading Parquet needs pyarrow on the workers: pip install 'airflow-provider-pipedrive[parquet]'."
        ) from None
    try:
        table = pq.ParquetFile(file)
        _refuse_twice(path, table.schema_arrow.names)
        for batch in table.iter_batches(_BATCH):
            yield from batch.to_pylist()
    except ArrowInvalid as error:
        raise PipedriveParameterError(f"{path} is not Parquet: {error}.") from None


_READERS: Mapping[str, Callable[[Any, Any], Iterator[dict[str, Any]]]] = {
    "jsonl": _jsonl,
    "jsonl.gz": _gzipped,
    "csv": _csv,
    "parquet": _parquet,
}

"""Parts as JSON lines, plain and gzipped."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from airflow_provider_pipedrive.extraction.output.part_writer import (
    Columns,
    FileSink,
    GzipSink,
    PartWriter,
    Rows,
    batched,
    blocks,
    opened,
)

_TOGETHER = 100
"""Records that are written at once: a page of 500 would be in memory twice."""
_JSON = msgspec.json.Encoder()


class JsonLinesPart(PartWriter):
    """A file of JSON lines being written."""

    def __init__(self, path: Any, *, gzipped: bool) -> None:
        super().__init__(path, GzipSink if gzipped else FileSink)
        self._gzipped = gzipped

    def _write(self, rows: Rows) -> None:
        self._sink.write(_JSON.encode_lines(rows))

    def _write_columns(self, columns: Columns, count: int) -> None:
        self._sink.write(_lines_of(columns))

    def _write_raw(self, records: Sequence[bytes | msgspec.Raw]) -> None:
        for first in range(0, len(records), _TOGETHER):
            self._sink.write(_joined(records[first : first + _TOGETHER]))

    def _copy(self, source: Any, rows: int, drop: Collection[int]) -> int:
        kept = 0
        with opened(source) as file:
            if not drop:
                for block in blocks(_plain(file, gzipped=self._gzipped)):
                    self._sink.write(block)
                return rows
            lines = _lines(file, gzipped=self._gzipped)
            for some in batched(line for number, line in enumerate(lines) if number not in drop):
                self._sink.write(b"".join(some))
                kept += len(some)
        return kept


def _lines_of(columns: Columns) -> bytes:
    """The rows as lines. Objects of a class that knows its keys are made and encoded in a fraction of the time that
    dictionaries take."""
    return _JSON.encode_lines([*map(_row(tuple(columns)), *columns.values())])


@lru_cache(maxsize=16)
def _row(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """The class of rows with these columns."""
    keys = {f"f{at}": name for at, name in enumerate(names)}
    return msgspec.defstruct("Row", [(field, Any) for field in keys], rename=keys, gc=False)


def _joined(records: Sequence[bytes | msgspec.Raw]) -> bytes:
    """The records as lines. One that is spread over several lines is written again, its numbers untouched."""
    lines = b"\n".join([*records, b""])
    if lines.count(b"\n") == len(records) and b"\r" not in lines:
        return lines
    return b"\n".join(msgspec.json.format(bytes(record), indent=-1) for record in records) + b"\n"


def read(path: Any, *, gzipped: bool) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with opened(path) as file:
        for line in _lines(file, gzipped=gzipped):
            yield decode(line)


def _lines(file: Any, *, gzipped: bool) -> Iterator[bytes]:
    """The lines of a file of JSON lines, each with its end."""
    rest = b""
    for block in blocks(_plain(file, gzipped=gzipped)):  # Airflow 2's files in object storage cannot be iterated over
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest


def _plain(file: Any, *, gzipped: bool) -> Any:
    return gzip.GzipFile(fileobj=file) if gzipped else file

"""A part being written: row by row in constant memory, hashed and counted on the way, and either whole or gone.

Whatever goes wrong while a part is written removes its file.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Protocol

import msgspec

from airflow_provider_pipedrive.client.whole_files import UnfinishedFile
from airflow_provider_pipedrive.extraction.storage.files import NewKey, store_of
from airflow_provider_pipedrive.extraction.storage.store import file_system

Rows = Sequence[Mapping[str, Any]]
Columns = Mapping[str, Sequence[Any]]
"""The values of every column, in the columns' order."""

_AT_ONCE = 500
"""Rows handled together where a part is rewritten."""
_BLOCK = 1024 * 1024
_GZIP_LEVEL = 3
"""Less than half the time of zlib's default, for a sixth more bytes."""
_GZIP = 16 + zlib.MAX_WBITS
_JSON = msgspec.json.Encoder()


class FileColumn(Protocol):
    """What a column says of itself."""

    @property
    def name(self) -> str:
        """Its name in the rows and in the file."""

    @property
    def type(self) -> str:
        """``string``, ``integer``, ``number``, ``boolean``, ``timestamp``, ``date``, ``time``, ``list`` or ``json``."""

    @property
    def items(self) -> str | None:
        """The type of a list's elements."""

    @property
    def description(self) -> str:
        """What it is called in Pipedrive; empty where that says nothing more than its name."""

    @property
    def labels(self) -> Mapping[str, str] | None:
        """The labels of its options by their ids, where it has options."""


@dataclass(frozen=True)
class Part:
    """A finished file.

    :ivar rows: its records
    :ivar bytes: its size
    :ivar sha256: hash of its bytes, in hexadecimal
    :ivar nulled_values: by column, how many values could not be written as they came: they did not fit the column's
        type and are null, or held what no text can
    :ivar nulled_rows: the number (from 0) of the row of each of them
    """

    rows: int
    bytes: int
    sha256: str
    nulled_values: Mapping[str, int] = field(default_factory=dict)
    nulled_rows: Mapping[str, Sequence[int]] = field(default_factory=dict)


class FileSink:
    """A new file that counts and hashes what it is given.

    ``closed``, ``tell``, ``flush`` and ``close`` are there for pyarrow, which takes it for a file.
    """

    closed = False

    def __init__(self, path: Any) -> None:
        self._target = UnfinishedFile(path) if file_system(path) is None else NewKey(path)
        self._hash = hashlib.sha256()
        self._discarded = False
        self.bytes = 0

    def write(self, data: bytes) -> int:
        """Append bytes, and return how many there were."""
        if self._discarded:  # pyarrow's writer ends its file when it is let go, whatever has happened
            return len(data)
        self._target.file.write(data)
        self._hash.update(data)
        self.bytes += len(data)
        return len(data)

    def tell(self) -> int:
        """How many bytes were written."""
        return self.bytes

    def flush(self) -> None:
        """Leave that to the file's end."""

    def close(self) -> None:
        """Leave that to :meth:`finish` and :meth:`discard`."""

    def hash(self) -> str:
        """The hash of a file that is written to its end."""
        return self._hash.hexdigest()

    def finish(self) -> None:
        """Close the file and let it appear."""
        self._target.finish()

    def upload(self) -> None:
        """Let a file for object storage appear there, and stay on this disk, too."""
        self._on_its_way.upload()

    def opened(self) -> BinaryIO:
        """A file for object storage that is on this disk, to be read."""
        return self._on_its_way.opened()

    @property
    def _on_its_way(self) -> NewKey:
        assert isinstance(self._target, NewKey)  # a file on a disk has its place at once
        return self._target

    def discard(self) -> None:
        """Close the file and remove it."""
        self._discarded = True
        self._target.discard()


class GzipSink(FileSink):
    """A sink whose file is gzipped, without a time and a name in its header."""

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self._deflate = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)

    def write(self, data: bytes) -> int:
        """Compress bytes, and return how many there were."""
        super().write(self._deflate.compress(data))
        return len(data)

    def hash(self) -> str:
        """Write the end of the stream, and return the hash of the file."""
        super().write(self._deflate.flush())
        return super().hash()


class PartWriter:
    """A part being written. Any error while it is written removes the file and is raised as it is.

    A format fills in :meth:`_write` and what else differs.
    """

    def __init__(self, path: Any, sink: type[FileSink] = FileSink) -> None:
        self._sink = sink(path)
        self._open = True
        self._rows = 0
        self._nulled_values: Counter[str] = Counter()
        self._nulled_rows: dict[str, list[int]] = {}

    @property
    def size(self) -> int:
        """How many bytes the file has so far."""
        return self._sink.bytes

    def write(self, rows: Rows) -> None:
        """Append rows."""
        with self._whole_or_gone():
            self._write(rows)
            self._rows += len(rows)

    def write_columns(self, columns: Columns, count: int) -> None:
        """Append rows, column by column.

        :param count: of rows
        """
        if not count:
            return
        with self._whole_or_gone():
            self._write_columns(columns, count)
            self._rows += count

    def write_raw(self, records: Sequence[bytes | msgspec.Raw]) -> None:
        """Append records that are JSON objects already (``jsonl`` and ``jsonl.gz`` only)."""
        with self._whole_or_gone():
            self._write_raw(records)
            self._rows += len(records)

    def copy(self, source: Any, rows: int, drop: Collection[int]) -> None:
        """Append the rows of another part of the same columns, but for those whose numbers (from 0) are in ``drop``.

        :param rows: how many the other part has
        """
        with self._whole_or_gone():
            self._rows += self._copy(source, rows, drop)

    def close(self) -> Part:
        """Finish the file."""
        part = self.end()
        self.appear()
        return part

    def end(self) -> Part:
        """Write what is at the end of the file."""
        with self._whole_or_gone():
            self._finish()
            sha256 = self._sink.hash()
        return Part(self._rows, self._sink.bytes, sha256, dict(self._nulled_values), self._nulled_rows)

    def appear(self) -> None:
        """Let a file that has come to its end appear under its name: in object storage it is uploaded now."""
        with self._whole_or_gone():
            self._sink.finish()
            self._open = False

    def upload(self) -> None:
        """Upload a file that has come to its end, which stays on this disk, too, until :meth:`abort`."""
        self._sink.upload()

    def opened(self) -> BinaryIO:
        """A file that has come to its end, to be read on this disk, from which it is to be uploaded."""
        return self._sink.opened()

    def count_nulled_values(self, column: str, row: int, count: int) -> None:
        """Count values that could not be written as they came, in the ``row``-th of the rows to be written next."""
        self._nulled_values[column] += count
        self._nulled_rows.setdefault(column, []).extend([self._rows + row] * count)

    def abort(self) -> None:
        """Close and remove the file; nothing if that was done before."""
        if self._open:
            self._open = False
            self._sink.discard()

    @contextmanager
    def _whole_or_gone(self) -> Iterator[None]:
        if not self._open:
            raise ValueError("The part is closed.")
        try:
            yield
        except BaseException:
            self.abort()
            raise

    def _write(self, rows: Rows) -> None:
        raise NotImplementedError

    def _write_columns(self, columns: Columns, count: int) -> None:
        raise NotImplementedError

    def _write_raw(self, records: Sequence[bytes | msgspec.Raw]) -> None:
        raise ValueError("Only JSON lines take records that are JSON already.")

    def _copy(self, source: Any, rows: int, drop: Collection[int]) -> int:
        raise NotImplementedError

    def _finish(self) -> None:
        """Write what is at the end of the file."""


@dataclass(frozen=True)
class PartOnDisk:
    """A finished part for object storage that is still on this machine's disk, as who reads it takes it."""

    name: str
    writer: PartWriter

    def open(self, _: str = "rb") -> BinaryIO:
        """Open it."""
        return self.writer.opened()


def opened(path: Any) -> Any:
    """A file to be read, without a word to Airflow's lineage: parts are read here on the way, not by a user."""
    return store_of(path).opened(path)


def blocks(file: Any) -> Iterator[bytes]:
    """The rest of a file, in pieces of bounded size."""
    while block := file.read(_BLOCK):
        yield block


def batched(items: Iterable[Any]) -> Iterator[list[Any]]:
    """The items in lists of bounded length."""
    rest = iter(items)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def as_text(value: Any) -> str:
    """A value as JSON text."""
    return _JSON.encode(value).decode()


def as_texts(values: Sequence[Any]) -> list[str]:
    """Values as JSON texts, encoded at once."""
    return _JSON.encode_lines(values).decode().split("\n")[:-1]

"""The files that records land in: JSON lines, the same gzipped, CSV and Parquet.

A part is written row by row in constant memory, is hashed and counted on the way, and is either whole or gone: whatever
goes wrong while it is written removes it.

What the formats keep:

Rows have been made to fit their columns' types before they come here: see
:mod:`airflow_provider_pipedrive.extraction.rows.fitting`.

- ``jsonl`` and ``jsonl.gz`` keep every value as it is. The same rows give the same bytes, gzipped too.
- ``csv`` is RFC 4180 in UTF-8 with a header: booleans as ``true`` and ``false``, numbers without an exponent, lists and
  objects as JSON text, and nothing for null, which an empty text cannot be told from. Texts that a spreadsheet takes
  for formulas stay as they are, unless ``escape_formulas`` is set: then they begin with an apostrophe.
- ``parquet`` has the columns' types, listed in :mod:`airflow_provider_pipedrive.extraction.output.parquet`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zlib
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import msgspec

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import FORMATS as FORMATS
from airflow_provider_pipedrive.extraction.definition import Format as Format
from airflow_provider_pipedrive.extraction.definition import check_format as check_format
from airflow_provider_pipedrive.extraction.storage.files import beside, bucket_must_exist, file_system, remove

Rows = Sequence[Mapping[str, Any]]

_AT_ONCE = 500
"""Rows handled together where a part is rewritten."""
_BLOCK = 1024 * 1024
_GZIP_LEVEL = 3
"""Less than half the time of zlib's default, for a sixth more bytes."""
_GZIP = 16 + zlib.MAX_WBITS
_JSON = msgspec.json.Encoder()


class FileColumn(Protocol):
    """What a column has to tell of itself."""

    @property
    def name(self) -> str:
        """Its name in the rows and in the file."""

    @property
    def type(self) -> str:
        """``string``, ``integer``, ``number``, ``boolean``, ``timestamp``, ``date``, ``time``, ``list`` or ``json``."""

    @property
    def items(self) -> str | None:
        """The type of a list's elements."""


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


class PartWriter(Protocol):
    """A part being written. Any error while it is written removes the file and is raised as it is."""

    def write(self, rows: Rows) -> None:
        """Append rows."""

    def write_raw(self, records: Sequence[bytes | msgspec.Raw]) -> None:
        """Append records that are JSON objects already (``jsonl`` and ``jsonl.gz`` only)."""

    def count_nulled_values(self, column: str, row: int, count: int) -> None:
        """Count values that could not be written as they came, in the ``row``-th of the rows to be written next."""

    def copy(self, source: Any, drop: Container[int]) -> None:
        """Append the rows of another part of the same format and columns, but for those whose numbers (from 0) are in
        ``drop``.
        """

    def close(self) -> Part:
        """Finish the file."""

    def abort(self) -> None:
        """Close and remove the file; nothing if that was done before."""


def open_part(
    path: Any,
    format: str,  # noqa: A002 - the users' word
    columns: Sequence[FileColumn] | None,
    *,
    escape_formulas: bool = False,
) -> PartWriter:
    """Begin a part.

    It has its name when it is whole: in object storage by nature, on a disk it is hidden until then.

    :param path: a local or object-storage path; a file already there is replaced
    :param columns: the columns, in order; JSON lines need none
    :param escape_formulas: in ``csv``, put an apostrophe in front of texts that a spreadsheet would compute
    :raises PipedriveParameterError: the format is not known, or needs columns
    :raises OSError: the file cannot be opened
    """
    known = check_format(format)
    if known == "jsonl":
        return _JsonLines(path, _Sink)
    if known == "jsonl.gz":
        return _JsonLines(path, _GzipSink)
    if not columns:
        raise PipedriveParameterError(f"The format {known} needs the columns; jsonl does without.")
    if known == "csv":
        return _Csv(path, [column.name for column in columns], escape_formulas=escape_formulas)
    from airflow_provider_pipedrive.extraction.output.parquet import ParquetPart

    return ParquetPart(path, columns)


def without_rows(
    source: Any,
    target: Any,
    format: str,  # noqa: A002 - the users' word
    columns: Sequence[FileColumn] | None,
    drop: Container[int],
) -> Part:
    """Write the rows of the part ``source`` to ``target``, but for those whose numbers (from 0) are in ``drop``.

    :param columns: None for those that ``source`` has

    The result's ``nulled_values`` is empty: it speaks of what was lost here, and that is nothing.
    """
    writer = open_part(target, format, columns) if columns else _open_alike(source, target, check_format(format))
    writer.copy(source, drop)
    return writer.close()


def _open_alike(source: Any, target: Any, format: Format) -> PartWriter:  # noqa: A002 - the users' word
    """Begin a part with the columns of another one."""
    if format == "csv":
        with opened(source) as file, _text(file) as lines:
            return _Csv(target, next(csv.reader(lines)), escape_formulas=False)  # its cells are copied as they are
    if format == "parquet":
        from airflow_provider_pipedrive.extraction.output.parquet import ParquetPart, schema_of

        return ParquetPart(target, (), schema_of(source))
    return open_part(target, format, None)


def read_rows(path: Any, format: str) -> Iterator[dict[str, Any]]:  # noqa: A002 - the users' word
    """The rows of a part, one after another: values as the format has them (in ``csv`` texts, and None for nothing)."""
    known = check_format(format)
    if known == "parquet":
        from airflow_provider_pipedrive.extraction.output.parquet import read

        yield from read(path)
        return
    with opened(path) as file:
        if known == "csv":
            with _text(file) as lines:
                for row in csv.DictReader(lines):
                    yield {name: value or None for name, value in row.items()}
        else:
            decode = msgspec.json.Decoder(dict[str, Any]).decode
            for line in _lines(file, known):
                yield decode(line)


def opened(path: Any) -> Any:
    """A file to be read, without a word to Airflow's lineage: parts are read here on the way, not by a user."""
    fs = file_system(path)
    return path.open("rb") if fs is None else fs.open(path.path, "rb")


class _Sink:
    """A new file that counts and hashes what it is given.

    ``closed``, ``tell`` and ``flush`` are there for pyarrow, which takes it for a file.
    """

    closed = False

    def __init__(self, path: Any) -> None:
        self._path = path
        fs = file_system(path)
        self._written = beside(path) if fs is None and isinstance(path, Path) else path
        self._file = self._written.open("wb") if fs is None else fs.open(path.path, "wb")
        self._hash = hashlib.sha256()
        self._discarded = False
        self.bytes = 0

    def write(self, data: bytes) -> int:
        if self._discarded:  # pyarrow's writer ends its file when it is let go, whatever has happened
            return len(data)
        self._file.write(data)
        self._hash.update(data)
        self.bytes += len(data)
        return len(data)

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        """Leave that to the file's end."""

    def finish(self) -> str:
        """Close the file and return its hash."""
        with bucket_must_exist(self._path):
            self._file.close()
        if self._written is not self._path:
            self._written.rename(self._path)
        return self._hash.hexdigest()

    def discard(self) -> None:
        """Close the file and remove it."""
        self._discarded = True
        with suppress(OSError):  # a full disk refuses the last bytes once more; what it said first is what counts
            self._file.close()
        with suppress(OSError):  # the storage may be out of reach, and an upload that was broken off left nothing
            remove(self._written)


class _GzipSink(_Sink):
    """A sink whose file is gzipped, without a time and a name in its header."""

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self._deflate = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)

    def write(self, data: bytes) -> int:
        super().write(self._deflate.compress(data))
        return len(data)

    def finish(self) -> str:
        super().write(self._deflate.flush())
        return super().finish()


class Writer:
    """What the writers of all formats share: counting, and being whole or gone.

    A format fills in :meth:`_write` and what else differs.
    """

    def __init__(self, path: Any, sink: type[_Sink] = _Sink) -> None:
        self._sink = sink(path)
        self._open = True
        self._rows = 0
        self._nulled_values: Counter[str] = Counter()
        self._nulled_rows: dict[str, list[int]] = {}

    def write(self, rows: Rows) -> None:
        """Append rows."""
        with self._whole_or_gone():
            self._write(rows)
            self._rows += len(rows)

    def write_raw(self, records: Sequence[bytes | msgspec.Raw]) -> None:
        """Append records that are JSON objects already."""
        with self._whole_or_gone():
            self._write_raw(records)
            self._rows += len(records)

    def copy(self, source: Any, drop: Container[int]) -> None:
        """Append the rows of another part, but for those whose numbers are in ``drop``."""
        with self._whole_or_gone():
            self._rows += self._copy(source, drop)

    def close(self) -> Part:
        """Finish the file."""
        with self._whole_or_gone():
            self._finish()
            sha256 = self._sink.finish()
            self._open = False
        return Part(self._rows, self._sink.bytes, sha256, dict(self._nulled_values), self._nulled_rows)

    def count_nulled_values(self, column: str, row: int, count: int) -> None:
        """Count values that could not be written as they came, in the ``row``-th of the rows to be written next."""
        self._nulled_values[column] += count
        self._nulled_rows.setdefault(column, []).extend([self._rows + row] * count)

    def abort(self) -> None:
        """Close and remove the file."""
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

    def _write_raw(self, records: Sequence[bytes | msgspec.Raw]) -> None:
        raise ValueError("Only JSON lines take records that are JSON already.")

    def _copy(self, source: Any, drop: Container[int]) -> int:
        raise NotImplementedError

    def _finish(self) -> None:
        """Write what stands at the end of the file."""


class _JsonLines(Writer):
    def _write(self, rows: Rows) -> None:
        self._sink.write(_JSON.encode_lines(rows))

    def _write_raw(self, records: Sequence[bytes | msgspec.Raw]) -> None:
        if records:
            self._sink.write(_joined(records))

    def _copy(self, source: Any, drop: Container[int]) -> int:
        kept = 0
        with opened(source) as file:
            lines = _lines(file, "jsonl.gz" if isinstance(self._sink, _GzipSink) else "jsonl")
            for some in _some(line for number, line in enumerate(lines) if number not in drop):
                self._sink.write(b"".join(some))
                kept += len(some)
        return kept


def _joined(records: Sequence[bytes | msgspec.Raw]) -> bytes:
    """The records as lines. One that is spread over several lines is written anew, its numbers untouched."""
    lines = b"\n".join([*records, b""])
    if lines.count(b"\n") == len(records) and b"\r" not in lines:
        return lines
    return b"\n".join(msgspec.json.format(bytes(record), indent=-1) for record in records) + b"\n"


class _Csv(Writer):
    def __init__(self, path: Any, names: Sequence[str], *, escape_formulas: bool) -> None:
        super().__init__(path)
        self._names = names
        self._escape_formulas = escape_formulas
        with self._whole_or_gone():
            self._write_cells([self._escaped(names)])

    def _write(self, rows: Rows) -> None:
        columns = [_cells(self._escaped([row[name] for row in rows])) for name in self._names]
        self._write_cells(zip(*columns, strict=True))

    def _escaped(self, values: Sequence[Any]) -> Sequence[Any]:
        if not self._escape_formulas:
            return values
        return [f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value for value in values]

    def _write_cells(self, rows: Iterable[Sequence[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        self._sink.write(text.getvalue().encode())

    def _copy(self, source: Any, drop: Container[int]) -> int:
        kept = 0
        with opened(source) as file, _text(file) as lines:
            rows = csv.reader(lines)
            next(rows)
            for some in _some(row for number, row in enumerate(rows) if number not in drop):
                self._write_cells(some)
                kept += len(some)
        return kept


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How texts begin that spreadsheets take for formulas, in full width too.

https://owasp.org/www-community/attacks/CSV_Injection
"""
_AS_THEY_ARE = {str, int, type(None)}


def _cells(values: Sequence[Any]) -> Sequence[Any]:
    """The values of one column as the csv module is to write them."""
    if _AS_THEY_ARE.issuperset(map(type, values)):
        return values
    return [_cell(value) for value in values]


def _cell(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        return f"{Decimal(text):f}" if "e" in text else text
    return as_text(value)


def as_text(value: Any) -> str:
    """A value as JSON text."""
    return _JSON.encode(value).decode()


def _text(file: Any) -> io.TextIOWrapper:
    return io.TextIOWrapper(file, "utf-8", newline="")


def _lines(file: Any, format: Format) -> Iterator[bytes]:  # noqa: A002 - the users' word
    """The lines of a file of JSON lines, each with its end."""
    if format == "jsonl.gz":
        import gzip

        file = gzip.GzipFile(fileobj=file)
    rest = b""
    while block := file.read(_BLOCK):  # Airflow 2's files in object storage cannot be iterated over
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest


def _some(items: Iterable[Any]) -> Iterator[list[Any]]:
    """The items in lists of bounded length."""
    rest = iter(items)
    while some := list(islice(rest, _AT_ONCE)):
        yield some

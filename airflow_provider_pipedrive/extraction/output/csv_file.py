"""Parts as CSV: RFC 4180 in UTF-8, with a header."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from airflow_provider_pipedrive.extraction.output.part_writer import (
    Columns,
    PartWriter,
    Rows,
    as_text,
    as_texts,
    batched,
    blocks,
    opened,
)


class CsvPart(PartWriter):
    """A CSV file being written.

    :param escape_formulas: put an apostrophe in front of texts that a spreadsheet would compute
    """

    def __init__(self, path: Any, names: Sequence[str], *, escape_formulas: bool) -> None:
        super().__init__(path)
        self._names = names
        self._escape_formulas = escape_formulas
        with self._whole_or_gone():
            self._write_lines([[*map(_quoted, self._escaped(names))]])
        self._head = self._sink.bytes

    def _write(self, rows: Rows) -> None:
        self._write_columns({name: [row[name] for row in rows] for name in self._names}, len(rows))

    def _write_columns(self, columns: Columns, count: int) -> None:
        cells = [_cells(self._escaped(columns[name])) for name in self._names]
        self._write_lines(zip(*cells, strict=True))

    def _escaped(self, values: Sequence[Any]) -> Sequence[Any]:
        if not self._escape_formulas:
            return values
        return [escape_formula(value) for value in values]

    def _write_lines(self, rows: Iterable[Sequence[str]]) -> None:
        self._sink.write("\r\n".join([*map(",".join, rows), ""]).encode())

    def _copy(self, source: Any, rows: int, drop: Collection[int]) -> int:
        kept = 0
        if not drop:
            with opened(source) as file:
                file.read(self._head)  # the other part has the same columns
                for block in blocks(file):
                    self._sink.write(block)
            return rows
        with opened(source) as file, _lines_of(file) as lines:
            cells = csv.reader(lines)
            next(cells)
            for some in batched(row for number, row in enumerate(cells) if number not in drop):
                self._write_lines([[*map(_quoted, row)] for row in some])
                kept += len(some)
        return kept


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How texts begin that spreadsheets take for formulas, in full width too.

https://owasp.org/www-community/attacks/CSV_Injection
"""
_MARKS = ('"', ",", "\n", "\r")
"""What a text that has one of them is put into quotes for."""


def escape_formula(value: Any) -> Any:
    """A value with an apostrophe in front where a spreadsheet would compute it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _cells(values: Sequence[Any]) -> Sequence[str]:
    """The values of one column as they stand in the file.

    The csv module would look at each on its own, which takes three times as long.
    """
    types = set(map(type, values)) - {type(None)}
    if not types:
        return [""] * len(values)
    if types == {str}:
        texts = values
    elif str in types:
        texts = [*map(_text, values)]
    else:
        texts = as_texts(values)
        if float in types and "e" in "".join(texts):  # such as 1e22
            texts = [*map(_text, values)]
    return _all_quoted(["" if value is None else text for value, text in zip(values, texts, strict=True)])


def _all_quoted(texts: Sequence[str]) -> Sequence[str]:
    whole = "".join(texts)
    return [*map(_quoted, texts)] if any(mark in whole for mark in _MARKS) else texts


def _quoted(text: str) -> str:
    """A text in quotes, where it has to be."""
    if '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return f'"{text}"' if "," in text or "\n" in text or "\r" in text else text


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    return as_text(value)


def read(path: Any) -> Iterator[dict[str, str | None]]:
    """The rows of a CSV file: texts, and None for nothing."""
    with opened(path) as file, _lines_of(file) as lines:
        for row in csv.DictReader(lines):
            yield {name: value or None for name, value in row.items()}


def header(path: Any) -> list[str]:
    """The columns of a CSV file."""
    with opened(path) as file, _lines_of(file) as lines:
        return next(csv.reader(lines))


def _lines_of(file: Any) -> io.TextIOWrapper:
    return io.TextIOWrapper(file, "utf-8", newline="")

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
            self._write_cells([self._escaped(names)])
        self._head = self._sink.bytes

    def _write(self, rows: Rows) -> None:
        self._write_columns({name: [row[name] for row in rows] for name in self._names}, len(rows))

    def _write_columns(self, columns: Columns, count: int) -> None:
        cells = [_cells(self._escaped(columns[name])) for name in self._names]
        self._write_cells(zip(*cells, strict=True))

    def _escaped(self, values: Sequence[Any]) -> Sequence[Any]:
        if not self._escape_formulas:
            return values
        return [escape_formula(value) for value in values]

    def _write_cells(self, rows: Iterable[Sequence[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        self._sink.write(text.getvalue().encode())

    def _copy(self, source: Any, rows: int, drop: Collection[int]) -> int:
        kept = 0
        if not drop:
            with opened(source) as file:
                file.read(self._head)  # the other part has the same columns
                for block in blocks(file):
                    self._sink.write(block)
            return rows
        with opened(source) as file, _text(file) as lines:
            cells = csv.reader(lines)
            next(cells)
            for some in batched(row for number, row in enumerate(cells) if number not in drop):
                self._write_cells(some)
                kept += len(some)
        return kept


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How texts begin that spreadsheets take for formulas, in full width too.

https://owasp.org/www-community/attacks/CSV_Injection
"""
_AS_THEY_ARE = {str, int, type(None)}
_WORDS = {True: "true", False: "false", None: None}


def escape_formula(value: Any) -> Any:
    """A value with an apostrophe in front where a spreadsheet would compute it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _cells(values: Sequence[Any]) -> Sequence[Any]:
    """The values of one column as the csv module is to write them."""
    if values.count(None) == len(values):
        return values
    types = set(map(type, values))
    if types <= _AS_THEY_ARE:
        return values
    if types <= {bool, type(None)}:
        return [_WORDS[value] for value in values]
    if types <= {list, type(None)}:
        texts = as_texts(values)
        return [None if value is None else text for value, text in zip(values, texts, strict=True)]
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


def read(path: Any) -> Iterator[dict[str, str | None]]:
    """The rows of a CSV file: texts, and None for nothing."""
    with opened(path) as file, _text(file) as lines:
        for row in csv.DictReader(lines):
            yield {name: value or None for name, value in row.items()}


def header(path: Any) -> list[str]:
    """The columns of a CSV file."""
    with opened(path) as file, _text(file) as lines:
        return next(csv.reader(lines))


def _text(file: Any) -> io.TextIOWrapper:
    return io.TextIOWrapper(file, "utf-8", newline="")

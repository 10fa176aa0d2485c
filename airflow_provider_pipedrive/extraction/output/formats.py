"""The files that records land in: JSON lines, the same gzipped, CSV and Parquet.

What the formats keep of rows, which have been made to fit their columns' types before they come here (see
:mod:`airflow_provider_pipedrive.extraction.rows.fitting`):

- ``jsonl`` and ``jsonl.gz`` keep every value as it is. The same rows give the same bytes, gzipped too.
- ``csv`` is RFC 4180 in UTF-8 with a header: booleans as ``true`` and ``false``, numbers without an exponent, lists and
  objects as JSON text, and nothing for null, which an empty text cannot be told from. Texts that a spreadsheet takes
  for formulas stay as they are, unless ``escape_formulas`` is set: then they begin with an apostrophe.
- ``parquet`` has the columns' types, listed in :mod:`airflow_provider_pipedrive.extraction.output.arrow`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import TYPED_ROWS, check_format
from airflow_provider_pipedrive.extraction.output import csv_file, json_lines
from airflow_provider_pipedrive.extraction.output.csv_file import CsvPart
from airflow_provider_pipedrive.extraction.output.json_lines import JsonLinesPart
from airflow_provider_pipedrive.extraction.output.names import format_of
from airflow_provider_pipedrive.extraction.output.part_writer import FileColumn, Part, PartWriter


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
    known = format if format == TYPED_ROWS else check_format(format)
    if known in ("jsonl", "jsonl.gz"):
        return JsonLinesPart(path, gzipped=known == "jsonl.gz")
    if not columns:
        raise PipedriveParameterError(f"The format {known} needs the columns; jsonl does without.")
    if known == "csv":
        return CsvPart(path, [column.name for column in columns], escape_formulas=escape_formulas)
    if known == TYPED_ROWS:
        from airflow_provider_pipedrive.extraction.output.arrow import ArrowPart

        return ArrowPart(path, columns)
    from airflow_provider_pipedrive.extraction.output.parquet import ParquetPart

    return ParquetPart(path, columns)


def staged_as(format: str) -> str:  # noqa: A002 - the users' word
    """The format that rows wait in until they are published in the one that is asked for.

    Parquet is encoded once, when it is known how many rows there are.
    """
    return TYPED_ROWS if format == "parquet" else format


def columns_in(path: Any) -> Any:
    """The columns of a part: equal to those of another one whose rows can stand in the same file."""
    kind = format_of(path.name)
    if kind == "csv":
        return csv_file.header(path)
    if kind == TYPED_ROWS:
        from airflow_provider_pipedrive.extraction.output import arrow

        return arrow.schema_of(path)
    if kind == "parquet":
        from airflow_provider_pipedrive.extraction.output import parquet

        return parquet.schema_of(path)
    return None


def open_copy(path: Any, format: str, columns: Any) -> PartWriter:  # noqa: A002 - the users' word
    """Begin a part that rows of others are to be copied to.

    :param columns: theirs, as :func:`columns_in` tells them
    """
    if format == "csv":
        return CsvPart(path, columns, escape_formulas=False)  # cells are copied as they are
    if format == "parquet":
        from airflow_provider_pipedrive.extraction.output.parquet import ParquetPart

        return ParquetPart(path, (), columns)
    if format == TYPED_ROWS:
        from airflow_provider_pipedrive.extraction.output.arrow import ArrowPart

        return ArrowPart(path, (), columns)
    return open_part(path, format, None)


def without_rows(source: Any, target: Any, rows: int, drop: Collection[int]) -> Part:
    """Write the rows of the part ``source`` to ``target``, but for those whose numbers (from 0) are in ``drop``.

    :param rows: how many the source has

    The result's ``nulled_values`` is empty: it counts what was lost here, and that is nothing.
    """
    writer = open_copy(target, format_of(target.name), columns_in(source))
    writer.copy(source, rows, drop)
    return writer.close()


def read_rows(path: Any, format: str) -> Iterator[dict[str, Any]]:  # noqa: A002 - the users' word
    """The rows of a part, one after another: values as the format has them (in ``csv`` texts, and None for nothing)."""
    known = format if format == TYPED_ROWS else check_format(format)
    if known == "csv":
        return csv_file.read(path)
    if known == "parquet":
        from airflow_provider_pipedrive.extraction.output import parquet

        return parquet.read(path)
    if known == TYPED_ROWS:
        from airflow_provider_pipedrive.extraction.output import arrow

        return arrow.read(path)
    return json_lines.read(path, gzipped=known == "jsonl.gz")

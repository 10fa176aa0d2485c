"""The files that records land in: JSON lines, the same gzipped, CSV and Parquet.

What the formats keep of rows, which have been made to fit their columns' types before they come here (see
:mod:`airflow_provider_pipedrive.extraction.rows.fitting`):

- ``jsonl`` and ``jsonl.gz`` keep every value as it is. The same rows give the same bytes, gzipped too.
- ``csv`` is RFC 4180 in UTF-8 with a header: booleans as ``true`` and ``false``, numbers without an exponent, lists and
  objects as JSON text, and nothing for null, which an empty text cannot be told from. Texts that a spreadsheet takes
  for formulas stay as they are, unless ``escape_formulas`` is set: then they begin with an apostrophe.
- ``parquet`` has the columns' types, listed in :mod:`airflow_provider_pipedrive.extraction.output.parquet`.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import check_format
from airflow_provider_pipedrive.extraction.output import csv_file, json_lines
from airflow_provider_pipedrive.extraction.output.csv_file import CsvPart
from airflow_provider_pipedrive.extraction.output.json_lines import JsonLinesPart
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
    known = check_format(format)
    if known in ("jsonl", "jsonl.gz"):
        return JsonLinesPart(path, gzipped=known == "jsonl.gz")
    if not columns:
        raise PipedriveParameterError(f"The format {known} needs the columns; jsonl does without.")
    if known == "csv":
        return CsvPart(path, [column.name for column in columns], escape_formulas=escape_formulas)
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

    The result's ``nulled_values`` is empty: it counts what was lost here, and that is nothing.
    """
    writer = open_part(target, format, columns) if columns else _open_alike(source, target, format)
    writer.copy(source, drop)
    return writer.close()


def _open_alike(source: Any, target: Any, format: str) -> PartWriter:  # noqa: A002 - the users' word
    """Begin a part with the columns of another one."""
    if format == "csv":
        return CsvPart(target, csv_file.header(source), escape_formulas=False)  # its cells are copied as they are
    if format == "parquet":
        from airflow_provider_pipedrive.extraction.output.parquet import ParquetPart, schema_of

        return ParquetPart(target, (), schema_of(source))
    return open_part(target, format, None)


def read_rows(path: Any, format: str) -> Iterator[dict[str, Any]]:  # noqa: A002 - the users' word
    """The rows of a part, one after another: values as the format has them (in ``csv`` texts, and None for nothing)."""
    known = check_format(format)
    if known == "csv":
        return csv_file.read(path)
    if known == "parquet":
        from airflow_provider_pipedrive.extraction.output import parquet

        return parquet.read(path)
    return json_lines.read(path, gzipped=known == "jsonl.gz")

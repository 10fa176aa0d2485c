"""Column names from the names that people give their fields: lower case, ASCII, valid in SQL without quotes.

ASCII although databases take more: loaders reduce names to it, and columns that became one there would be lost. What
people call a field stays in its column's description.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from text_unidecode import unidecode

from airflow_provider_pipedrive.errors import PipedriveParameterError

LONGEST: Final = 63
"""Postgres cuts longer names. https://www.postgresql.org/docs/current/sql-syntax-lexical.html"""

_RESERVED = frozenset(
    """
    all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check
    collate collation column concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user default deferrable desc describe distinct do else end
    except false fetch for foreign freeze from full glob grant group having ilike in initially inner intersect into
    is isnull join lambda lateral leading left like limit localtime localtimestamp natural not notnull null offset
    on only or order outer overlaps pivot pivot_longer pivot_wider placing positional primary qualify references
    returning right select semi session_user show similar some summarize symmetric system_user table tablesample
    then to trailing true try_cast union unique unpack unpivot user using variadic verbose when where window with
    """.split()  # noqa: SIM905
)
"""Words that are no column names without quotes in Postgres or DuckDB.
https://www.postgresql.org/docs/current/sql-keywords-appendix.html"""


ADDED: Final = frozenset(
    {
        *("deleted_at", "filename", "is_tombstone"),  # files of tombstones, and the views in docs/extraction.md
        *("file_index", "file_row_number"),  # what DuckDB can add to the rows of a file
        *("run", "dt"),  # folders of partitions, which readers take for columns
        *("_deleted_at", "_version_at", "parent_updated_at", "_dlt_id", "_dlt_load_id"),  # tables of a warehouse
        *(
            "deleted",
            "latest",
            "options",
            "by_key",
        ),  # what a warehouse has next to a table, where lists have tables too
    }
)
"""Names that files, views and warehouses add to the columns of records: no field gets one of them."""


def column_name(name: str) -> str:
    """A field's name as a column's name, or an empty text where nothing of it can be written in ASCII.

    Chinese characters are written as Mandarin reads them, in Japanese names too: what reads them as Japanese is a
    dictionary of many megabytes.

    >>> column_name("Größe (m²)")
    'grosse_m2'
    """
    written = unidecode(unicodedata.normalize("NFKC", name)).lower()
    found = re.sub(r"[^a-z0-9]+", "_", re.sub("['`]", "", written)).strip("_")
    if found[:1].isdigit():
        return f"field_{found}"
    return f"{found}_field" if found in _RESERVED else found


def unique_names(fields: Mapping[str, tuple[str, Collection[str]]], taken: Collection[str]) -> dict[str, str]:
    """Column names that are nobody else's, by field code.

    A field whose columns would be another's too gets the beginning of its code behind its name, and so does the other:
    the names do not depend on the order of the fields.

    :param fields: by code, the field's name and the suffixes of its further columns (``_currency``)
    :param taken: names that are given away already
    """
    longer = dict.fromkeys(fields, 0)
    while True:
        names = {code: _named(name, code, suffixes, longer[code]) for code, (name, suffixes) in fields.items()}
        columns = {code: [names[code], *(names[code] + suffix for suffix in fields[code][1])] for code in fields}
        uses = Counter(column for each in columns.values() for column in each) + Counter(taken)
        clashing = [code for code, each in columns.items() if any(uses[column] > 1 for column in each)]
        if not clashing:
            return names
        if all(longer[code] == len(_CODE_LENGTHS) - 1 for code in clashing):
            raise PipedriveParameterError(
                f"No column name is left for the field {fields[clashing[0]][0]!r} ({clashing[0]}). "
                "Give it one by hand in the schema file."
            )
        for code in clashing:
            longer[code] = min(longer[code] + 1, len(_CODE_LENGTHS) - 1)


_CODE_LENGTHS = (0, 8, 16, 40)


def _named(name: str, code: str, suffixes: Collection[str], longer: int) -> str:
    """A field's column, short enough to leave room for its further columns."""
    written = column_name(name)
    of_code = _CODE_LENGTHS[longer] if written else _CODE_LENGTHS[max(longer, 1)]
    tail = f"_{code[:of_code]}" if of_code else ""
    room = LONGEST - len(tail) - max(map(len, suffixes), default=0)
    return (written or "field")[:room].rstrip("_") + tail

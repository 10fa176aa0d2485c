"""How much memory DuckDB is given: little, as far as columns and rows allow it, and more where that was too little."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.entity_load import EntityLoad
    from airflow_provider_pipedrive.warehouse.parts import Prepared

MEMORY_MB: Final = 64
"""What DuckDB may use of memory where rows are of the usual size."""
_USUAL_COLUMNS, _COLUMN_MB = 60, 1
"""A merge has a block of 256 KB of each column open, several times: 50,000 rows of 150 columns took 128 MB, of 300
columns over 192 MB."""
_ADDED_COLUMNS = 2
"""A table has so many more than what was read: when a row was deleted, and which version it is."""
_USUAL_ROW = 1024
_VECTORS = 4
_VECTOR_ROWS = 2048
"""DuckDB handles so many rows at once, and a merge holds a few such vectors.
https://duckdb.org/docs/stable/internals/vector"""
_SHARE: Final = 2
"""DuckDB is never given more than one part in so many of what this process may use."""
_CGROUP: Final = Path("/sys/fs/cgroup/memory.max")
"""The limit of a container: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files"""


def likely_mb(load: EntityLoad) -> int:
    """What DuckDB will most likely need, which is known before the rows are."""
    return _needed_mb(len(load.columns) + _ADDED_COLUMNS, _USUAL_ROW * _VECTOR_ROWS)


def memory_mb(ready: Prepared) -> int:
    """What DuckDB needs: more where rows are long, such as notes with pictures in them."""
    vector = max(table.widest * min(table.rows, _VECTOR_ROWS) for table in ready.tables)
    return _needed_mb(max(len(table.columns) for table in ready.tables), vector)


def _needed_mb(columns: int, vector: int) -> int:
    return MEMORY_MB + max(0, columns - _USUAL_COLUMNS) * _COLUMN_MB + _VECTORS * vector // 1024**2


def limits_mb(least: int, most: int | None = None) -> Sequence[int]:
    """The limits to load with, one after the other: each twice the one before, as far as this machine goes.

    :param least: the first one
    :param most: half of what this process may use, by default
    """
    most = _available_mb() // _SHARE if most is None else most
    limits = [least]
    while limits[-1] * 2 <= most:
        limits.append(limits[-1] * 2)
    return limits


def _available_mb() -> int:
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _CGROUP.read_text().strip() if _CGROUP.is_file() else "max"
    return min(available, int(limit) if limit.isdigit() else available) // 1024**2

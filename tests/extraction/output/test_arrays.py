"""Arrow arrays that are laid out here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.extraction.output import arrays

WRITES_PARQUET = """
import sys
from pathlib import Path
from airflow_provider_pipedrive.extraction.output.formats import open_part, without_rows
from airflow_provider_pipedrive.extraction.rows.columns import Column

kinds = ("string", "json", "integer", "number", "boolean", "timestamp", "date", "time")
columns = [Column(kind, kind) for kind in kinds] + [Column("lists", "list", "string")]
values = ("a", {"b": 1}, 1, 2.5, True, "2026-01-31T12:00:00Z", "2026-01-31", "08:30", ["c"])
row = dict(zip((column.name for column in columns), values))
nothing, v1 = dict.fromkeys(row), row | {"timestamp": "2026-01-31 12:00:00", "integer": "5"}
waiting = open_part(Path(sys.argv[1]) / "waiting.arrows", "arrows", columns)
waiting.write([row, nothing, v1])
waiting.close()
without_rows(Path(sys.argv[1]) / "waiting.arrows", Path(sys.argv[1]) / "part.parquet", 3, {1})
print("pandas" in sys.modules)
"""


@pytest.mark.parametrize(
    ("make", "values"),
    [
        (arrays.integers, [1, -(2**63), 2**63 - 1]),
        (arrays.numbers, [1.5, 2, -0.25]),
        (arrays.booleans, [True, False] * 9),
        (arrays.texts, ["a", "", "zwölf", "東京", "\0"]),
        (arrays.texts, [""]),
        (arrays.texts, []),
    ],
)
def test_an_array_holds_what_it_is_made_of_with_gaps_and_without(
    make: Callable[..., Any], values: Sequence[Any]
) -> None:
    whole = make(values, gaps=False)
    whole.validate(full=True)
    assert (whole.to_pylist(), whole.null_count) == (values, 0)
    with_gaps = [None, *values, None, *values, None]
    found = make(with_gaps, gaps=True)
    found.validate(full=True)
    assert (found.to_pylist(), found.null_count) == (with_gaps, 3)


def test_lists_hold_their_elements_where_some_are_empty_and_some_are_none() -> None:
    values = [[1, 2], None, [], [3]]
    found = arrays.lists(values, arrays.integers([1, 2, 3], gaps=False), gaps=True)
    found.validate(full=True)
    assert (found.to_pylist(), found.null_count) == (values, 1)


@pytest.mark.parametrize(("make", "value"), [(arrays.integers, 2**63), (arrays.numbers, 10**400)])
def test_a_value_out_of_range_is_refused(make: Callable[..., Any], value: int) -> None:
    with pytest.raises(arrays.OUT_OF_RANGE):
        make([1, value], gaps=False)


def test_writing_parquet_does_not_import_pandas_which_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    done = subprocess.run(
        [sys.executable, "-c", WRITES_PARQUET, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout, done.stderr) == ("False\n", "")

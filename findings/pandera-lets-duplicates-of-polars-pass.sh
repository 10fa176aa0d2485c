#!/bin/sh
# pandera 0.35.0 (polars 2.1.0): with `drop_invalid_rows` a schema for polars finds duplicates by its `unique`, drops
# none of them and raises nothing. The same schema for pandas drops them.
#
# Seen: ids 1, 1, 2                                    polars             pandas 3.1.1
#       unique=["id"]                                  SchemaErrors       SchemaErrors
#       unique=["id"], drop_invalid_rows               1, 1, 2            2
#       Column(unique=True), drop_invalid_rows         2                  2
# Valid input: the documentation of the option has it for both, and makes no exception for a check of the whole table.
# Whoever switches it on so that a load goes through has a key that is not one.
# Why: the backend for polars filters by the outputs of checks, and goes past an error that has none.
#
# Exits 1 if this has changed. Needs Python 3.11 or newer as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check "pandera[polars]==0.35.0" polars==2.1.0 pandas==3.1.1
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import pandas
import pandera.pandas
import pandera.polars
import polars

IDS = {"id": [1, 1, 2]}


def left(pandera, rows, unique_column=False, **options):
    schema = pandera.DataFrameSchema({"id": pandera.Column(int, unique=unique_column)}, **options)
    try:
        return list(schema.validate(rows, lazy=True)["id"])
    except pandera.errors.SchemaErrors:
        return "SchemaErrors"


def all_of(pandera, rows):
    return [
        left(pandera, rows, unique=["id"]),
        left(pandera, rows, unique=["id"], drop_invalid_rows=True),
        left(pandera, rows, unique_column=True, drop_invalid_rows=True),
    ]


of_polars = all_of(pandera.polars, polars.DataFrame(IDS))
of_pandas = all_of(pandera.pandas, pandas.DataFrame(IDS))
print("polars", of_polars)
print("pandas", of_pandas)
seen = of_polars == ["SchemaErrors", [1, 1, 2], [2]] and of_pandas == ["SchemaErrors", [2], [2]]
sys.exit(not seen)
PYTHON

#!/bin/sh
# ducklake-dataframe 1.0.0 (DuckDB 1.5.5, pandas 3.1.1) reads rows that DuckLake keeps in its catalog by the names that
# the columns have today. After a renaming it swaps values, and what was in a dropped column comes back in a new one.
#
# Seen: row 1 written, then the columns changed, then row 2 written; in DuckDB, and by read_ducklake
#       "a" and "b" change names     1 has a "y", b "x"   1 has a "x", b "y"
#       "a" dropped, "a" added       1 has a null         1 has a "x"
#       "n" added with default 5     1 has n 5            1 has n null
#       With DATA_INLINING_ROW_LIMIT 0, so that the rows are in Parquet files, the first two are right.
# Valid input: documented changes of a schema; inlining is DuckLake's default, for up to 10 rows.
# Why: each version of the schema has a table of inlined rows of its own; the reader takes its columns by name, where
# Parquet files have field ids. A column that is not there becomes null, although the catalog has its initial_default.
#
# Exits 1 if this has changed. Needs Python 3.11 or newer as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check ducklake-dataframe==1.0.0 pandas==3.1.1 pyarrow==26.0.1 \
    duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-ducklake==1.5.5 duckdb-extension-sqlite-scanner==1.5.5
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import duckdb
from duckdb_extensions import import_extension
from ducklake_pandas import read_ducklake

SWAPPED = ["RENAME a TO c", "RENAME b TO a", "RENAME c TO b"]
REPLACED = ["DROP a", "ADD COLUMN a VARCHAR"]
ADDED = ["ADD COLUMN n INTEGER DEFAULT 5"]
for extension in ("ducklake", "sqlite_scanner"):
    import_extension(extension)


def first_row(name, changes, columns, options=""):
    lake = duckdb.connect()
    lake.execute("LOAD ducklake")
    lake.execute("LOAD sqlite_scanner")
    lake.execute(f"ATTACH 'ducklake:sqlite:{name}.ducklake' AS lake (DATA_PATH '{name}/' {options})")
    lake.execute("CREATE TABLE lake.deals (id INTEGER, a VARCHAR, b VARCHAR)")
    lake.execute("INSERT INTO lake.deals VALUES (1, 'x', 'y')")
    for change in changes:
        lake.execute(f"ALTER TABLE lake.deals {change}")
    lake.execute("INSERT INTO lake.deals (id) VALUES (2)")
    [duck] = lake.execute(f"SELECT {columns} FROM lake.deals WHERE id = 1").fetchall()
    lake.close()
    frame = read_ducklake(f"{name}.ducklake", "deals")
    [row] = frame[frame["id"] == 1].to_dict("records")
    read = tuple(None if row[column] != row[column] else row[column] for column in columns.split(", "))
    print(name, "- DuckDB:", duck, "- read_ducklake:", read)
    return duck, read


FILES = ", DATA_INLINING_ROW_LIMIT 0"
seen = first_row("swapped", SWAPPED, "a, b") == (("y", "x"), ("x", "y"))
seen = first_row("replaced", REPLACED, "a") == ((None,), ("x",)) and seen
seen = first_row("added", ADDED, "n") == ((5,), (None,)) and seen
seen = first_row("swapped_files", SWAPPED, "a, b", FILES) == (("y", "x"), ("y", "x")) and seen
seen = first_row("replaced_files", REPLACED, "a", FILES) == ((None,), (None,)) and seen
sys.exit(not seen)
PYTHON

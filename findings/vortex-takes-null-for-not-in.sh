#!/bin/sh
# The extension vortex of DuckDB (1.5.5, extension ecd3884) gives rows without a value for NOT IN, where DuckDB's own
# table and a Parquet file of the same rows do not; by `<>` it does not give them either.
#
# Seen: rows (1, won), (2, lost), (3, null)      table    Parquet   Vortex
#       stage NOT IN ('won', 'new')              2        2         2, 3
#       (stage IN ('won', 'new')) IS NULL        3        3         none
#       stage <> 'won'                           2        2         2
# Valid input: plain SQL and a file that DuckDB wrote itself. null NOT IN (...) is null, and WHERE does not take null.
# Why: the list is handed to the scan as list_contains, which says false for a null, where SQL says null. (Pull request
# 9242 of vortex-data/vortex, closed, saw the same for a null within the list.)
#
# Exits 1 if this has changed. Needs Python 3.11 or newer as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-vortex==1.5.5
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import duckdb
from duckdb_extensions import import_extension

import_extension("vortex")
PLACES = ("deals", "'deals.parquet'", "'deals.vortex'")
FILTERS = ("stage NOT IN ('won', 'new')", "(stage IN ('won', 'new')) IS NULL", "stage <> 'won'")
connection = duckdb.connect()
connection.execute("LOAD vortex")
connection.execute("CREATE TABLE deals AS SELECT * FROM (VALUES (1, 'won'), (2, 'lost'), (3, NULL)) v (id, stage)")
connection.execute("COPY deals TO 'deals.parquet' (FORMAT parquet)")
connection.execute("COPY deals TO 'deals.vortex' (FORMAT vortex)")


def found(filter):
    queries = [f"SELECT id FROM {place} WHERE {filter} ORDER BY id" for place in PLACES]
    return [[id for (id,) in connection.execute(query).fetchall()] for query in queries]


seen = [found(filter) for filter in FILTERS]
for filter, rows in zip(FILTERS, seen):
    print(f"{filter:36}", *rows)
sys.exit(seen != [[[2], [2], [2, 3]], [[3], [3], []], [[2], [2], [2]]])
PYTHON

#!/bin/sh
# DuckLake (DuckDB 1.5.5, extension d8a1881e) forgets the least and the greatest value of a column when its type is
# widened, and takes those of the next file for those of the table. DuckDB trusts them: ORDER BY gives other numbers,
# and WHERE finds nothing.
#
# Seen: rows 9, 5000000000, 20; the catalog says that the least and the greatest are 20 and 20.
#       SELECT id FROM deals                  9, 5000000000, 20
#       SELECT id FROM deals ORDER BY id      20, 256, 265
#       SELECT id FROM deals WHERE id <> 20   no rows
#       in a new connection too; without a SELECT before the ALTER all is well
# Valid input: INTEGER to BIGINT is a documented promotion; every statement succeeds.
# Why: the statistics that the SELECT has read keep the old type. The INSERT after the ALTER cannot merge those with its
# own, so that both bounds become NULL in ducklake_table_column_stats, and the next INSERT takes NULL for "no rows yet".
# A sort packs numbers into as few bytes as the bounds need: 9 - 20 becomes 245, and comes back as 265. (Issue 1308 of
# duckdb/ducklake has the NULL bounds, of one transaction, and takes wrong values for possible; pull request 1331 is
# open.)
#
# Exits 1 if this has changed. Needs Python 3.11 or newer as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-ducklake==1.5.5
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import duckdb
from duckdb_extensions import import_extension

import_extension("ducklake")
SORTED = "SELECT id FROM deals ORDER BY id"
BOUNDS = "SELECT min_value, max_value FROM __ducklake_metadata_lake.ducklake_table_column_stats"


def connect():
    connection = duckdb.connect()
    connection.execute("LOAD ducklake")
    connection.execute("ATTACH 'ducklake:catalog.db' AS lake (DATA_PATH 'files', DATA_INLINING_ROW_LIMIT 0)")
    connection.execute("USE lake")
    return connection


def rows(connection, query):
    return [row if len(row) > 1 else row[0] for row in connection.execute(query).fetchall()]


lake = connect()
lake.execute("CREATE TABLE deals (id INTEGER)")
lake.execute("INSERT INTO deals VALUES (9)")
print("highest: ", rows(lake, "SELECT max(id) FROM deals"))
lake.execute("ALTER TABLE deals ALTER id TYPE BIGINT")
lake.execute("INSERT INTO deals VALUES (5000000000)")
lake.execute("INSERT INTO deals VALUES (20)")
plain, ordered, bounds = rows(lake, "SELECT id FROM deals"), rows(lake, SORTED), rows(lake, BOUNDS)
others = rows(lake, "SELECT id FROM deals WHERE id <> 20")
lake.close()
again = rows(connect(), SORTED)
print("bounds:  ", bounds)
print("plain:   ", plain)
print("sorted:  ", ordered, "- in a new connection:", again)
print("not 20:  ", others)
seen = bounds == [("20", "20")] and sorted(plain) == [9, 20, 5_000_000_000] and others == []
sys.exit(not (seen and ordered == again == [20, 256, 265]))
PYTHON

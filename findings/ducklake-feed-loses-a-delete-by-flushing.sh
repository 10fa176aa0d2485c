#!/bin/sh
# DuckLake (DuckDB 1.5.5, extension d8a1881e): maintenance changes what table_changes says of the past. A flush of
# inlined data makes a delete vanish, and a rewrite of data files makes updates of rows that nobody touched.
#
# Seen: rows 1 and 2 inserted (snapshot 2), row 1 updated from "a" to "u" (3) and deleted (4)
#           before the flush   3 update_preimage a, 3 update_postimage u, 4 delete u
#           after the flush    3 update_preimage a, 3 update_preimage u, 3 update_postimage u twice; nothing of 4
#       with a second update in place of the delete, the flush makes "4 insert v" of it
#       rows 1 and 2 in a file, row 1 deleted (3), ducklake_rewrite_data_files (4)
#           4 update_preimage b, 4 update_postimage b: row 2, which no statement named
# Whoever copies a table by this feed keeps a row that is gone. SELECT and AT (VERSION => ...) are right throughout.
# Valid input: documented maintenance, of inlined data, which are the default. "Inlined data behaves exactly the same as
# data written to Parquet files", says its page on ducklake.select.
# Why: the deletes of one row share its row id in the flushed file, and all get the snapshot of the first; the feed
# pairs inserts and deletes by snapshot and row id. (Issue 1387 of duckdb/ducklake, open, has doubled pairs of two MERGE
# statements in one transaction.)
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
FLUSH = "CALL ducklake_flush_inlined_data('lake')"
REWRITE = "CALL ducklake_rewrite_data_files('lake', delete_threshold => 0)"


def feed(lake):
    [(last,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
    changes = lake.execute(f"SELECT snapshot_id, id, change_type, stage FROM lake.table_changes('deals', 3, {last})")
    return [f"{snapshot} of {id}: {change} {stage}" for snapshot, id, change, stage in sorted(changes.fetchall())]


def feeds(name, options, statements, maintenance):
    lake = duckdb.connect()
    lake.execute("LOAD ducklake")
    lake.execute(f"ATTACH 'ducklake:{name}.db' AS lake (DATA_PATH '{name}' {options})")
    lake.execute("USE lake")
    lake.execute("CREATE TABLE deals (id INTEGER, stage VARCHAR)")
    lake.execute("INSERT INTO deals VALUES (1, 'a'), (2, 'b')")
    for statement in statements:
        lake.execute(statement)
    before = feed(lake)
    lake.execute(maintenance)
    after = feed(lake)
    print(name, before, after, sep="\n    ")
    return before, after


UPDATE, DELETE = "UPDATE deals SET stage = '{}' WHERE id = 1", "DELETE FROM deals WHERE id = 1"
lost = feeds("deleted", "", [UPDATE.format("u"), DELETE], FLUSH)
second = feeds("updated", "", [UPDATE.format("u"), UPDATE.format("v")], FLUSH)
rewritten = feeds("rewritten", ", DATA_INLINING_ROW_LIMIT 0", [DELETE], REWRITE)
first = ["3 of 1: update_postimage u", "3 of 1: update_preimage a"]
doubled = ["3 of 1: update_postimage u", *first, "3 of 1: update_preimage u"]
again = ["4 of 1: update_postimage v", "4 of 1: update_preimage u"]
moved = ["4 of 2: update_postimage b", "4 of 2: update_preimage b"]
seen = lost == ([*first, "4 of 1: delete u"], doubled) and second == ([*first, *again], [*doubled, "4 of 1: insert v"])
seen = seen and rewritten == (["3 of 1: delete a"], ["3 of 1: delete a", *moved])
sys.exit(not seen)
PYTHON

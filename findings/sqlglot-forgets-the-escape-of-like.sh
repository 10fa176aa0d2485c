#!/bin/sh
# sqlglot 30.30.0 takes a LIKE of Postgres, MySQL or BigQuery to DuckDB and SQLite as it is. There a backslash escapes
# in a pattern, here it is a backslash: a search for "50%" or "a_b" finds nothing, and NOT LIKE finds everything.
#
# Seen: titles "50% off" and "500 off"; WHERE title LIKE '50\%%' (MySQL and BigQuery: '50\\%%')
#       rows meant: "50% off"
#       DuckDB 1.5.5 and SQLite, after sqlglot: none. The same with ESCAPE '\' written out: "50% off"
# Valid input: "The default escape character is the backslash" (Postgres, "Pattern Matching"; MySQL says the same);
# MariaDB 10.11 finds the row. DuckDB and SQLite have no escape without ESCAPE, which they understand.
# Why: the dialects share one class Like, which does not know whether a backslash escapes.
#
# Exits 1 if this has changed. Needs python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check sqlglot==30.30.0 duckdb==1.5.5
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sqlite3
import sys

import duckdb
import sqlglot

PATTERNS = {"postgres": r"'50\%%'", "mysql": r"'50\\%%'", "bigquery": r"'50\\%%'"}
ENGINES = {"duckdb": duckdb.connect(), "sqlite": sqlite3.connect(":memory:")}
found, escaped = set(), set()
for target, connection in ENGINES.items():
    connection.execute("CREATE TABLE deals (title VARCHAR(20))")
    connection.execute("INSERT INTO deals VALUES ('50% off'), ('500 off')")
    for source, pattern in PATTERNS.items():
        query = f"SELECT title FROM deals WHERE title LIKE {pattern}"
        [written] = sqlglot.transpile(query, read=source, write=target)
        rows = tuple(title for (title,) in connection.execute(written).fetchall())
        print(source, "to", target, "-", written, "-", rows)
        found.add(rows)
        escaped.add(tuple(title for (title,) in connection.execute(written + r" ESCAPE '\'").fetchall()))
sys.exit((found, escaped) != ({()}, {("50% off",)}))
PYTHON

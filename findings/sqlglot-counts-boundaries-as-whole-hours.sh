#!/bin/sh
# sqlglot 30.30.0 makes DuckDB's DATE_DIFF of MySQL's TIMESTAMPDIFF and BigQuery's TIMESTAMP_DIFF, without a warning.
# These count whole units; DATE_DIFF counts the boundaries in between. One minute becomes one hour, one day a month.
#
# Seen (DuckDB 1.5.5)                               before   after
#       59 past 9 to 10, HOUR                         0        1
#       noon to midnight, DAY                         0        1
#       January 31 to February 1, MONTH               0        1
#       December 31 to January 1, YEAR                0        1
# Valid input: MySQL and BigQuery both document whole units ("the whole number of specified granularity intervals",
# TIMESTAMP_DIFF); MariaDB 10.11 gives 0 for all four. BigQuery has no MONTH and YEAR here.
# Why: one class, TimestampDiff, stands for both meanings; DuckDB's generator writes DATE_DIFF, although DuckDB has
# DATE_SUB for whole units, which is right.
#
# Exits 1 if this has changed. Needs python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check sqlglot==30.30.0 duckdb==1.5.5
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import duckdb
import sqlglot

TIMES = {
    "HOUR": ("2026-01-05 09:59:00", "2026-01-05 10:00:00"),
    "DAY": ("2026-01-05 12:00:00", "2026-01-06 00:00:00"),
    "MONTH": ("2026-01-31 00:00:00", "2026-02-01 00:00:00"),
    "YEAR": ("2025-12-31 00:00:00", "2026-01-01 00:00:00"),
}
MEANT = "SELECT DATE_SUB('{unit}', began, ended) FROM deals"
mysql, bigquery, meant = {}, {}, {}
for unit, (began, ended) in TIMES.items():
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE deals AS SELECT TIMESTAMP '{began}' AS began, TIMESTAMP '{ended}' AS ended")

    def value(query):
        return connection.execute(query).fetchone()[0]

    [query] = sqlglot.transpile(f"SELECT TIMESTAMPDIFF({unit}, began, ended) FROM deals", read="mysql", write="duckdb")
    print(query)
    mysql[unit], meant[unit] = value(query), value(MEANT.format(unit=unit))
    if unit in ("HOUR", "DAY"):
        difference = f"SELECT TIMESTAMP_DIFF(ended, began, {unit}) FROM deals"
        bigquery[unit] = value(sqlglot.transpile(difference, read="bigquery", write="duckdb")[0])
print("from MySQL:", mysql, "- from BigQuery:", bigquery, "- DATE_SUB:", meant)
sys.exit(set(mysql.values()) | set(bigquery.values()) != {1} or set(meant.values()) != {0})
PYTHON

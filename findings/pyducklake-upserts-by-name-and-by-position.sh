#!/bin/sh
# pyducklake 1.0.18 (DuckDB 1.5.5): upsert() writes rows that are there by the names of the columns, and new rows by
# their position. Of an Arrow table with the columns in another order it updates one row rightly and swaps the values of
# the next, in one call.
#
# Seen: table (id, email, name); upsert of (id, name, email), rows 1 (there) and 2 (new)
#       row 1   email "ann@example.com", name "Ann"
#       row 2   email "Bob", name "bob@example.com"; no error, one row updated, one inserted
#       append() puts row 3 by position too.
#       row 1 renamed to "Anna", then to "Anne": table_changes(...).updates() says Anna to Anna, Anna to Anne; the first
#       name is lost
# Valid input: same names, same types. The package promises an API like pyiceberg's, which goes by names in both.
# Why: the MERGE says UPDATE SET "name" = source."name", but INSERT VALUES (...) without a list of columns, and append
# INSERT ... SELECT *. updates() pairs the images by row id alone, although both have their snapshot.
#
# Exits 1 if this has changed. Needs Python 3.11 or newer as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pyducklake==1.0.18 pyarrow==25.0.1 pytz==2026.6 \
    duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-ducklake==1.5.5
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import pyarrow
from duckdb_extensions import import_extension
from pyducklake import Catalog, IntegerType, Schema, StringType, optional, required

import_extension("ducklake")
SCHEMA = Schema.of(required("id", IntegerType()), optional("email", StringType()), optional("name", StringType()))
catalog = Catalog("lake", "catalog.db", data_path="files")
people = catalog.create_table("people", SCHEMA)


def rows(*people):
    columns = [list(column) for column in zip(*people, strict=True)]
    return pyarrow.table({"id": pyarrow.array(columns[0], pyarrow.int32()), "name": columns[1], "email": columns[2]})


people.append(pyarrow.table({"id": pyarrow.array([1], pyarrow.int32()), "email": ["a@example.com"], "name": ["A"]}))
result = people.upsert(rows((1, "Ann", "ann@example.com"), (2, "Bob", "bob@example.com")), join_cols=["id"])
people.append(rows((3, "Cy", "cy@example.com")))
found = sorted((row["id"], row["email"], row["name"]) for row in people.scan().to_arrow().to_pylist())
print(result, *found, sep="\n    ")
before = people.current_snapshot().snapshot_id
for name in ("Anna", "Anne"):
    catalog.connection.execute(f"UPDATE {people.fully_qualified_name} SET name = '{name}' WHERE id = 1")
changes = people.table_changes(before + 1, people.current_snapshot().snapshot_id)
updates = sorted((old["name"], new["name"]) for old, new in changes.updates())
print("updates:", updates)
seen = found == [(1, "ann@example.com", "Ann"), (2, "Bob", "bob@example.com"), (3, "Cy", "cy@example.com")]
sys.exit(not (seen and (result.rows_updated, result.rows_inserted) == (1, 1)))
PYTHON

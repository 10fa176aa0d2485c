#!/bin/sh
# dlt 1.31.0 (SQLAlchemy 2.0.44, pyarrow 22.0.0): its destination `sqlalchemy` encodes the JSON texts of a Parquet file
# once more, so that a list is a text in the database and no JSON function finds its elements.
#
# Seen: "[2,3]" with quotation marks around it, in a column of the type JSON; MariaDB 10.11 the same as SQLite.
# Valid input: a column of text with JSON in it, declared as {"data_type": "json"}. DuckDB and Postgres take the same
# file as it is.
# Why: the column has SQLAlchemy's type JSON, which encodes what it is given, and the reader of Parquet files does not
# decode it first.
#
# Exits 1 if this has changed. Needs python3 and a package index.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'dlt[sqlalchemy]==1.31.0' SQLAlchemy==2.0.44 pyarrow==22.0.0
cd "$folder"
RUNTIME__DLTHUB_TELEMETRY=false timeout 120 "$folder/venv/bin/python" - <<'PYTHON'
import sqlite3
import sys

import dlt
import pyarrow


def rows():
    yield pyarrow.table({"id": [1], "labels": ["[2,3]"]})


pipeline = dlt.pipeline(
    "lists", pipelines_dir=".", destination=dlt.destinations.sqlalchemy("sqlite:///lists.db"), dataset_name="main"
)
deals = dlt.resource(rows, name="deals", columns={"labels": {"data_type": "json"}})
pipeline.run(deals, loader_file_format="parquet")
[(found,)] = sqlite3.connect("lists.db").execute("SELECT labels FROM deals").fetchall()
print("labels:", found)
sys.exit(found != '"[2,3]"')
PYTHON

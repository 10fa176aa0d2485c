#!/bin/sh
# dlt 1.31.0 (pyiceberg 0.12.0, pyarrow 22.0.0): its destination `filesystem` merges into an Iceberg table a thousand
# rows at a time, each with commits of its own, and does not remove rows that the hint `hard_delete` says are deleted.
#
# Seen: of one load of 2,500 edited rows readers meet three states, two of them mixed; a row marked as deleted stays, and
# has the mark in it. Into a Delta table the same load is one commit, and removes the row.
# Valid input: write_disposition={"disposition": "merge", "strategy": "upsert"}, with primary_key and hard_delete.
# Why: merge_iceberg_table calls pyiceberg's upsert for each batch of 1,000 rows, and looks at no hint but primary_key.
#
# Exits 1 if this has changed. Needs python3 and a package index.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    dlt==1.31.0 pyiceberg==0.12.0 pyarrow==22.0.0 SQLAlchemy==2.0.44
cd "$folder"
cat > .pyiceberg.yaml <<YAML
catalog:
  default:
    type: sql
    uri: sqlite:///$folder/catalog.db
YAML
RUNTIME__DLTHUB_TELEMETRY=false PYICEBERG_HOME="$folder" timeout 300 "$folder/venv/bin/python" - <<'PYTHON'
import os
import sys

import dlt
import pyarrow
from dlt.common.libs.pyiceberg import get_iceberg_tables

MERGE = {"disposition": "merge", "strategy": "upsert"}


def load(title, gone):
    count = 2_500

    def rows():
        deleted = pyarrow.array([True if number in gone else None for number in range(count)], pyarrow.bool_())
        yield pyarrow.table({"id": range(count), "title": [title] * count, "deleted": deleted})

    hints = {"id": {"primary_key": True}, "deleted": {"hard_delete": True}}
    pipeline.run(
        dlt.resource(rows, name="deals", columns=hints, write_disposition=MERGE, table_format="iceberg"),
        loader_file_format="parquet",
    )
    return get_iceberg_tables(pipeline, "deals")["deals"]


pipeline = dlt.pipeline(
    "deals", pipelines_dir=".", destination=dlt.destinations.filesystem(f"file://{os.getcwd()}/lake"),
    dataset_name="crm",
)  # fmt: skip
before = {snapshot.snapshot_id for snapshot in load("first", gone=()).snapshots()}
table = load("edited", gone={7})
met = [snapshot.snapshot_id for snapshot in table.snapshots() if snapshot.snapshot_id not in before]
edited = [table.scan(snapshot_id=one).to_arrow().column("title").to_pylist().count("edited") for one in met]
stays = 7 in table.scan().to_arrow().column("id").to_pylist()
print("edited rows after each commit:", edited, "- the deleted row is there:", stays)
sys.exit(not (stays and set(edited) >= {1_000, 2_000}))
PYTHON

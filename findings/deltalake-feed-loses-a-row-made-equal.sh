#!/bin/sh
# deltalake 1.6.6 (delta-rs; pyarrow 26.0.1) leaves a change out of the change data feed where an update makes a row
# equal to another one: the feed has the row as it was, but not as it is now. A copy made by this feed loses the row.
#
# Seen: rows (deal 1, hot), (deal 1, warm), (deal 2, cold); the table is right all three times
#       update warm to hot     update_preimage 1 warm
#       update warm to tepid   update_preimage 1 warm, update_postimage 1 tepid
#       merge warm to hot      update_preimage 1 warm, update_postimage 1 hot
# Valid input: Delta tables have no keys, so that equal rows are rows like others. A preimage is the row before an update,
# a postimage the row after it (PROTOCOL.md of delta-io/delta, "Change Data Files").
# Why: postimages are the rows of the rewritten files that were not there before, preimages those that are not there
# afterwards (class CDCTracker). An equal row was there before.
#
# Exits 1 if this has changed. Needs python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check deltalake==1.6.6 pyarrow==26.0.1
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import pyarrow
from deltalake import DeltaTable, write_deltalake

LABELS = pyarrow.table({"deal": [1, 1, 2], "label": ["hot", "warm", "cold"]})
FEED = {"delta.enableChangeDataFeed": "true"}


def label(row):
    return row["deal"], row["label"]


def changed(name, change):
    write_deltalake(name, LABELS, configuration=FEED)
    table = DeltaTable(name)
    change(table)
    rows = pyarrow.table(table.load_cdf(starting_version=1).read_all()).to_pylist()
    feed = sorted((row["_change_type"], *label(row)) for row in rows)
    left = sorted(label(row) for row in DeltaTable(name).to_pyarrow_table().to_pylist())
    print(name, "- feed:", feed, "- table:", left)
    return feed, left


def merge(table):
    hot = pyarrow.table({"deal": [1], "was": ["warm"], "label": ["hot"]})
    matching = table.merge(hot, "t.deal = s.deal AND t.label = s.was", source_alias="s", target_alias="t")
    matching.when_matched_update({"label": "s.label"}).execute()


equal = changed("equal", lambda table: table.update({"label": "'hot'"}, predicate="label = 'warm'"))
other = changed("other", lambda table: table.update({"label": "'tepid'"}, predicate="label = 'warm'"))
merged = changed("merged", merge)
before = ("update_preimage", 1, "warm")
seen = equal == ([before], [(1, "hot"), (1, "hot"), (2, "cold")])
seen = seen and other == ([("update_postimage", 1, "tepid"), before], [(1, "hot"), (1, "tepid"), (2, "cold")])
sys.exit(not (seen and merged == ([("update_postimage", 1, "hot"), before], equal[1])))
PYTHON

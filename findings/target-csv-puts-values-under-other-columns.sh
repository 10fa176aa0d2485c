#!/bin/sh
# meltanolabs-target-csv 0.5.0 (singer-sdk 0.54.9) writes the records of an old schema below the header of a new one, by
# their place: after a column was added in the middle, the values of all earlier records are under other columns.
#
# Seen: SCHEMA id, title           RECORD 1, Fair
#       SCHEMA id, label, title    RECORD 2, hot, Shop
#       deals.csv                  id,label,title / 1,Fair / 2,hot,Shop    "Fair" is read as the label of deal 1
# Valid input: a tap may send a stream's schema again, and the SDK's targets take a changed one ("schema has changed").
# Why: `setup` (sinks.py) writes the new header at once, over the old one; the records of both schemas come after it, at
# the end, each in the order of its own schema.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    meltanolabs-target-csv==0.5.0 singer-sdk==0.54.9
cd "$folder"
cat >deals.jsonl <<'JSON'
{"type": "SCHEMA", "stream": "deals", "key_properties": ["id"], "schema": {"type": "object", "properties": {"id": {"type": "integer"}, "title": {"type": "string"}}}}
{"type": "RECORD", "stream": "deals", "record": {"id": 1, "title": "Fair"}}
{"type": "SCHEMA", "stream": "deals", "key_properties": ["id"], "schema": {"type": "object", "properties": {"id": {"type": "integer"}, "label": {"type": "string"}, "title": {"type": "string"}}}}
{"type": "RECORD", "stream": "deals", "record": {"id": 2, "label": "hot", "title": "Shop"}}
JSON
echo '{}' >settings.json
timeout 60 venv/bin/target-csv --config settings.json <deals.jsonl 2>log || tail -n 20 log
seen=$(tr -d '\r' <deals.csv)
echo "$seen"
test "$seen" = "id,label,title
1,Fair
2,hot,Shop"

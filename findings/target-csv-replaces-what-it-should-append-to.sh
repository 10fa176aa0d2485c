#!/bin/sh
# meltanolabs-target-csv 0.5.0 (singer-sdk 0.54.9) replaces the file of the last load where its setting says that it
# appends: `overwrite_behavior` is in its settings and in its documentation, and nothing reads it.
#
# Seen: two loads of one deal each with {"overwrite_behavior": "append_records"}
#       after the first     id,title / 1,Fair
#       after the second    id,title / 2,Shop
# Valid input: "`append_records` (default) - append records at the insertion point". After an incremental load, for which
# one appends, the file has the changes alone. {"overwrite_behavior": "no such value"} is taken as well.
# Why: `setup` (sinks.py) opens the file with "w" to write the header, each time.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    meltanolabs-target-csv==0.5.0 singer-sdk==0.54.9
cd "$folder"
echo '{"overwrite_behavior": "append_records"}' >settings.json
schema='{"type": "object", "properties": {"id": {"type": "integer"}, "title": {"type": "string"}}}'
load() {
    printf '%s\n' \
        "{\"type\": \"SCHEMA\", \"stream\": \"deals\", \"key_properties\": [\"id\"], \"schema\": $schema}" \
        "{\"type\": \"RECORD\", \"stream\": \"deals\", \"record\": $1}" |
        timeout 60 venv/bin/target-csv --config settings.json 2>log || { tail -n 20 log; exit 1; }
    tr -d '\r' <deals.csv
}
first=$(load '{"id": 1, "title": "Fair"}')
second=$(load '{"id": 2, "title": "Shop"}')
echo "$first"
echo "$second"
test "$first" = "id,title
1,Fair"
test "$second" = "id,title
2,Shop"

#!/bin/sh
# meltano-map-transform 0.12.3 (singer-sdk 0.54.9) drops columns from the schema when it flattens: each that may be null
# by `anyOf` and is a number, an integer or a boolean, or has its null first. The records still carry the values.
#
# Seen: given     id, value (anyOf number, null), owner_id (anyOf integer, null), title (anyOf string, null)
#       schema    id, title
#       record    {"id": 1, "value": 12.5, "owner_id": 7, "title": "Fair"}
#       Without `flattening_enabled` the schema has all four.
# Valid input: pydantic writes an optional number so, and nothing here is nested. A target makes its columns from the
# schema: SDK targets leave out what it does not name, with a warning; others refuse the record.
# Why: `_flatten_schema` (singer_sdk/helpers/_flattening.py), which the SDK's taps and targets use as well, looks at the
# first element of `anyOf`, and goes on only if it is a string, an array or an object.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    meltano-map-transform==0.12.3 singer-sdk==0.54.9
cd "$folder"
cat >deals.jsonl <<'JSON'
{"type": "SCHEMA", "stream": "deals", "key_properties": ["id"], "schema": {"type": "object", "properties": {"id": {"type": "integer"}, "value": {"anyOf": [{"type": "number"}, {"type": "null"}]}, "owner_id": {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "title": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}}
{"type": "RECORD", "stream": "deals", "record": {"id": 1, "value": 12.5, "owner_id": 7, "title": "Fair"}}
JSON
see() {
    echo "{\"stream_maps\": {}, \"flattening_enabled\": $1, \"flattening_max_depth\": 1}" >settings.json
    timeout 60 venv/bin/meltano-map-transform --config settings.json <deals.jsonl >out 2>log || tail -n 20 log
    python3 - <<'PYTHON'
import json

schema, record = (json.loads(line) for line in open("out"))
print(*schema["schema"]["properties"], "-", *record["record"].values())
PYTHON
}
flattened=$(see true)
as_given=$(see false)
echo "flattened: $flattened"
echo "as given:  $as_given"
test "$flattened" = "id title - 1 12.5 7 Fair"
test "$as_given" = "id value owner_id title - 1 12.5 7 Fair"

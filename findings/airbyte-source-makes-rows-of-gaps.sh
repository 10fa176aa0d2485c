#!/bin/sh
# airbyte-source-pipedrive 2.3.7 makes a record of an element of /v1/recents that has no data: a "deal" whose columns
# are `item`, `id` and `data`. Deduplicated by `id`, as its primary key says, such a row takes the place of the deal
# that was loaded before.
#
# Seen: elements [{"item": "deal", "id": 5, "data": {"id": 5, "title": "Big"}}, {"item": "deal", "id": 5, "data": null}]
#       records  [{"id": 5, "title": "Big"}, {"item": "deal", "id": 5, "data": null}]
# Valid input: Pipedrive sends elements without data; the source's own docstring shows two.
# Why: NullCheckedDpathExtractor returns the element itself where `data` is null.
#
# Exits 1 if this has changed. Needs Python 3.10 or 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check airbyte-source-pipedrive==2.3.7
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import json
import sys

import requests
from airbyte_cdk.sources.declarative.decoders.json_decoder import JsonDecoder

JsonDecoder.__hash__ = object.__hash__  # on Python 3.11 the source cannot be imported without it

from source_pipedrive.extractor import NullCheckedDpathExtractor

elements = [{"item": "deal", "id": 5, "data": {"id": 5, "title": "Big"}}, {"item": "deal", "id": 5, "data": None}]
answer = requests.Response()
answer.status_code = 200
answer._content = json.dumps({"success": True, "data": elements}).encode()
extractor = NullCheckedDpathExtractor(["data", "*"], "data", {}, {})
records = list(extractor.extract_records(answer))
print("elements", json.dumps(elements))
print("records ", json.dumps(records))
sys.exit(0 if records == [elements[0]["data"], elements[1]] else 1)
PYTHON

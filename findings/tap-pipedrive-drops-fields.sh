#!/bin/sh
# tap-pipedrive 2.1.0 (Python 3.11.7, singer-python 6.1.1) drops fields of records without a word:
# `lead_id` of a note, so that the note of a lead belongs to nothing, and `label_ids` of a person.
#
# Seen: note of a lead: ['add_time', 'content', 'id', 'update_time', 'user_id']
#       person with labels: ['id', 'name', 'update_time']
# Valid input: both fields are in Pipedrive's own models of a note (v1) and a person (v2).
# Why: its schemas (notes.json, persons.json) do not name them, and singer's Transformer leaves out what no schema
# names. The tap asks for the fields' definitions, whose key for a person's labels is `label`.
#
# Exits 1 if this has changed. Needs python3 and a package index; its server listens on 127.0.0.1 only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tap-pipedrive==2.1.0 singer-python==6.1.1 'setuptools<81'
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from singer import metadata
from tap_pipedrive import tap

TIME = "2026-01-05 08:00:00"
ANSWERS = {
    "/v1/noteFields": [{"id": 1, "key": "content", "name": "Content", "field_type": "text"}],
    "/v1/personFields": [{"id": 2, "key": "label", "name": "Labels", "field_type": "set"}],
    "/v1/notes": [
        {"id": 7, "content": "Call back", "user_id": 1, "lead_id": "a0b1c2d3-0000-4000-8000-000000000001",
         "add_time": TIME, "update_time": TIME}
    ],
    "/api/v2/persons": [{"id": 8, "name": "Ada", "label_ids": [3, 4], "update_time": "2026-01-05T08:00:00Z"}],
}


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        more = {"pagination": {"start": 0, "limit": 100, "more_items_in_collection": False}, "next_cursor": None}
        document = {"success": True, "data": ANSWERS[self.path.split("?")[0]], "additional_data": more}
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
tap.BASE_URL = f"http://127.0.0.1:{server.server_port}"
tap.PipedriveTap.streams = [s for s in tap.PipedriveTap.streams if s.schema in ("notes", "persons")]
pipedrive = tap.PipedriveTap({"api_token": "x", "start_date": "2020-01-01T00:00:00Z"}, {})
catalog = pipedrive.do_discover()
for stream in catalog.streams:
    found = metadata.to_map(stream.metadata)
    stream.metadata = metadata.to_list({place: {**about, "selected": True} for place, about in found.items()})
written = io.StringIO()
with contextlib.redirect_stdout(written):
    pipedrive.do_sync(catalog)
messages = [json.loads(line) for line in written.getvalue().splitlines()]
records = {m["stream"]: m["record"] for m in messages if m["type"] == "RECORD"}
note, person = sorted(records["notes"]), sorted(records["persons"])
print("note of a lead:", note)
print("person with labels:", person)
sys.exit(0 if "lead_id" not in note and "label_ids" not in person else 1)
PYTHON

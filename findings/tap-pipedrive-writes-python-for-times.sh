#!/bin/sh
# tap-pipedrive 2.1.0 (Python 3.11.7, singer-python 6.1.1) writes custom fields of a time, a date range and a time range
# as the text of a Python dictionary. Its single quotes are no JSON, and its schema says "string", so that no target can
# read the value again. Fields of money and addresses, which are objects too, come as objects.
#
# Seen: given    {"value": "10:00:00", "timezone_id": 86, "timezone_name": "Europe/Berlin"}
#       emitted  "{'value': '10:00:00', 'timezone_id': 86, 'timezone_name': 'Europe/Berlin'}"
# Valid input: since API v2, whose records the tap reads, such fields are objects.
# Why: the tap declares them by the definitions of API v1, where they were texts, and singer's Transformer makes a
# declared string of any value by Python's str().
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
from tap_pipedrive import streams, tap

CALL, STAY, PRICE = "a" * 40, "b" * 40, "c" * 40
VALUES = {
    CALL: {"value": "10:00:00", "timezone_id": 86, "timezone_name": "Europe/Berlin"},
    STAY: {"value": "2026-01-05", "until": "2026-01-09"},
    PRICE: {"value": 5.5, "currency": "EUR"},
}
TYPES = {CALL: "time", STAY: "daterange", PRICE: "monetary"}
DEAL = {"id": 1, "title": "Trip", "update_time": "2026-01-05T08:00:00Z", "custom_fields": VALUES}
ANSWERS = {
    "/v1/dealFields": [{"id": 1, "key": key, "name": kind, "field_type": kind} for key, kind in TYPES.items()],
    "/api/v2/deals": [DEAL],
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
tap.PipedriveTap.streams = [streams.DealsStream()]
pipedrive = tap.PipedriveTap({"api_token": "x", "start_date": "2020-01-01T00:00:00Z"}, {})
catalog = pipedrive.do_discover()
for stream in catalog.streams:
    found = metadata.to_map(stream.metadata)
    stream.metadata = metadata.to_list({place: {**about, "selected": True} for place, about in found.items()})
written = io.StringIO()
with contextlib.redirect_stdout(written):
    pipedrive.do_sync(catalog)
messages = [json.loads(line) for line in written.getvalue().splitlines()]
[record] = [message["record"] for message in messages if message["type"] == "RECORD"]
for key, kind in TYPES.items():
    print(f"{kind:10}", json.dumps(record[key]))
sys.exit(0 if record[CALL] == str(VALUES[CALL]) and record[STAY] == str(VALUES[STAY]) and record[PRICE] == VALUES[PRICE] else 1)
PYTHON

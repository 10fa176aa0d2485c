#!/bin/sh
# tap-pipedrive 2.1.0 (Python 3.11.7, singer-python 6.1.1) asks for the records since its bookmark, that second included,
# gets them, and drops those of that second. A sync that resumes after an error between two pages never emits the rest
# of a batch that was written in one second, and the next bookmark lies beyond it.
#
# Seen: five deals of one second, two to a page; the third page of the first sync is refused with 402
#       first sync   deals 1, 2, 3, 4; bookmark 2026-01-05T08:00:00Z
#       second sync  asks for updated_since=2026-01-05T08:00:00Z, is given deals 1 to 5, emits none
# Valid input: an import writes many deals in one second; Pipedrive's update times are whole seconds.
# Why: `write_record` (stream.py) means `>=`, but compares texts of two forms: "2026-01-05T08:00:00.000000Z" of the
# transformed record is less than "2026-01-05T08:00:00Z" of the bookmark, since "." comes before "Z". The tap's pull
# request 156 repairs it; no release has it.
#
# Exits 1 if this has changed. Needs python3 and a package index; its server listens on 127.0.0.1 only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tap-pipedrive==2.1.0 singer-python==6.1.1 'setuptools<81'
timeout 120 "$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from singer import metadata
from tap_pipedrive import streams, tap
from tap_pipedrive.exceptions import PipedrivePaymentRequiredError

SECOND = "2026-01-05T08:00:00Z"
DEALS = [{"id": number, "title": "Import", "add_time": SECOND, "update_time": SECOND} for number in range(1, 6)]
given, refusing = [], True


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        start, status, document = int(query.get("cursor", 0)), 200, {"success": True, "data": []}
        if address.path == "/api/v2/deals":
            found = [deal for deal in DEALS if deal["update_time"] >= query["updated_since"]][start:]
            more = {"next_cursor": str(start + 2) if found[2:] else None}
            document = {"success": True, "data": found[:2], "additional_data": more}
            if refusing and start == 4:
                status, document = 402, {"success": False, "error": "Payment required"}
            else:
                given.extend(deal["id"] for deal in found[:2])
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-ratelimit-remaining", "10")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def sync(state):
    tap.PipedriveTap.streams = [streams.DealsStream()]
    pipedrive = tap.PipedriveTap({"api_token": "x", "start_date": "2020-01-01T00:00:00Z"}, state)
    catalog = pipedrive.do_discover()
    for stream in catalog.streams:
        found = metadata.to_map(stream.metadata)
        stream.metadata = metadata.to_list({place: {**about, "selected": True} for place, about in found.items()})
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.suppress(PipedrivePaymentRequiredError):
        pipedrive.do_sync(catalog)
    messages = [json.loads(line) for line in written.getvalue().splitlines()]
    emitted = [message["record"]["id"] for message in messages if message["type"] == "RECORD"]
    return emitted, [message["value"] for message in messages if message["type"] == "STATE"][-1]


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
tap.BASE_URL = f"http://127.0.0.1:{server.server_port}"
first, state = sync({})
print("first: ", first, json.dumps(state["bookmarks"]))
given, refusing = [], False
second, state = sync(state)
print("second:", second, json.dumps(state["bookmarks"]), "given:", given)
sys.exit(0 if first == [1, 2, 3, 4] and given == [1, 2, 3, 4, 5] and second == [] else 1)
PYTHON

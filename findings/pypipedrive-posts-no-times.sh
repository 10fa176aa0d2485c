#!/bin/sh
# pypipedrive-client 1.0.2 (Python 3.12.1) drops the time and the duration of an activity: it demands a `datetime.time`
# and a `datetime.timedelta`, and posts null for either. Records that it reads lose them as soon as they have seconds.
#
# Seen: Activities(subject="Call", due_time=time(9, 30), duration=timedelta(minutes=30)).save()
#           POST {"subject": "Call", "due_time": null, "duration": null}
#       a record read with "due_time": "09:30:00", "duration": "00:30:00" has None for both
# Valid input: "Duration field. Accepts only timedelta values" are the package's own words; another type is refused by
# TypeError. Pipedrive gives times and durations with and without seconds.
# Why: TimeField and DurationField (orm/fields.py) read what they are given as a text of the form HH:MM, and make None,
# with a line in the log, of every error on the way. (Before Python 3.12 the package installs, and no import works.)
#
# Exits 1 if this has changed. Needs python3.12 and a package index; its server listens on 127.0.0.1 only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.12 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pypipedrive-client==1.0.2
PIPEDRIVE_API_TOKEN=token timeout 120 "$folder/venv/bin/python" - <<'PYTHON'
import json
import sys
import threading
from datetime import time, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

from pypipedrive.models import Activities

posted = []


class Pipedrive(BaseHTTPRequestHandler):
    def do_POST(self):
        posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        body = b'{"success": true, "data": {"id": 1, "subject": "Call"}}'
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = HTTPServer(("127.0.0.1", 0), Pipedrive)
threading.Thread(target=server.serve_forever, daemon=True).start()
Activities.get_api(version="v2").endpoint_url = f"http://127.0.0.1:{server.server_port}/"
call = Activities(subject="Call", due_time=time(9, 30), duration=timedelta(minutes=30))
call.save()
print("posted", json.dumps(posted))
read = {}
for seconds in ("", ":00"):
    read[seconds] = Activities.from_record(id=1, due_time=f"09:30{seconds}", duration=f"00:30{seconds}")
    print(f"read 09:30{seconds}:", read[seconds].due_time, read[seconds].duration)
kept = read[""].duration == timedelta(minutes=30) and read[""].due_time is not None
dropped = (posted[0]["due_time"], posted[0]["duration"], read[":00"].due_time, read[":00"].duration) == (None,) * 4
sys.exit(0 if posted[0]["subject"] == "Call" and kept and dropped else 1)
PYTHON

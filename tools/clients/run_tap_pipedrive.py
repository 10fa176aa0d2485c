"""Run tap-pipedrive against another base URL; print the ids that each stream gives.

python tap_pipedrive.py URL TOKEN START_DATE
"""

import contextlib
import io
import json
import sys
from collections import defaultdict

from singer import metadata
from tap_pipedrive import tap

url, token, start_date = sys.argv[1:]
tap.BASE_URL = url
pipedrive = tap.PipedriveTap({"api_token": token, "start_date": start_date}, {})
catalog = pipedrive.do_discover()
for stream in catalog.streams:
    found = metadata.to_map(stream.metadata)
    stream.metadata = metadata.to_list({place: {**about, "selected": True} for place, about in found.items()})
written = io.StringIO()
with contextlib.redirect_stdout(written):
    pipedrive.do_sync(catalog)
ids = defaultdict(list)
for line in written.getvalue().splitlines():
    message = json.loads(line)
    if message["type"] == "RECORD":
        ids[message["stream"]].append(message["record"]["id"])
print(json.dumps(ids))

#!/bin/sh
# airflowctl 0.1.5 (apache-airflow-ctl) exports a part of the pools and says that it was all of them, where the server's
# `[api] maximum_page_limit` is less than 50. All of its lists are cut so: connections, variables, DAGs.
#
# Seen: a server with 45 pools and maximum_page_limit 20
#       airflowctl pools export pools.json      "Exported 45 pool(s)", exit code 0; the file has 20
# Valid input: of a larger limit Airflow's configuration reference says that it "will be ignored and maximum page limit
# value will be set as the limit".
# Why: `execute_list` (api/operations.py) asks for 50, and counts on by 50, not by the entries that came.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; its server listens on 127.0.0.1 only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check apache-airflow-ctl==0.1.5
export AIRFLOW_HOME="$folder/airflow" AIRFLOW_CLI_TOKEN=token
cd "$folder"
timeout 120 "$folder/venv/bin/python" - <<'PYTHON'
import json
import os
import pathlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

MAXIMUM_PAGE_LIMIT = 20
SLOTS = dict.fromkeys(("occupied", "running", "queued", "scheduled", "deferred"), 0) | {"open": 4}
POOLS = [
    {"name": f"pool_{number:02}", "slots": 4, "include_deferred": False, "description": None}
    | {f"{kind}_slots": count for kind, count in SLOTS.items()}
    for number in range(45)
]


class Airflow(BaseHTTPRequestHandler):
    def do_GET(self):
        query = {name: int(values[0]) for name, values in parse_qs(urlsplit(self.path).query).items()}
        start, limit = query.get("offset", 0), min(query.get("limit", 50), MAXIMUM_PAGE_LIMIT)
        body = json.dumps({"pools": POOLS[start : start + limit], "total_entries": len(POOLS)}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = HTTPServer(("127.0.0.1", 0), Airflow)
threading.Thread(target=server.serve_forever, daemon=True).start()
home = pathlib.Path(os.environ["AIRFLOW_HOME"])
home.mkdir()
(home / "production.json").write_text(json.dumps({"api_url": f"http://127.0.0.1:{server.server_port}"}))
command = [sys.executable, "-m", "airflowctl", "pools", "export", "pools.json"]
done = subprocess.run(command, capture_output=True, text=True, check=False)
exported = json.loads(pathlib.Path("pools.json").read_text())
print(done.stdout.strip(), "- exit code", done.returncode, "- in the file:", len(exported))
sys.exit(0 if done.returncode == 0 and "Exported 45 pool(s)" in done.stdout and len(exported) == 20 else 1)
PYTHON

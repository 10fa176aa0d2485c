#!/bin/sh
# airflowctl 0.1.5 (apache-airflow-ctl) asks the server for the statistics of a DAG's letters: `dags get-stats crm`
# reports on the DAGs "c", "r" and "m". Its options for objects and times, as `dags trigger --conf`, take no value.
#
# Seen: airflowctl dags get-stats crm
#           GET /api/v2/dagStats?dag_ids=c&dag_ids=r&dag_ids=m
#       airflowctl dags trigger crm --conf '{"days": 1}'
#           argument --conf: invalid dict value: '{"days": 1}'; no request
#       airflowctl dagrun list --start-date 2026-11-01T00:00:00Z
#           argument --start-date: invalid datetime value: '2026-11-01T00:00:00Z'; no request
# Valid input: one name of a DAG, an object, a time.
# Why: the options are made of the operations' annotations (ctl/cli_config.py), whose classes argparse then calls with
# the text: list("crm"), dict('{"days": 1}'), datetime("2026-11-01T00:00:00Z"). Issue 67989 of apache/airflow reports
# the one of `--conf`; it is closed, and 0.1.5 is the newest release.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; its server listens on 127.0.0.1 only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check apache-airflow-ctl==0.1.5
export AIRFLOW_HOME="$folder/airflow" AIRFLOW_CLI_TOKEN=token
timeout 120 "$folder/venv/bin/python" - <<'PYTHON'
import json
import os
import pathlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

requests = []


class Airflow(BaseHTTPRequestHandler):
    def do_GET(self):
        requests.append(f"{self.command} {self.path}")
        body = b'{"dags": [], "total_entries": 0}'
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


def airflowctl(*arguments):
    command = [sys.executable, "-m", "airflowctl", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "argument --" in line]
    print("airflowctl", *arguments, "-", done.returncode, *said)
    return done.returncode, " ".join(said)


asked, _ = airflowctl("dags", "get-stats", "crm")
conf = airflowctl("dags", "trigger", "crm", "--conf", '{"days": 1}')
start = airflowctl("dagrun", "list", "--start-date", "2026-11-01T00:00:00Z")
print(requests)
letters = requests == ["GET /api/v2/dagStats?dag_ids=c&dag_ids=r&dag_ids=m"]
refused = conf[0] == start[0] == 2 and "invalid dict value" in conf[1] and "invalid datetime value" in start[1]
sys.exit(0 if asked == 0 and letters and refused else 1)
PYTHON

#!/bin/sh
# apache-airflow-client 3.3.2, Airflow's Python client, leaves out what is to be cleared: DAGRunPatchBody(note=None) is
# sent as an empty object, which asks the server for no change. Of a Variable's value the same client sends null.
#
# Seen: patch_dag_run("crm", "run", DAGRunPatchBody(note=None))                    body {}
#       patch_variable("owner", VariableBody(key="owner", value=None))             body {"key":"owner","value":null}
#       patch_connection("crm", ConnectionBody(..., login=None))                   body without login
# Valid input: the API's schema allows null for each of them, and clears the field. The docstring of `to_dict` promises
# null "for nullable fields that were set at model initialization".
# Why: the models have that exception for a few fields only; all others go through `model_dump(exclude_none=True)`.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; its server listens on 127.0.0.1 only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check apache-airflow-client==3.3.2
timeout 120 "$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from airflow_client import client

received = []


class Airflow(BaseHTTPRequestHandler):
    def do_PATCH(self):
        received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


server = HTTPServer(("127.0.0.1", 0), Airflow)
threading.Thread(target=server.serve_forever, daemon=True).start()
api = client.ApiClient(client.Configuration(host=f"http://127.0.0.1:{server.server_port}", access_token="token"))
connection = client.ConnectionBody(connection_id="crm", conn_type="http", login=None)
for call in (
    lambda: client.DagRunApi(api).patch_dag_run("crm", "run", client.DAGRunPatchBody(note=None)),
    lambda: client.VariableApi(api).patch_variable("owner", client.VariableBody(key="owner", value=None)),
    lambda: client.ConnectionApi(api).patch_connection("crm", connection),
):
    with contextlib.suppress(client.ApiException):
        call()
    print(json.dumps(received[-1]))
run, variable, crm = received
sys.exit(0 if run == {} and variable == {"key": "owner", "value": None} and "login" not in crm else 1)
PYTHON

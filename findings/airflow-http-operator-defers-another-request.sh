#!/bin/sh
# HttpOperator of apache-airflow-providers-http 6.3.0 (Airflow 3.3.2) sends another request when it is deferred: the
# JSON body of `request_kwargs` is not in it, and the server gets an empty one. The cookies of the answer are others too.
#
# Seen: HttpOperator(endpoint="deals", request_kwargs={"json": {"title": "Fair"}})
#       deferrable=False    application/json                     {"title": "Fair"}    cookie abc
#       deferrable=True     application/x-www-form-urlencoded    (empty)              cookie Set-Cookie: id=abc; Path=/
# Valid input: `request_kwargs` is the operator's one way to send JSON with its header, and nothing says that it is not
# for deferred requests. `[operators] default_deferrable` changes all of them without a change in the DAG.
# Why: `execute_async` gives the trigger no `request_kwargs`, which HttpTrigger has no argument for. `_convert_response`
# (triggers/http.py) takes `str(morsel)`, which is the whole header, for the cookie's value.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; its server listens on 127.0.0.1 only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-http==6.3.0
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR
timeout 120 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import asyncio
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.triggers.http import HttpTrigger
from airflow.sdk.exceptions import TaskDeferred

received = []


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        received.append((self.headers.get("content-type"), body))
        self.send_response(200)
        self.send_header("set-cookie", "id=abc; Path=/")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["AIRFLOW_CONN_CRM"] = f"http://127.0.0.1:{server.server_port}"


def cookie_of(deferrable):
    operator = HttpOperator(
        task_id="add",
        http_conn_id="crm",
        endpoint="deals",
        request_kwargs={"json": {"title": "Fair"}},
        response_filter=lambda response: response.cookies["id"],
        deferrable=deferrable,
    )
    try:
        return operator.execute({})
    except TaskDeferred as deferred:
        trigger = HttpTrigger(**deferred.trigger.serialize()[1])
        return operator.execute_complete({}, asyncio.run(anext(trigger.run())).payload)


cookies = [cookie_of(False), cookie_of(True)]
for request, cookie in zip(received, cookies):
    print(*request, cookie)
expected = [("application/json", b'{"title": "Fair"}'), ("application/x-www-form-urlencoded", b"")]
sys.exit(0 if received == expected and cookies == ["abc", "Set-Cookie: id=abc; Path=/"] else 1)
PYTHON

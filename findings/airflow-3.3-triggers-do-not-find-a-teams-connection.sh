#!/bin/sh
# Airflow 3.3.2 with [core] multi_team: a connection of a team is found in the tasks of its DAGs and not in their
# triggers, not even in a triggerer that was started for the team (airflow triggerer --team-name sales).
#
# Seen: task: sales.example.com
#       trigger: CONNECTION_NOT_FOUND
# Valid input: AIRFLOW_CONN__SALES___CRM is the connection crm of the team sales, as Airflow's documentation of teams has
#       it; a deferrable operator looks up in its trigger the connection that its task has used.
# Why: the API server tells the team by the task that asks. A triggerer asks an API of its own process, in which nobody
#       is a task: its requests are those of an Airflow without teams.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__MULTI_TEAM=True
export AIRFLOW_CONN__SALES___CRM='{"conn_type": "http", "host": "sales.example.com"}'
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile apache-airflow==3.3.2
"$folder/venv/bin/airflow" db migrate >"$folder/log" 2>&1 || { tail -n 20 "$folder/log"; exit 1; }
seen=$("$folder/venv/bin/python" -W ignore - 2>"$folder/log" <<'PYTHON'
import os

from airflow.jobs.triggerer_job_runner import TriggerRunnerSupervisor
from airflow.models.connection import Connection

print("task:", Connection.get_connection_from_secrets("crm", team_name="sales").host, flush=True)
answer = TriggerRunnerSupervisor.make_client(None).connections.get("crm")
print("trigger:", getattr(answer, "host", None) or answer.error.value, flush=True)
os._exit(0)  # at the interpreter's end, SQLAlchemy complains of the connection that this API has left open
PYTHON
) || tail -n 20 "$folder/log"
echo "$seen"
echo "$seen" | grep -qx "task: sales.example.com"
echo "$seen" | grep -qx "trigger: CONNECTION_NOT_FOUND"

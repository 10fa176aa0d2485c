#!/bin/sh
# Airflow 3.3.2 (providers-standard 1.21.0): the links that ask a person for an approval leave out the path of the
# server. Of an Airflow at https://example.com/airflow they lead to https://example.com/dags/..., where there is none.
#
# Seen: base_url               https://example.com/airflow
#       log_url of the task    https://example.com/airflow/dags/crm/runs/...
#       generate_link_to_ui    https://example.com/dags/crm/runs/.../tasks/approve/required_actions?map_index=-1
#       The same with base_url given as its argument.
# Valid input: Airflow's page on reverse proxies sets [api] base_url with a path (http://my_host/myorg/airflow), and the
# link to the task's log has it. A notifier that sends the link, as the operator's documentation shows, sends a dead
# one.
# Why: `generate_link_to_ui` (operators/hitl.py) takes scheme and host of the base_url and puts a path of its own in.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__API__BASE_URL=https://example.com/airflow
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-standard==1.21.0
timeout -k 5 100 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from types import SimpleNamespace

from airflow.models.taskinstance import TaskInstance
from airflow.providers.standard.operators.hitl import ApprovalOperator

approve = ApprovalOperator(task_id="approve", subject="Load 4,000 deals?")
task = SimpleNamespace(dag_id="crm", run_id="daily", task_id="approve", map_index=-1, try_number=1)
log_url = TaskInstance.log_url.fget(task)
links = [
    approve.generate_link_to_ui(task_instance=task),
    approve.generate_link_to_ui(task_instance=task, base_url="https://example.com/airflow"),
]
print("log_url            ", log_url)
for link in links:
    print("generate_link_to_ui", link)
lost = "https://example.com/dags/crm/runs/daily/tasks/approve/required_actions?map_index=-1"
sys.exit(0 if log_url.startswith("https://example.com/airflow/dags/crm/") and links == [lost, lost] else 1)
PYTHON

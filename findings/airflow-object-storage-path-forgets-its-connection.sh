#!/bin/sh
# Airflow 3.3.2 (task SDK 1.3.2, universal_pathlib 0.3.10): an ObjectStoragePath forgets its connection when it is
# copied by copy.deepcopy or pickled, and continues without it. What is made by `/` keeps it.
#
# Seen: path = ObjectStoragePath("file://exports@/deals/2026")           conn_id
#       path / "x", path.parent, pulled from XCom                       exports
#       copy.deepcopy(path), pickle.loads(pickle.dumps(path))           None
#       TaskGroup("load", default_args={"path": path}).default_args     None
# Valid input: default_args of a task group are any arguments of its tasks; a task in a virtualenv pickles its own. An
# S3 path without its connection goes to another endpoint, or there as somebody else, if it can.
# Why: ObjectStoragePath (sdk/io/path.py) keeps `_conn_id` next to what it wraps, and inherits the `__reduce__` of
# ProxyUPath, which does not know of it.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 universal_pathlib==0.3.10
export AIRFLOW_HOME="$folder/airflow"
timeout 120 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import copy
import pickle
import sys
from types import SimpleNamespace

from airflow.sdk import DAG, ObjectStoragePath, TaskGroup
from airflow.sdk.bases.xcom import BaseXCom

path = ObjectStoragePath("file://exports@/deals/2026")
with DAG("crm", schedule=None):
    group = TaskGroup("load", default_args={"path": path})
seen = {
    "path": path.conn_id,
    "path / x": (path / "x").conn_id,
    "parent": path.parent.conn_id,
    "xcom": BaseXCom.deserialize_value(SimpleNamespace(value=BaseXCom.serialize_value(path))).conn_id,
    "deepcopy": copy.deepcopy(path).conn_id,
    "pickle": pickle.loads(pickle.dumps(path)).conn_id,
    "default_args of a task group": group.default_args["path"].conn_id,
}
for name, conn_id in seen.items():
    print(name, "-", conn_id)
sys.exit(0 if list(seen.values()) == ["exports"] * 4 + [None] * 3 else 1)
PYTHON

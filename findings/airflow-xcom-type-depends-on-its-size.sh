#!/bin/sh
# Airflow's XComObjectStorageBackend (providers-common-io 1.11.0, Airflow 3.3.2) gives a value back with other types
# when it is large enough for the object store. And once its object is gone, it gives the object's address instead.
#
# Seen: threshold of 200 bytes
#       {"span": (1, 2), "note": ""}                       comes back with the tuple (1, 2)
#       {"span": (1, 2), "note": 300 characters}           comes back with the list [1, 2]
#       the same after the object was removed              comes back as the text "file:///.../crm/run/read/..."
# Valid input: tuples are among the values that XCom keeps, in the database as by this backend below the threshold.
# Life cycle rules remove objects; a task that reads such an XCom continues with an address, where it should fail.
# Why: `_write_large_value` (common/io/xcom/backend.py) uses json.dumps, which makes lists of tuples inside of a value,
# where the database's path uses serde; `deserialize_value` answers FileNotFoundError with the stored text.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-common-io==1.11.0
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH="file://$folder/xcom"
export AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD=200
timeout 120 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import os
import shutil
import sys
from types import SimpleNamespace

from airflow.providers.common.io.xcom.backend import XComObjectStorageBackend


def pull(stored):
    return XComObjectStorageBackend.deserialize_value(SimpleNamespace(value=stored))


def push(value):
    coordinate = {"key": "return_value", "dag_id": "crm", "run_id": "run", "task_id": "read"}
    return XComObjectStorageBackend.serialize_value(value, **coordinate)


small, large = push({"span": (1, 2), "note": ""}), push({"span": (1, 2), "note": "x" * 300})
of_small, of_large = pull(small)["span"], pull(large)["span"]
shutil.rmtree(os.environ["AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH"].removeprefix("file://"))
of_gone = pull(large)
print("small:", of_small, "- large:", of_large, "- gone:", of_gone)
is_address = isinstance(of_gone, str) and of_gone.startswith("file://")
sys.exit(0 if (of_small, of_large) == ((1, 2), [1, 2]) and is_address else 1)
PYTHON

#!/bin/sh
# Airflow 3.3.2 (task SDK 1.3.2) gives a task another Iceberg table than the one that was pushed to XCom: of the table
# crm.raw.deals, which is in a nested namespace, the table raw.deals comes back. One that is in no nested namespace is
# pushed without a word, and no task can pull it again.
#
# Seen: a SQL catalog of the name "crm"
#       pushed ("crm", "raw", "deals"), with the row 2     pulled ("raw", "deals"), with the row 1
#       pushed ("raw", "deals"), with the row 1            pulled: IndexError: tuple index out of range
# Valid input: the documentation of Airflow's serializers names pyiceberg's Table among the values that XCom takes.
# Why: the serializer (sdk/serde/serializers/iceberg.py) takes the first part of `_identifier` for the catalog's name
# and the next two for the table; in pyiceberg 0.12.0 the identifier has no catalog in it. A SQL catalog of another
# name than that of the namespace refuses the first table too, since it finds tables of its own name only.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 'pyiceberg[pyarrow,sql-sqlite]==0.12.0'
AIRFLOW__CORE__FERNET_KEY=$("$folder/venv/bin/python" -c \
    'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__CORE__FERNET_KEY
timeout 120 "$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import sys
from types import SimpleNamespace

import pyarrow as pa
from airflow.sdk.bases.xcom import BaseXCom
from pyiceberg.catalog import load_catalog

folder = sys.argv[1]
catalog = load_catalog("crm", type="sql", uri=f"sqlite:///{folder}/lake.db", warehouse=f"file://{folder}/lake")
rows = pa.table({"id": pa.array([1], pa.int64())})
catalog.create_namespace(("raw",))
catalog.create_table(("raw", "deals"), rows.schema).append(rows)
catalog.create_namespace(("crm",))
catalog.create_namespace(("crm", "raw"))
catalog.create_table(("crm", "raw", "deals"), rows.schema).append(pa.table({"id": pa.array([2], pa.int64())}))


def pulled(name):
    stored = BaseXCom.serialize_value(catalog.load_table(name))
    try:
        table = BaseXCom.deserialize_value(SimpleNamespace(value=stored))
    except IndexError as error:
        return repr(error)
    return table.name(), table.scan().to_arrow().to_pylist()


nested, plain = pulled(("crm", "raw", "deals")), pulled(("raw", "deals"))
print("pushed ('crm', 'raw', 'deals') - pulled", nested)
print("pushed ('raw', 'deals') - pulled", plain)
sys.exit(0 if nested == (("raw", "deals"), [{"id": 1}]) and plain.startswith("IndexError") else 1)
PYTHON

#!/bin/sh
# Airflow 3.3.2 (task SDK 1.3.2): `xcom_pull(key=..., include_prior_dates=True)`, by which a task finds how far its last
# run came, gives a value in the second run and a list of all former values from the third run on.
#
# Seen: run of 2026-11-01   None
#       run of 2026-11-02   "2026-11-01"
#       run of 2026-11-03   ["2026-11-01", "2026-11-02"], the oldest first
#       With map_indexes=None in addition, which is what the docstring calls the default: "2026-11-02".
# Valid input: the docstring of `xcom_pull` says that for one task without `map_indexes` "the return value is a single
# XCom entry". That of `get_all`, which it calls, says: "the latest matching XComs are returned". Airflow 2 gives one.
# Why: the server's slice (execution_api/routes/xcoms.py) throws the order by date away and orders by `map_index`, which
# is -1 in each run; `xcom_pull` gives one value only where one came.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR
mkdir -p "$AIRFLOW_HOME/dags"
"$folder/venv/bin/airflow" db migrate >"$folder/log" 2>&1 || { tail -n 20 "$folder/log"; exit 1; }
cat >"$AIRFLOW_HOME/dags/crm.py" <<'PYTHON'
import datetime

from airflow.sdk import DAG, task

with DAG("crm", schedule=None) as dag:

    @task
    def load(logical_date=None, ti=None):
        print("pulled", repr(ti.xcom_pull(key="until", include_prior_dates=True)), flush=True)
        print("latest", repr(ti.xcom_pull(key="until", include_prior_dates=True, map_indexes=None)), flush=True)
        ti.xcom_push("until", f"{logical_date:%Y-%m-%d}")

    load()

if __name__ == "__main__":
    for day in (1, 2, 3):
        dag.test(logical_date=datetime.datetime(2026, 11, day, tzinfo=datetime.timezone.utc))
PYTHON
timeout 170 "$folder/venv/bin/python" -W ignore "$AIRFLOW_HOME/dags/crm.py" >"$folder/log" 2>&1 || tail -n 20 "$folder/log"
seen=$(grep -E "^(pulled|latest) " "$folder/log")
echo "$seen"
test "$seen" = "pulled None
latest None
pulled '2026-11-01'
latest '2026-11-01'
pulled ['2026-11-01', '2026-11-02']
latest '2026-11-02'"

#!/bin/sh
# Airflow 3.3.2 (task SDK 1.3.2): slices of a mapped task's output are others than those of a list with the same values,
# where the start counts from the end: values[-2:4] of three values gives all three, and values[-1:-2] gives one.
#
# Seen: values [10, 20, 30], the output of a mapped task (SQLite)      list(values) of the same slice
#       values[-2:4]     [10, 20, 30]                                  [20, 30]
#       values[-1:-2]    [10]                                          []
#       values[-1:1]     [10]                                          []
#       values[0:2] and values[-2:] are the same as in the list.
# Valid input: such an output is a Sequence (LazyXComSequence), which promises what Python's sequences do.
# Why: the server (execution_api/routes/xcoms.py) reads the values backwards for a negative start and lets offsets and
# limits become negative, where Python would cut a bound to the length or find nothing.
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
from airflow.sdk import DAG, task

with DAG("crm", schedule=None) as dag:

    @task
    def fee(id):
        return id * 10

    @task
    def see(values):
        known = list(values)
        for given in slice(-2, 4), slice(-1, -2), slice(-1, 1), slice(0, 2), slice(-2, None):
            print("slice", given.start, given.stop, values[given], known[given], flush=True)

    see(fee.expand(id=[1, 2, 3]))

if __name__ == "__main__":
    dag.test()
PYTHON
timeout 170 "$folder/venv/bin/python" -W ignore "$AIRFLOW_HOME/dags/crm.py" >"$folder/log" 2>&1 || tail -n 20 "$folder/log"
seen=$(grep -E "^slice " "$folder/log")
echo "$seen"
test "$seen" = "slice -2 4 [10, 20, 30] [20, 30]
slice -1 -2 [10] []
slice -1 1 [10] []
slice 0 2 [10, 20] [10, 20]
slice -2 None [20, 30] [20, 30]"

#!/bin/sh
# Airflow 3.3.2 (task SDK 1.3.2): zip() of two mapped tasks pairs the values of different elements once a task has
# filtered one out by returning None; a zipped value ends in a pair that is not in it; and zipped with a dictionary,
# tasks get Airflow's internal marker NOTSET.
#
# Seen: for the ids 1, 2, 3     name(2) returns None, fee(id) is ten times the id
#       name.expand(id=ids).zip(fee.expand(id=ids))    ("one", 10), ("three", 20); the fee of 3 is in no pair
#       [1, 2, 3] zipped with ["x"], in a task         list(zipped) is [(1, "x")], zipped[-1] is (3, "x")
#       [1, 2] zipped with {"a": 1, "b": 2}            (1, NOTSET), (2, NOTSET); Python's zip pairs the keys
# Valid input: "a mapped task can remove any elements from being passed on to its downstream tasks by returning None"
# (Airflow's documentation), and zip() is "like the built-in zip()"; it checks for a "sequence or dict".
# Why: a value without XCom has no place, the others move up by one (of mapped groups, apache/airflow#40321 tells that,
# open). `_ZipResult` (sdk/definitions/xcom_arg.py) compares an index with its length from above only, and takes the
# KeyError of a dictionary for a value that is missing.
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
    def name(id):
        return {1: "one", 3: "three"}.get(id)

    @task
    def fee(id):
        return id * 10

    @task
    def give(value):
        return value

    @task
    def filtered(pair):
        print("filtered", pair, flush=True)

    @task
    def see(kind, zipped):
        print(kind, list(zipped), "last", zipped[-1], flush=True)

    filtered.expand(pair=name.expand(id=[1, 2, 3]).zip(fee.expand(id=[1, 2, 3])))
    see("shorter", give([1, 2, 3]).zip(give(["x"])))
    see("dictionary", give([1, 2]).zip(give({"a": 1, "b": 2})))

if __name__ == "__main__":
    dag.test()
PYTHON
timeout 170 "$folder/venv/bin/python" -W ignore "$AIRFLOW_HOME/dags/crm.py" >"$folder/log" 2>&1 || tail -n 20 "$folder/log"
seen=$(grep -E "^(filtered|shorter|dictionary) " "$folder/log" | sort)
echo "$seen"
test "$seen" = "dictionary [(1, NOTSET), (2, NOTSET)] last (2, NOTSET)
filtered ('one', 10)
filtered ('three', 20)
shorter [(1, 'x')] last (3, 'x')"

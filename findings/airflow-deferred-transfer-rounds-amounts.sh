#!/bin/sh
# Airflow 3.3.2: a GenericTransfer (providers-common-sql 2.4.0) writes other amounts than it has read when it is
# deferred. The same task without `deferrable` copies them as they are.
#
# Seen: a row decimal(19, 2) with 12345678901234567.89, from one DuckDB to another
#       deferrable=False    12345678901234567.89
#       deferrable=True     12345678901234568.00
# Valid input: the documentation of the operator says only that it then runs deferred. A Decimal that a task pushes to
# XCom changes alike; Airflow's documentation names Decimal among the values that XCom takes, and mentions no loss.
# Why: `serialize` of sdk/serde/serializers/bignum.py writes float(value), which a comment next to it calls lossy; rows
# that a trigger has read pass through it on their way to the task.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-common-sql==2.4.0 \
    apache-airflow-providers-duckdb==0.2.1 duckdb==1.5.5
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR
export AIRFLOW_CONN_CRM="{\"conn_type\": \"duckdb\", \"host\": \"$folder/crm.db\"}"
export AIRFLOW_CONN_LAKE="{\"conn_type\": \"duckdb\", \"host\": \"$folder/lake.db\"}"
mkdir -p "$AIRFLOW_HOME/dags"
"$folder/venv/bin/airflow" db migrate >"$folder/log" 2>&1 || { tail -n 20 "$folder/log"; exit 1; }
sql() {
    "$folder/venv/bin/python" -c 'import duckdb, sys
for row in duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall():
    print(*row)' "$@"
}
sql "$folder/crm.db" "CREATE TABLE deals AS SELECT 12345678901234567.89::DECIMAL(19, 2) AS amount" >/dev/null
sql "$folder/lake.db" "CREATE TABLE deals (how VARCHAR, amount DECIMAL(19, 2))" >/dev/null
cat >"$AIRFLOW_HOME/dags/crm.py" <<'PYTHON'
from airflow.providers.common.sql.operators.generic_transfer import GenericTransfer
from airflow.sdk import DAG


def transfer(deferrable):
    return GenericTransfer(
        task_id=f"deferrable_{deferrable}",
        sql=f"SELECT 'deferrable={deferrable}', amount FROM deals",
        destination_table="deals",
        source_conn_id="crm",
        destination_conn_id="lake",
        page_size=1,
        deferrable=deferrable,
    )


with DAG("crm", schedule=None) as dag:
    transfer(False) >> transfer(True)

if __name__ == "__main__":
    dag.test()
PYTHON
timeout 170 "$folder/venv/bin/python" -W ignore "$AIRFLOW_HOME/dags/crm.py" >"$folder/log" 2>&1 || tail -n 20 "$folder/log"
seen=$(sql "$folder/lake.db" "SELECT * FROM deals ORDER BY how")
echo "$seen"
test "$seen" = "deferrable=False 12345678901234567.89
deferrable=True 12345678901234568.00"

#!/bin/sh
# Airflow's SQLColumnCheckOperator and SQLTableCheckOperator (providers-common-sql 2.4.0) check other rows than they are
# told to: the `partition_clause` of the operator and that of a check are joined by AND without parentheses.
#
# Seen: deals (owner, pipeline, amount): (1, 7, 10), (2, 7, 20), (1, 8, null); a null check with "pipeline = 7"
#       partition_clause="owner IN (1, 2)"             passes; the null is in pipeline 8
#       partition_clause="owner = 1 OR owner = 2"      fails, with 1 null: both operators
#       WHERE owner = 1 OR owner = 2 AND pipeline = 7
# Valid input: each clause is "a partial SQL statement that is added to a WHERE clause", and both select the same rows.
# The other way round, an OR in the clause of a check lets rows in that the operator's own clause excludes.
# Why: `_generate_partition_clause` (operators/sql.py), in both classes.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-common-sql==2.4.0 \
    apache-airflow-providers-sqlite==4.3.4
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__LOGGING__LOGGING_LEVEL=CRITICAL
export AIRFLOW_CONN_CRM="{\"conn_type\": \"sqlite\", \"host\": \"$folder/crm.db\"}"
timeout 120 "$folder/venv/bin/python" -W ignore - "$folder/crm.db" <<'PYTHON'
import sqlite3
import sys

from airflow.providers.common.sql.operators.sql import SQLColumnCheckOperator, SQLTableCheckOperator

with sqlite3.connect(sys.argv[1]) as database:
    database.execute("CREATE TABLE deals (owner, pipeline, amount)")
    database.executemany("INSERT INTO deals VALUES (?, ?, ?)", [(1, 7, 10), (2, 7, 20), (1, 8, None)])


def outcomes(clause):
    common = {"task_id": "check", "conn_id": "crm", "table": "deals", "partition_clause": clause}
    seven = {"partition_clause": "pipeline = 7"}
    for operator in (
        SQLColumnCheckOperator(column_mapping={"amount": {"null_check": {"equal_to": 0, **seven}}}, **common),
        SQLTableCheckOperator(checks={"amounts": {"check_statement": "amount IS NOT NULL", **seven}}, **common),
    ):
        try:
            operator.execute({})
            yield "passes"
        except Exception as error:
            yield "fails" if "Test failed" in str(error) else repr(error)


listed, either = list(outcomes("owner IN (1, 2)")), list(outcomes("owner = 1 OR owner = 2"))
print("owner IN (1, 2)", listed)
print("owner = 1 OR owner = 2", either)
sys.exit(0 if listed == ["passes"] * 2 and either == ["fails"] * 2 else 1)
PYTHON

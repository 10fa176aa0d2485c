#!/bin/sh
# Airflow 3.3.2 (task SDK 1.3.2): dag.test() without a conf runs with the conf of the dag.test() before it. A test that
# follows another one sees its parameters, not the defaults of the DAG.
#
# Seen: params={"stage": "won"}
#       dag.test()                                 the task sees {"stage": "won"}
#       dag.test(run_conf={"stage": "lost"})       the task sees {"stage": "lost"}
#       dag.test()                                 the task sees {"stage": "lost"}, while dag.params says "won"
# Valid input: the DAG's documentation has dag.test() as the way to test, `run_conf` being "configuration to pass to
# newly created dagrun".
# Why: `process_params` (sdk/definitions/param.py) fills a new ParamsDict with the task's own Param objects and then
# updates it with the conf; Param.resolve keeps each value that it is given.
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

with DAG("crm", schedule=None, params={"stage": "won"}) as dag:

    @task
    def show(params=None):
        print("task", dict(params), flush=True)

    show()

if __name__ == "__main__":
    dag.test()
    dag.test(run_conf={"stage": "lost"})
    dag.test()
    print("dag", dag.params, flush=True)
PYTHON
timeout 170 "$folder/venv/bin/python" -W ignore "$AIRFLOW_HOME/dags/crm.py" >"$folder/log" 2>&1 || tail -n 20 "$folder/log"
seen=$(grep -E "^(task|dag) " "$folder/log")
echo "$seen"
test "$seen" = "task {'stage': 'won'}
task {'stage': 'lost'}
task {'stage': 'lost'}
dag {'stage': 'won'}"

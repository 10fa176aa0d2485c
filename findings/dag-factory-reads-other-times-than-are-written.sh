#!/bin/sh
# dag-factory 1.1.0 (Airflow 3.3.2) drops the offset of a start_date, which so becomes another moment, and of a duration
# in two units it reads one: "1 hour 30 minutes" is an hour.
#
# Seen: start_date: 2026-01-01T08:00:00+02:00     2026-01-01 08:00:00+00:00, two hours late
#       end_date: "2026-12-31T20:00:00-05:00"     2026-12-31 20:00:00+00:00, five hours early
#       execution_delta: 1 hour 30 minutes        1:00:00
#       execution_delta: 1 day 2 hours            1 day, 0:00:00
#       execution_delta: 90 minutes               1:30:00
# Valid input: YAML has times with an offset of its own, and pendulum reads them in a text; a duration that cannot be
# read is refused ("Invalid relative time"). A sensor with such an `execution_delta` waits for a run that never comes.
# Why: `get_datetime` (dagfactory/utils.py) writes the zone UTC, or that of `timezone`, over the one that is there. The
# pattern of `get_time_delta` takes no "s" after a unit and no space before the next one, and need not match to the end.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 dag-factory==1.1.0
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY=False DO_NOT_TRACK=1
cat >"$folder/dags.yml" <<'YAML'
crm:
  start_date: 2026-01-01T08:00:00+02:00
  end_date: "2026-12-31T20:00:00-05:00"
  schedule: "@daily"
  tasks:
    - task_id: two_units
      operator: airflow.providers.standard.sensors.external_task.ExternalTaskSensor
      external_dag_id: other
      execution_delta: 1 hour 30 minutes
    - task_id: two_other_units
      operator: airflow.providers.standard.sensors.external_task.ExternalTaskSensor
      external_dag_id: other
      execution_delta: 1 day 2 hours
    - task_id: one_unit
      operator: airflow.providers.standard.sensors.external_task.ExternalTaskSensor
      external_dag_id: other
      execution_delta: 90 minutes
YAML
timeout 120 "$folder/venv/bin/python" -W ignore - "$folder/dags.yml" >"$folder/log" 2>&1 <<'PYTHON' ||
import sys

from dagfactory import load_yaml_dags

found = {}
load_yaml_dags(found, config_filepath=sys.argv[1])
dag = found["crm"]
print("from", dag.start_date, "to", dag.end_date)
for task in dag.tasks:
    print(task.task_id, task.execution_delta)
PYTHON
    tail -n 20 "$folder/log"
seen=$(grep -E "^(from|two_units|two_other_units|one_unit) " "$folder/log")
echo "$seen"
test "$seen" = "from 2026-01-01 08:00:00+00:00 to 2026-12-31 20:00:00+00:00
two_units 1:00:00
two_other_units 1 day, 0:00:00
one_unit 1:30:00"

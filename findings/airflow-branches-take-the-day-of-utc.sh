#!/bin/sh
# Airflow 3.3.2 (providers-standard 1.21.0): with `use_task_logical_date` the branches and the sensor of the day take
# the day of UTC, whatever the zone of the DAG: on a Monday at five in Tokyo it is not Monday, nor between four and six.
#
# Seen: logical date Monday, 2026-11-30 05:00 in Tokyo, a DAG in Asia/Tokyo
#       BranchDayOfWeekOperator(week_day="Monday")                             not Monday
#       DayOfWeekSensor(week_day="Monday")                                     waits
#       BranchDateTimeOperator(target_lower=time(4), target_upper=time(6))     outside
#       The same hour in a DAG in UTC: Monday, goes on, inside.
# Valid input: without `use_task_logical_date` BranchDayOfWeekOperator takes the day in the zone of the DAG, and the
# times of BranchDateTimeOperator are in that zone in any case. It is the day that they are put on that is not.
# Why: the logical date comes in UTC; `choose_branch` and `poke` ask it for its `isoweekday()`, and
# `target_times_as_dates` for its date, as they are.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-standard==1.21.0
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR
timeout 120 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from datetime import time

import pendulum
from airflow.providers.standard.operators.datetime import BranchDateTimeOperator
from airflow.providers.standard.operators.weekday import BranchDayOfWeekOperator
from airflow.providers.standard.sensors.weekday import DayOfWeekSensor
from airflow.sdk import DAG


def seen(zone):
    monday = pendulum.datetime(2026, 11, 30, 5, tz=zone)
    context = {"logical_date": monday.in_timezone("UTC")}
    branches = {"follow_task_ids_if_true": "yes", "follow_task_ids_if_false": "no", "use_task_logical_date": True}
    with DAG("crm", schedule=None, start_date=monday):
        day = BranchDayOfWeekOperator(task_id="day", week_day="Monday", **branches)
        hours = BranchDateTimeOperator(task_id="hours", target_lower=time(4), target_upper=time(6), **branches)
        sensor = DayOfWeekSensor(task_id="sensor", week_day="Monday", use_task_logical_date=True)
    return day.choose_branch(context), hours.choose_branch(context), sensor.poke(context)


tokyo, utc = seen("Asia/Tokyo"), seen("UTC")
print("Asia/Tokyo: Monday, between four and six, sensor:", *tokyo)
print("UTC:        Monday, between four and six, sensor:", *utc)
sys.exit(0 if tokyo == ("no", "no", False) and utc == ("yes", "yes", True) else 1)
PYTHON

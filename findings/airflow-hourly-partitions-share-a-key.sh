#!/bin/sh
# Airflow 3.3.2: an hourly CronPartitionTimetable in a zone with summer time gives two partitions of the autumn the same
# key, and a run that is triggered with the key of the first one is dated as the second. With the offset in its keys it
# cannot tell what partition any key is.
#
# Seen: CronPartitionTimetable("0 * * * *", timezone="America/New_York"), the day 2026-11-01: 25 partitions, 24 keys
#       partition 05:00 UTC    key 2026-11-01T01:00:00    resolve_partition_date(key)    06:00 UTC
#       partition 06:00 UTC    key 2026-11-01T01:00:00    resolve_partition_date(key)    06:00 UTC
#       With key_format="%Y-%m-%dT%H:%M:%S%z" 25 keys; resolve_partition_date of each of them: ValueError: make_aware
#       expects a naive datetime
# Valid input: the timetable takes any cron and any zone, and the format is its default. Consumers of an asset know its
# partitions by their keys alone; a backfill tells these two apart by their dates.
# Why: `_format_key` (timetables/trigger.py) writes the local time without its offset, and `_decode_partition_date`
# puts the zone on what it has read, which must have none.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2
export AIRFLOW_HOME="$folder/airflow" AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR
timeout 120 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from datetime import datetime, timezone

from airflow.timetables.trigger import CronPartitionTimetable

FIRST, LAST = datetime(2026, 11, 1, tzinfo=timezone.utc), datetime(2026, 11, 1, 23, tzinfo=timezone.utc)


def partitions(**options):
    timetable = CronPartitionTimetable("0 * * * *", timezone="America/New_York", **options)
    return timetable, list(timetable.iter_partition_dagrun_infos(earliest=FIRST, latest=LAST))


def resolved(timetable, key):
    try:
        return timetable.resolve_partition_date(key).astimezone(timezone.utc)
    except ValueError as error:
        return f"ValueError: {error}"


timetable, runs = partitions()
keys = {run.partition_key for run in runs}
print(len(runs), "partitions,", len(keys), "keys")
others = [
    (run.partition_date, run.partition_key, resolved(timetable, run.partition_key))
    for run in runs
    if resolved(timetable, run.partition_key) != run.partition_date
]
for date, key, other in others:
    print(date, key, "resolved to", other)
timetable, runs = partitions(key_format="%Y-%m-%dT%H:%M:%S%z")
answers = [resolved(timetable, run.partition_key) for run in runs]
print(len({run.partition_key for run in runs}), "keys with an offset;", runs[0].partition_key, "-", answers[0])
refused = all(isinstance(answer, str) for answer in answers)
sys.exit(0 if len(keys) == 24 and len(others) == 1 and len(answers) == 25 and refused else 1)
PYTHON

#!/bin/sh
# Airflow 3.3.2: FanOutMapper makes 24 hourly partitions of a day in New York, with the keys of New York's hours, and
# dates each run by the same hours in UTC. `partition_date` of the run, and so what its task reads, is four hours early.
#
# Seen: FanOutMapper(upstream_mapper=StartOfDayMapper(timezone="America/New_York"), window=DayWindow())
#       the day's key 2026-07-01T00:00:00, which is the moment 2026-07-01T04:00:00Z
#       first key     2026-07-01T00
#       its date      2026-07-01T00:00:00Z; StartOfDayMapper itself says 2026-07-01T04:00:00Z of that day
# Valid input: the documentation leaves `downstream_mapper` out in its examples, and promises that the run is dated by
# the start of its period.
# Why: the mapper that is chosen by the window's name (`_resolve_default_downstream_mapper` in
# partition_mappers/temporal.py) is made without the zone of `upstream_mapper`, so that it reads the keys as UTC.
# Give the zone twice: downstream_mapper=StartOfHourMapper(timezone="America/New_York").
#
# Exits 1 if this has changed. Needs Python 3.11 as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2
export AIRFLOW_HOME="$folder/airflow"
timeout 120 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from datetime import datetime, timezone

from airflow.partition_mappers.temporal import FanOutMapper, StartOfDayMapper, StartOfHourMapper
from airflow.partition_mappers.window import DayWindow

ZONE, KEY = "America/New_York", "2026-07-01T00:00:00"
daily = StartOfDayMapper(timezone=ZONE)
seen = {}
for name, hourly in {"by default": None, "zone twice": StartOfHourMapper(timezone=ZONE)}.items():
    mapper = FanOutMapper(upstream_mapper=daily, window=DayWindow(), downstream_mapper=hourly)
    first = next(iter(mapper.to_downstream(KEY)))
    seen[name] = mapper.to_partition_date(first).astimezone(timezone.utc)
    print(f"{name}: {first} is {seen[name].isoformat()}")
day = daily.to_partition_date(daily.to_downstream(KEY)).astimezone(timezone.utc)
print(f"the day:    {day.isoformat()}")
right = datetime(2026, 7, 1, 4, tzinfo=timezone.utc)
wrong = datetime(2026, 7, 1, 0, tzinfo=timezone.utc)
sys.exit(0 if day == seen["zone twice"] == right and seen["by default"] == wrong else 1)
PYTHON

#!/bin/sh
# Airflow 3.3.2: a day's rollup of hourly asset partitions waits for ever, with every hour delivered, if one follows the
# advice of the documentation of DayWindow for zones with summer time: an `input_format` with %z, and keys in UTC.
#
# Seen: RollupMapper(upstream_mapper=StartOfDayMapper(timezone="America/New_York", input_format="%Y-%m-%dT%H%z"),
#                    window=DayWindow()), the day 2026-07-01 and the 24 keys of its hours, 2026-07-01T04+0000 and so on
#       each key is counted to the day 2026-07-01; of the 24 expected keys, 2026-07-01T00-0400 and so on, none has come;
#       WaitForAll: satisfied=False. With the zone UTC all 24 are found.
# Valid input: the advice's own words are to "use UTC input_format (e.g. %Y-%m-%dT%H%z)" and to "ensure upstream
# producers emit UTC partition keys".
# Why: `encode_upstream` (partition_mappers/temporal.py) writes expected keys with the offset of the mapper's zone, and
# the scheduler compares keys as texts.
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
from datetime import datetime, timedelta, timezone

from airflow.partition_mappers.base import RollupMapper
from airflow.partition_mappers.temporal import StartOfDayMapper
from airflow.partition_mappers.window import DayWindow


def rollup(zone, first_hour):
    hourly = StartOfDayMapper(timezone=zone, input_format="%Y-%m-%dT%H%z")
    mapper = RollupMapper(upstream_mapper=hourly, window=DayWindow())
    came = {(first_hour + timedelta(hours=hour)).strftime("%Y-%m-%dT%H%z") for hour in range(24)}
    assert {mapper.to_downstream(key) for key in came} == {"2026-07-01"}
    expected = mapper.to_upstream("2026-07-01")
    state = mapper.wait_policy.is_satisfied_by_keys(matched=came, expected=expected)
    print(f"{zone}: came {min(came)} ..., expected {min(expected)} ..., satisfied={state.satisfied}")
    return len(came & expected), state.satisfied


new_york = rollup("America/New_York", datetime(2026, 7, 1, 4, tzinfo=timezone.utc))
utc = rollup("UTC", datetime(2026, 7, 1, tzinfo=timezone.utc))
sys.exit(0 if new_york == (0, False) and utc == (24, True) else 1)
PYTHON

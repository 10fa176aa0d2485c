#!/bin/sh
# Airflow 3.3.2 (task SDK 1.3.2) pushes a datetime with Python's own fixed offset to XCom without a word, and no task
# can pull it again: the task that made the value succeeds, each one that reads it fails.
#
# Seen: pushed  datetime.fromisoformat("2026-11-30T10:00:00+02:00")
#       stored  {"timestamp": 1796025600.0, "tz": ["", "", 0, false]}, shortened
#       pulled  ValueError: ZoneInfo keys must be normalized relative paths, got:
#       With "+00:00" or a pendulum offset the same moment comes back.
# Valid input: `fromisoformat` gives such a value for every text with an offset, and XCom takes datetimes.
# Why: `serialize` of serde/serializers/timezone.py says of an offset of the class datetime.timezone that it cannot
# write it, by four empty values; `serialize` of datetime.py stores these four as if they were the time zone.
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
from datetime import datetime
from types import SimpleNamespace

import pendulum
from airflow.sdk.bases.xcom import BaseXCom

seen = []
for value in (
    datetime.fromisoformat("2026-11-30T10:00:00+02:00"),
    datetime.fromisoformat("2026-11-30T08:00:00+00:00"),
    pendulum.parse("2026-11-30T10:00:00+02:00"),
):
    stored = BaseXCom.serialize_value(value)
    try:
        pulled = BaseXCom.deserialize_value(SimpleNamespace(value=stored))
        seen.append("equal" if pulled == value else "another time")
    except ValueError as error:
        seen.append(f"ValueError: {error}")
    print(repr(value), "-", seen[-1])
sys.exit(0 if seen[0].startswith("ValueError: ZoneInfo keys must be") and seen[1:] == ["equal", "equal"] else 1)
PYTHON

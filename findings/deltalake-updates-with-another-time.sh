#!/bin/sh
# deltalake 1.6.6 (delta-rs; pyarrow 26.0.1): DeltaTable.update(new_values=...) writes another time than it is given. One
# in nine times loses a microsecond, and a time without a zone is moved by the offset of the machine.
#
# Seen: column timestamp without a zone, TZ=America/New_York
#       written by write_deltalake      2026-01-01T10:05:06.000789
#       the same by update              2026-01-01T15:05:06.000788
#       column timestamp in UTC
#       written by write_deltalake      2026-01-01T10:05:06.000789+00:00
#       the same by update              2026-01-01T10:05:06.000788+00:00
# Valid input: the signature has datetime among the types of new_values ("a mapping of column name to python datatype"); a
# column without a zone holds what a clock shows, and write_deltalake writes it so.
# Why: `update` (table.py) makes a number of the time by int(value.timestamp() * 1000 * 1000): a float that is cut, not
# rounded, and timestamp() takes a time without a zone for one of the machine's zone.
#
# Exits 1 if this has changed. Needs Python 3.11 or newer as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile deltalake==1.6.6 pyarrow==26.0.1
cd "$folder"
TZ=America/New_York timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys
from datetime import datetime, timezone

import pyarrow
from deltalake import DeltaTable, write_deltalake


def written_and_updated(name, type, time):
    write_deltalake(name, pyarrow.table({"time": pyarrow.array([time], type)}))
    table = DeltaTable(name)
    written = table.to_pyarrow_table()["time"][0].as_py()
    table.update(new_values={"time": time})
    return written.isoformat(), table.to_pyarrow_table()["time"][0].as_py().isoformat()


time = datetime(2026, 1, 1, 10, 5, 6, 789)
plain = written_and_updated("plain", pyarrow.timestamp("us"), time)
utc = written_and_updated("utc", pyarrow.timestamp("us", "UTC"), time.replace(tzinfo=timezone.utc))
print("without a zone:", *plain)
print("in UTC:        ", *utc)
seen = plain == ("2026-01-01T10:05:06.000789", "2026-01-01T15:05:06.000788") and utc == (
    "2026-01-01T10:05:06.000789+00:00",
    "2026-01-01T10:05:06.000788+00:00",
)
sys.exit(not seen)
PYTHON

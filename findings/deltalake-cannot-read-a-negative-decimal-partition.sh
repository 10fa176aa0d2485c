#!/bin/sh
# deltalake 1.6.6 (delta-rs; pyarrow 26.0.1) writes the partition value of a negative decimal with a sign in its middle,
# and cannot read the table any more, older rows included. A binary partition value it reads as another one.
#
# Seen: written Decimal("-1.05")  in the log "-1.-5"         read: Failed to parse value '-1.-5' as 'decimal(5,2)'
#       written b"ab"             in the log "\u0061\u0062"  read: b'\\u0061\\u0062'
#       The append to a table with rows in it raises the first error too, after it has committed.
# Valid input: a decimal and a binary are partition values like others. The protocol writes -1.05 as "-1.05", and a
# binary as such escapes, which a reader takes back (PROTOCOL.md, "Partition Value Serialization"). Decimals from 0 on
# are right.
# Why: whole and fractional part come from a division and a remainder, and both have the sign. Escapes are not decoded.
#
# Exits 1 if this has changed. Needs python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check deltalake==1.6.6 pyarrow==26.0.1
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import json
import pathlib
import sys
from decimal import Decimal

import pyarrow
from deltalake import DeltaTable, write_deltalake

DECIMAL = pyarrow.decimal128(5, 2)


def append(table, value, kind):
    rows = pyarrow.table({"id": [1], "part": pyarrow.array([value], kind)})
    try:
        write_deltalake(table, rows, mode="append", partition_by=["part"])
    except Exception as error:
        print("append:  ", error)


def logged(table):
    newest = max(pathlib.Path(table, "_delta_log").glob("*.json"))
    actions = [json.loads(line) for line in newest.read_text().splitlines()]
    return next(action["add"]["partitionValues"]["part"] for action in actions if "add" in action)


def read(table):
    try:
        return DeltaTable(table).to_pyarrow_table()["part"].to_pylist()
    except Exception as error:
        return str(error)


append("balances", Decimal("1.05"), DECIMAL)
before = read("balances")
append("balances", Decimal("-1.05"), DECIMAL)
append("keys", b"ab", pyarrow.binary())
print("decimals:", before, "then", logged("balances"), "-", read("balances"))
print("binary:  ", logged("keys"), "-", read("keys"))
seen = (
    before == [Decimal("1.05")]
    and logged("balances") == "-1.-5"
    and "Failed to parse value '-1.-5'" in read("balances")
    and read("keys") == [rb"\u0061\u0062"]
)
sys.exit(not seen)
PYTHON

#!/bin/sh
# lancedb 0.40.0 (pyarrow 26.0.1) finds rows whose decimal is 12345678.90 by "NOT (amount = 12345678.90)", and
# delete() with that filter deletes them. The same filter with 0.10 leaves out the equal row, as it should.
#
# Seen: amounts of rows 1, 2, 3      12345678.90, 0.10, 0.30, as decimal(10, 2)
#       NOT (amount = 0.10)          1, 3
#       NOT (amount = 12345678.90)   1, 2, 3; after delete() the table is empty
#       amount = 12345678.90         an error: "Received literal Float64(12345678.9) and could not convert"
# Valid input: a filter is SQL (documentation of LanceTable.delete: "The SQL where clause"), in which this literal is a
# decimal. A condition and its opposite cannot both be true.
# Why: only comparisons at the top are checked for a literal that does not fit the column (the error is known: issue 127
# of lance-spark). Below NOT the comparison goes to DataFusion, which turns the floating-point literal into a decimal
# with 15 digits after the point, a little more than 12345678.90.
# CAST('12345678.90' AS DECIMAL(10, 2)) is right in both.
#
# Exits 1 if this has changed. Needs python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check lancedb==0.40.0 pyarrow==26.0.1
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys
from decimal import Decimal

import lancedb
import pyarrow

amounts = pyarrow.array([Decimal("12345678.90"), Decimal("0.10"), Decimal("0.30")], pyarrow.decimal128(10, 2))
table = lancedb.connect("lake").create_table("deals", pyarrow.table({"id": [1, 2, 3], "amount": amounts}))


def found(filter):
    try:
        return sorted(table.search().where(filter).to_arrow()["id"].to_pylist())
    except ValueError as error:
        return str(error)


small, large, plain = found("NOT (amount = 0.10)"), found("NOT (amount = 12345678.90)"), found("amount = 12345678.90")
cast = found("NOT (amount = CAST('12345678.90' AS DECIMAL(10, 2)))")
table.delete("NOT (amount = 12345678.90)")
print("not 0.10:       ", small)
print("not 12345678.90:", large, "- with a cast:", cast, "- left after delete:", table.count_rows())
print("12345678.90:    ", plain)
seen = (small, large, cast, table.count_rows()) == ([1, 3], [1, 2, 3], [2, 3], 0)
sys.exit(not (seen and "Received literal Float64" in str(plain)))
PYTHON

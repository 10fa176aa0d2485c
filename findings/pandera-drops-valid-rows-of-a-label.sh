#!/bin/sh
# pandera 0.35.0 (pandas 3.1.1): `drop_invalid_rows` drops valid rows too, where a row that is not valid has the same
# label in the index. pandas gives such labels by itself when pages of records are put together.
#
# Seen: pages [(1, value 5), (2, value -1)] and [(3, value 7), (4, value 8)], put together by pandas.concat; value >= 0
#       validate(lazy=True)                         without `drop_invalid_rows`: one failure, row 2
#       validate(lazy=True), drop_invalid_rows      rows 1, 3 are left; 4 is lost
#       the same after reset_index(drop=True)       rows 1, 3, 4 are left
# Valid input: an index need not be unique, and the schema says nothing of it. The option's docstring: "if True, drop
# invalid rows on validation". Row 4 is valid.
# Why: the backend for pandas removes by label (`drop_invalid_rows`, pandera/backends/pandas/base.py).
#
# Exits 1 if this has changed. Needs Python 3.11 or newer as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pandera==0.35.0 pandas==3.1.1
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import pandas
import pandera.pandas as pandera

rows = pandas.concat(
    [pandas.DataFrame({"id": [1, 2], "value": [5, -1]}), pandas.DataFrame({"id": [3, 4], "value": [7, 8]})]
)


def schema(drop):
    columns = {"id": pandera.Column(int), "value": pandera.Column(int, pandera.Check.ge(0))}
    return pandera.DataFrameSchema(columns, drop_invalid_rows=drop)


try:
    schema(False).validate(rows, lazy=True)
    failures = []
except pandera.errors.SchemaErrors as error:
    failures = error.failure_cases["failure_case"].tolist()
left = schema(True).validate(rows, lazy=True)["id"].tolist()
left_of_new_labels = schema(True).validate(rows.reset_index(drop=True), lazy=True)["id"].tolist()
print("not valid           ", failures)
print("left                ", left)
print("left, labels renewed", left_of_new_labels)
sys.exit(not (failures == [-1] and left == [1, 3] and left_of_new_labels == [1, 3, 4]))
PYTHON

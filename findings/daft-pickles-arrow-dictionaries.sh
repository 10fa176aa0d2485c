#!/bin/sh
# daft 0.7.26 (pyarrow 25.0.1, pandas 3.1.1) takes a column of Arrow's dictionary type, such as pandas' categories, for
# Python objects: what it writes as Parquet are pickles, which no other reader takes for texts.
#
# Seen: from_arrow, text column        Parquet has "won", "lost"
#       from_arrow, dictionary column  Parquet has b"\x80\x05...\x8c\x03won\x94.", b"\x80\x05...\x8c\x04lost\x94."
#       from_pandas, Categorical       the same; no warning. Within daft the rows look right.
#       read_parquet of the dictionary column, by pyarrow, is right.
# Valid input: the type is a part of Arrow's format; its values are texts.
# Why: a type that daft does not know becomes DataType.python(), whose values are pickled where they leave.
# table.cast(...) to pyarrow.string() first.
#
# Exits 1 if this has changed. Needs python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check daft==0.7.26 pyarrow==25.0.1 pandas==3.1.1
cd "$folder"
DO_NOT_TRACK=1 timeout 100 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import daft
import pandas
import pyarrow
import pyarrow.parquet

STAGES = pyarrow.array(["won", "lost"])


def written(name, frame):
    frame.write_parquet(name)
    return pyarrow.parquet.read_table(name)["stage"].to_pylist()


plain = pyarrow.table({"stage": STAGES})
encoded = pyarrow.table({"stage": STAGES.dictionary_encode()})
pyarrow.parquet.write_table(encoded, "encoded.parquet")
categories = pandas.DataFrame({"stage": ["won", "lost"]}, dtype="category")
seen = {
    "from_arrow, text": written("text", daft.from_arrow(plain)),
    "from_arrow, dictionary": written("dictionary", daft.from_arrow(encoded)),
    "from_pandas, Categorical": written("pandas", daft.from_pandas(categories)),
    "read_parquet, dictionary": written("parquet", daft.read_parquet("encoded.parquet")),
}
for source, stages in seen.items():
    print(f"{source:26}", stages)
texts, pickles = ["won", "lost"], [b"\x80\x05\x95", b"\x80\x05\x95"]
starts = [[stage if isinstance(stage, str) else stage[:3] for stage in stages] for stages in seen.values()]
sys.exit(starts != [texts, pickles, pickles, texts])
PYTHON

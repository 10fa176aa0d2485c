"""What loading into DuckDB costs: CPU, and memory above a process that has only imported what it needs.

    python tools/bench/warehouse.py                       # deals made up for the purpose: 50,000 and 200,000
    python tools/bench/warehouse.py --parts path/deals    # the Parquet parts of an extraction

Needs this package's `warehouse` extra. Each load is a process of its own, and each is done twice: into an empty
file, and over the same table again, where every row takes the place of another.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

SIZES = (50_000, 200_000)
MOST_CPU, MOST_MB, MOST_GROWTH_MB = 3.8, 200, 30
"""Seconds for 50,000 deals, next to what it costs to extract them; megabytes; megabytes more for four times the
rows."""
PART_ROWS = 25_000
MODULES = (
    *("dlt", "dlt._workspace.cli._plugins", "dlt.common.libs.pyarrow", "dlt.destinations.impl.duckdb.duck"),
    *("dlt.extract.extractors", "dlt.load.load", "dlt.normalize.normalize", "dlt.sources.helpers.requests"),
    *("duckdb", "pyarrow.compute", "pyarrow.parquet", "sqlalchemy", "airflow_provider_pipedrive.warehouse.parts"),
)
"""What a load imports on its way, imported before it is measured."""
_BEGAN = datetime(2024, 1, 1, tzinfo=UTC)


def main() -> int:
    """Measure; the exit code is 1 if a bound is missed."""
    options = _options()
    if options.load:
        print(json.dumps(_load(Path(options.parts), Path(options.load), options.lists)))
        return 0
    with tempfile.TemporaryDirectory(prefix="pipedrive-bench-") as name:
        folder = Path(name)
        if options.parts:
            sources = {f"{Path(options.parts).name}": Path(options.parts)}
        else:
            sources = {f"{size:,}": _make(folder / str(size), size) for size in SIZES}
        found = {title: _measure(source, folder, options) for title, source in sources.items()}
    return _report(found, bounded=not options.parts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", help="folder of Parquet parts, all of one entity")
    parser.add_argument("--lists", choices=("json", "child_tables"), default="json")
    parser.add_argument("--runs", type=int, default=3, help="median of so many (default: 3)")
    parser.add_argument("--load", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(source: Path, folder: Path, options: argparse.Namespace) -> list[list[dict[str, Any]]]:
    """First and second loads, so many times."""
    runs = []
    for number in range(options.runs):
        file = folder / f"{source.name}-{number}.duckdb"
        runs.append([_child(source, file, options.lists) for _ in range(2)])
        file.unlink()
    return runs


def _child(source: Path, file: Path, lists: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--parts", str(source), "--load", str(file), "--lists", lists]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=900)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _load(source: Path, file: Path, lists: str) -> dict[str, Any]:
    """One load, measured from after the imports."""
    for module in MODULES:
        import_module(module)
    import duckdb

    from airflow_provider_pipedrive.warehouse import Destination, EntityLoad, Warehouse

    parts = sorted(source.glob("*.parquet"))
    load = EntityLoad("deals", ["id"], "update_time", _columns(parts[0]), parts, datetime.now(UTC), write="merge")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again
    before, cpu, began = _status("VmRSS"), time.process_time(), time.monotonic()
    loaded = Warehouse(Destination(f"duckdb:///{file}"), "pipedrive", lists).load(load)  # type: ignore[arg-type]
    spent = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - began, "mb": _status("VmHWM") - before}
    with duckdb.connect(str(file)) as connection:
        [(rows, distinct)] = connection.execute("SELECT count(*), count(DISTINCT id) FROM pipedrive.deals").fetchall()
    if not rows == distinct == loaded.rows:
        raise SystemExit(f"{loaded.rows} rows were loaded, {rows} are there, {distinct} of them different")
    return {**spent, "rows": rows, "before": before}


def _status(name: str) -> float:
    """A line of the kernel's account of this process, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"The kernel tells no {name} here: this runs on Linux.")


def _columns(part: Path) -> list[Any]:
    """The columns of a part, as an extraction would declare them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from airflow_provider_pipedrive.extraction.rows.columns import Column

    plain = {pa.int64(): "integer", pa.float64(): "number", pa.bool_(): "boolean", pa.date32(): "date"}

    def kind(arrow: Any) -> str:
        return "timestamp" if pa.types.is_timestamp(arrow) else plain.get(arrow, "string")

    return [
        Column(field.name, "list", kind(field.type.value_type))
        if pa.types.is_list(field.type)
        else Column(field.name, kind(field.type))
        for field in pq.read_schema(part)
    ]


def _report(found: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]], *, bounded: bool) -> int:
    print(f"\n{'deals':>12} {'load':>8} {'rows':>8} {'CPU s':>7} {'wall s':>7} {'peak MB above imports':>22}")
    peaks, missed = [], []
    for title, runs in found.items():
        for at, load in enumerate(("first", "second")):
            cpu, wall, mb = (statistics.median(run[at][key] for run in runs) for key in ("cpu", "wall", "mb"))
            print(f"{title:>12} {load:>8} {runs[0][at]['rows']:>8} {cpu:>7.2f} {wall:>7.2f} {mb:>22.0f}")
            peaks.append(mb)
            if mb > MOST_MB:
                missed.append(f"{title}, {load} load: {mb:.0f} MB, more than {MOST_MB}")
            if title == f"{SIZES[0]:,}" and cpu > MOST_CPU:
                missed.append(f"{title}, {load} load: {cpu:.2f} s of CPU, more than {MOST_CPU}")
    if bounded and peaks[-1] - peaks[1] > MOST_GROWTH_MB:
        missed.append(f"memory grows by {peaks[-1] - peaks[1]:.0f} MB with the rows, more than {MOST_GROWTH_MB}")
    for line in missed if bounded else ():
        print(f"MISSED: {line}")
    return 1 if missed and bounded else 0


# ---- deals made up for the purpose: 34 columns of Pipedrive's and 15 of custom fields, some 1.2 KB of JSON each

_SYSTEM = (
    "id:id title:text creator_user_id:integer owner_id:integer person_id:integer org_id:integer pipeline_id:integer "
    "stage_id:integer value:number currency:word add_time:time update_time:updated stage_change_time:time status:word "
    "is_archived:boolean is_deleted:boolean probability:number lost_reason:text visible_to:integer close_time:time "
    "won_time:time lost_time:time local_won_date:date local_lost_date:date local_close_date:date "
    "expected_close_date:date label_ids:integers origin:word origin_id:text channel:integer channel_id:text acv:number "
    "arr:number mrr:number"
)
_CUSTOM = (
    "region:text source:text partner:text remarks:text product_line:text competitor:text seats:number margin:number "
    "discount:number renewal:date call_at:word tier:word topics:words budget:number budget_currency:word"
)


def _make(folder: Path, size: int) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    fields = [field.split(":") for field in f"{_SYSTEM} {_CUSTOM}".split()]
    types = {
        **dict.fromkeys(("id", "integer"), pa.int64()),
        **dict.fromkeys(("text", "word"), pa.string()),
        **dict.fromkeys(("time", "updated"), pa.timestamp("us", "UTC")),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "integers": pa.list_(pa.int64()),
        "words": pa.list_(pa.string()),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in fields])
    chance = random.Random(1)
    words = ["".join(chance.choices("aeioubdklmnprst", k=chance.randint(4, 10))) for _ in range(3000)]
    for number, start in enumerate(range(0, size, PART_ROWS)):
        ids = range(start + 1, min(start + PART_ROWS, size) + 1)
        arrays = [pa.array(_values(kind, ids, chance, words), types[kind]) for _, kind in fields]
        table = pa.Table.from_arrays(arrays, schema=schema)
        pq.write_table(table, folder / f"part-{number:05d}.parquet", compression="zstd", row_group_size=10_000)
    return folder


def _values(kind: str, ids: Sequence[int], chance: random.Random, words: Sequence[str]) -> Iterator[Any]:
    one = {
        "id": lambda at: at,
        "updated": lambda at: _BEGAN + timedelta(minutes=at),
        "text": lambda at: " ".join(chance.choices(words, k=5)),
        "word": lambda at: chance.choice(words[:10]),
        "integer": lambda at: chance.randint(1, 100_000),
        "number": lambda at: chance.random() * 10_000,
        "boolean": lambda at: chance.random() < 0.1,
        "time": lambda at: _BEGAN + timedelta(seconds=chance.randint(0, 50_000_000)),
        "date": lambda at: date(2024, 1, 1) + timedelta(days=chance.randint(0, 900)),
        "integers": lambda at: [chance.randint(1, 10) for _ in range(chance.randint(0, 3))],
        "words": lambda at: chance.sample(words[:20], chance.randint(0, 3)),
    }[kind]
    always = kind in ("id", "updated", "boolean", "word", "integers", "words")
    return (one(at) if always or chance.random() < 0.7 else None for at in ids)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    sys.exit(main())

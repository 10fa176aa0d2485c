"""What loading into DuckDB costs: CPU, and memory above a process that has only imported what it needs.

    python tools/bench/warehouse.py                       # deals made up for the purpose: 50,000 and 200,000
    python tools/bench/warehouse.py --parts path/deals    # the Parquet parts of an extraction
    python tools/bench/warehouse.py --into duckdb ducklake delta --sizes 50000      # others next to DuckDB

Needs this package's `warehouse` extra. Each load is a process of its own, and each is done twice: into an empty
file, and over the same table again, where every row takes the place of another.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from warehouse_places import install_packages

SIZES = (50_000, 200_000)
MOST_CPU, MOST_MB, MOST_GROWTH_MB = 3.8, 200, 30
"""Seconds for 50,000 deals, next to what it costs to extract them; megabytes; megabytes more for four times the
rows."""
MOST_TIMES = 1.5
"""How much more a load may cost elsewhere than into DuckDB: in CPU, and in time."""
INTO = ("duckdb", "ducklake", "delta", "iceberg")
PART_ROWS = 25_000
MODULES = (
    *("dlt", "dlt._workspace.cli._plugins", "dlt.common.libs.pyarrow", "dlt.destinations.impl.duckdb.duck"),
    *("dlt.extract.extractors", "dlt.load.load", "dlt.normalize.normalize", "dlt.sources.helpers.requests"),
    *("duckdb", "pyarrow.compute", "pyarrow.parquet", "sqlalchemy", "airflow_provider_pipedrive.warehouse.parts"),
)
"""What a load imports on its way, imported before it is measured."""
OTHERS = {
    "ducklake": ("dlt.destinations.impl.ducklake.ducklake",),
    "delta": ("deltalake", "dlt.common.libs.deltalake", "dlt.destinations.impl.filesystem.filesystem"),
    "iceberg": ("dlt.common.libs.pyiceberg", "pyiceberg.catalog.sql", "dlt.destinations.impl.filesystem.filesystem"),
}
"""What loads into others import."""
_BEGAN = datetime(2024, 1, 1, tzinfo=UTC)


def main() -> int:
    """Measure; the exit code is 1 if a bound is missed."""
    options = _options()
    if options.load:
        print(json.dumps(_load(Path(options.parts), Path(options.load), options.lists, options.into[0])))
        return 0
    with tempfile.TemporaryDirectory(prefix="pipedrive-bench-") as name:
        folder = Path(name)
        if options.parts:
            sources = {f"{Path(options.parts).name}": Path(options.parts)}
        else:
            sources = {f"{size:,}": _make(folder / str(size), size) for size in options.sizes}
        variables = {into: install_packages(into, folder / f"packages-of-{into}") for into in options.into}
        missed: list[str] = []
        costs: dict[tuple[str, str], Sequence[float]] = {}
        for into in options.into:
            found = {
                title: _measure(source, folder, options, into, variables[into]) for title, source in sources.items()
            }
            missed += _report(found, into, costs, bounded=into == "duckdb" and not options.parts)
    missed += _compare(costs)
    for line in missed:
        print(f"MISSED: {line}")
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", help="folder of Parquet parts, all of one entity")
    parser.add_argument("--lists", choices=("json", "child_tables"), default="json")
    parser.add_argument("--runs", type=int, default=3, help="median of so many (default: 3)")
    parser.add_argument("--into", nargs="+", choices=INTO, default=["duckdb"], help="by default DuckDB alone")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="numbers of deals")
    parser.add_argument("--load", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(
    source: Path, folder: Path, options: argparse.Namespace, into: str, variables: Mapping[str, str]
) -> list[list[dict[str, Any]]]:
    """First and second loads, so many times."""
    runs = []
    for number in range(options.runs):
        place = folder / f"{source.name}-{into}-{number}"
        place.mkdir()
        runs.append([_child(source, place, options.lists, into, variables) for _ in range(2)])
        shutil.rmtree(place)
    return runs


def _child(source: Path, place: Path, lists: str, into: str, variables: Mapping[str, str]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--parts", str(source), "--load", str(place), "--lists", lists]
    paths = [variables.get("PYTHONPATH"), os.environ["PYTHONPATH"]]
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [*command, "--into", into], stdout=subprocess.PIPE, text=True, check=True, timeout=900, env=environment
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _store(place: Path, lists: Any, into: str) -> Any:
    """A warehouse in a folder."""
    from airflow_provider_pipedrive.warehouse import DeltaLake, Destination, IcebergLake, Warehouse

    files = {"bucket_url": (place / "lake").as_uri()}
    if into == "delta":
        return DeltaLake(Destination("filesystem", files), "pipedrive")
    if into == "iceberg":
        return IcebergLake(
            Destination("filesystem", {**files, "catalog": f"sqlite:///{place / 'catalog.db'}"}), "pipedrive"
        )
    if into == "ducklake":
        catalog = f"duckdb:///{place / 'catalog.duckdb'}"
        lake = Destination("ducklake", {"catalog": catalog, "storage": {"bucket_url": str(place / "files")}})
        return Warehouse(lake, "pipedrive", lists, untried=True)
    return Warehouse(Destination(f"duckdb:///{place / 'crm.duckdb'}"), "pipedrive", lists)


def _load(source: Path, place: Path, lists: str, into: str) -> dict[str, Any]:
    """One load, measured from after the imports."""
    for module in (*MODULES, *OTHERS.get(into, ())):
        import_module(module)
    from airflow_provider_pipedrive.warehouse import EntityLoad

    parts = sorted(source.glob("*.parquet"))
    load = EntityLoad("deals", ["id"], "update_time", _columns(parts[0]), parts, datetime.now(UTC), write="merge")
    store = _store(place, lists, into)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again
    before, cpu, began = _status("VmRSS"), time.process_time(), time.monotonic()
    loaded = store.load(load)
    spent = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - began, "mb": _status("VmHWM") - before}
    rows, landed = store.rows("deals"), [number for number, _stage in store.landed("deals")]
    if rows != loaded.rows or len(landed) != len(set(landed)):
        raise SystemExit(f"{loaded.rows} rows were loaded, {rows} are there, some of them perhaps twice")
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


def _report(
    found: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]],
    into: str,
    costs: dict[tuple[str, str], Sequence[float]],
    *,
    bounded: bool,
) -> list[str]:
    """Print what was found, and say which bounds it misses.

    :param costs: gets the CPU and the time of each load, by destination and load
    """
    print(f"\n{into:>12} {'load':>8} {'rows':>8} {'CPU s':>7} {'wall s':>7} {'peak MB above imports':>22}")
    peaks, missed = [], []
    for title, runs in found.items():
        for at, load in enumerate(("first", "second")):
            cpu, wall, mb = (statistics.median(run[at][key] for run in runs) for key in ("cpu", "wall", "mb"))
            print(f"{title:>12} {load:>8} {runs[0][at]['rows']:>8} {cpu:>7.2f} {wall:>7.2f} {mb:>22.0f}")
            costs[into, f"{title}, {load} load"] = cpu, wall
            peaks.append(mb)
            if mb > MOST_MB:
                missed.append(f"{title}, {load} load: {mb:.0f} MB, more than {MOST_MB}")
            if title == f"{SIZES[0]:,}" and cpu > MOST_CPU:
                missed.append(f"{title}, {load} load: {cpu:.2f} s of CPU, more than {MOST_CPU}")
    if len(found) > 1 and peaks[-1] - peaks[1] > MOST_GROWTH_MB:
        missed.append(f"memory grows by {peaks[-1] - peaks[1]:.0f} MB with the rows, more than {MOST_GROWTH_MB}")
    return missed if bounded else []


def _compare(costs: Mapping[tuple[str, str], Sequence[float]]) -> list[str]:
    """Which loads cost too much more than those into DuckDB."""
    missed = []
    for (into, load), spent in costs.items():
        if into == "duckdb" or ("duckdb", load) not in costs:
            continue
        times = [one / other for one, other in zip(spent, costs["duckdb", load], strict=True)]
        print(f"{into}, {load}: {times[0]:.2f} times DuckDB's CPU, {times[1]:.2f} times its time")
        if max(times) > MOST_TIMES:
            missed.append(f"{into}, {load}: more than {MOST_TIMES} times DuckDB's")
    return missed


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

"""What it costs to read deals and load them into a warehouse: CPU, wall time, memory, next to others in the same run.

    python tools/bench/loads.py                             # 50,000 deals into each warehouse, three runs
    python tools/bench/loads.py duckdb dlt-duckdb           # some of them
    python tools/bench/loads.py --deals 10000 --runs 1

Needs this package's `bench` and `delta` extras, and Postgres (initdb, pg_ctl) for what loads into it. The server is the
sandbox, in a process of its own. Each load is a process of its own, measured from after its imports; its children
count, the database server does not. The plain loop only writes JSON lines. `first` loads into an empty dataset, `again`
merges the same deals, `later` merges them once more, into the columns that the first merge has added, `changed` reads
and merges the hundredth that was last updated, `empty` reads nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import company_server  # noqa: E402
import readers  # noqa: E402
import warehouse  # noqa: E402
from live_postgres import LivePostgres  # noqa: E402

LOADS = {
    "bare": ("first",),
    "duckdb": ("first", "again", "later", "changed"),
    "dlt-duckdb": ("first",),
    "postgres": ("first", "again", "changed"),
    "dlt-postgres": ("first", "empty"),
    "delta": ("first", "again"),
}
MODULES = (
    *warehouse.MODULES,
    *("airflow_provider_pipedrive.extraction.output.arrow", "airflow_provider_pipedrive.transfers.warehouse_load"),
    *(f"airflow_provider_pipedrive.warehouse.{name}" for name in ("comments", "definitions", "lake", "merging")),
    *("dlt.sources.rest_api", "dlt.destinations.impl.postgres.postgres", "psycopg2"),
    *("sqlglot.dialects.duckdb", "sqlglot.dialects.postgres"),
)
DATASET = "pipedrive"


def main() -> int:
    """Measure; the exit code is 1 if rows are missing or doubled."""
    options = _options()
    if options.run:
        print(json.dumps(_measured(json.loads(options.run))))
        return 0
    seen: dict[tuple[str, str], list[dict[str, float]]] = {}
    with ExitStack() as stack:
        place = _served(stack, options)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pipedrive-bench-")))
        database = ""
        if any("postgres" in name for name in options.loaders):
            database = stack.enter_context(LivePostgres(folder / "postgres")).url.replace("+psycopg2", "")
            database = database.replace("@", ":none@")  # it asks for no password, but dlt does
        _child(place, "bare", "first", folder / "cache", "")  # fills the server's cache
        for number in range(options.runs):
            for name in dict.fromkeys(("bare", *options.loaders)):
                for how in LOADS[name]:
                    found = _child(place, name, how, folder / f"{name}-{number}", database, f"{DATASET}{number}")
                    seen.setdefault((name, how), []).append(found)
    _report(seen)
    wrong = [(key, run["rows"]) for key, runs in seen.items() for run in runs if run["there"] != options.deals]
    print("".join(f"{key}: {rows} rows\n" for key, rows in wrong), end="")
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loaders", nargs="*", choices=[[], *LOADS], metavar="LOADER", help=", ".join(LOADS))
    parser.add_argument("--deals", type=int, default=50_000)
    parser.add_argument("--custom-fields", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3, help="median of so many (default: 3)")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.loaders = options.loaders or list(LOADS)
    return options


def _served(stack: ExitStack, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, company_server.__file__, "--deals", str(options.deals)]
    command += ["--custom-fields", str(options.custom_fields)]
    server = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    stack.callback(server.terminate)
    assert server.stdout is not None
    assert server.stdin is not None
    place: dict[str, Any] = json.loads(server.stdout.readline())
    server.stdin.write('{"burst_limit": 400}\n')
    server.stdin.flush()
    server.stdout.readline()
    return place


def _child(
    place: Mapping[str, Any], name: str, how: str, folder: Path, database: str, dataset: str = DATASET
) -> dict[str, float]:
    folder.mkdir(exist_ok=True)
    about = {"name": name, "how": how, "folder": str(folder), "database": database, "dataset": dataset}
    command = [sys.executable, __file__, "--run", json.dumps({**place, **about})]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=1_800, env=_environment())
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _environment() -> dict[str, str]:
    root = str(HERE.parents[1])
    quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false"}
    return {**os.environ, **quiet, "PYTHONPATH": root}


# ---- one load, in a process of its own


def _measured(about: Mapping[str, str]) -> dict[str, float]:
    for module in MODULES:
        import_module(module)
    run: Callable[[Mapping[str, str]], tuple[int, float]]
    run = _bare if about["name"] == "bare" else _dlt if about["name"].startswith("dlt-") else _ours
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again
    memory, cpu, began = warehouse._status("VmRSS"), _cpu(), time.perf_counter()
    rows, read = run(about)
    spent = {"cpu": _cpu() - cpu, "read": read - cpu if read else 0.0, "wall": time.perf_counter() - began}
    return {
        **spent, "mb": warehouse._status("VmHWM") - memory, "rows": rows, "there": _there(about) or rows
    }  # fmt: skip


def _cpu() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def _bare(about: Mapping[str, str]) -> tuple[int, float]:
    place = {"url": about["url"], "token": about["api_token"], "folder": about["folder"]}
    return readers.bare(argparse.Namespace(**place)), 0.0


def _ours(about: Mapping[str, str]) -> tuple[int, float]:
    """What PipedriveToWarehouseOperator does between two looks into the warehouse."""
    from airflow_provider_pipedrive.client import PipedriveClient, settings_from
    from airflow_provider_pipedrive.extraction import ExtractionJob, extract
    from airflow_provider_pipedrive.extraction.definition import TYPED_ROWS
    from airflow_provider_pipedrive.transfers.warehouse_load import columns_of
    from airflow_provider_pipedrive.warehouse import DeltaLake, EntityLoad, Warehouse

    folder, started = Path(about["folder"]), datetime.now(UTC)
    job: dict[str, Any] = {"format": TYPED_ROWS, "part_mb": 0, "keep_previous": 0}
    if about["how"] == "changed":
        job |= {"mode": "changes", "since": started - timedelta(days=1 + company_server.YEARS * 3.65)}
    settings = settings_from(host=about["url"], extra={"api_token": about["api_token"], "burst_limit": 400})
    with PipedriveClient(settings) as client:
        receipt = extract(client, folder / about["how"], ExtractionJob(["deals"], **job))
    read, manifest = _cpu(), Path(receipt["entities"]["deals"]["manifest"])
    load = EntityLoad(
        "deals", ["id"], "update_time", columns_of(folder / about["how"], "deals"),
        [manifest.parent / part["name"] for part in json.loads(manifest.read_text())["parts"]], started,
        write="replace" if about["how"] == "first" else "merge", load_state={"how": about["how"]},
    )  # fmt: skip
    kind = DeltaLake if about["name"] == "delta" else Warehouse
    return kind(_destination(about), about["dataset"]).load(load).rows, read


def _destination(about: Mapping[str, str]) -> Any:
    from airflow_provider_pipedrive.warehouse import Destination

    if about["name"] == "duckdb":
        return Destination(f"duckdb:///{about['folder']}/crm.duckdb")
    if about["name"] == "delta":
        return Destination("filesystem", {"bucket_url": f"{about['folder']}/lake"})
    from dlt.common.configuration.specs import ConnectionStringCredentials

    found = ConnectionStringCredentials(about["database"])
    names = ("host", "port", "database", "username", "password")
    return Destination("postgres", {name: found[name] for name in names})


def _dlt(about: Mapping[str, str]) -> tuple[int, float]:
    """dlt's REST source as its documentation has it."""
    import dlt
    from dlt.sources.rest_api import rest_api_source

    into = about["name"].removeprefix("dlt-")
    destination: Any = dlt.destinations.postgres(about["database"])
    if into == "duckdb":
        destination = dlt.destinations.duckdb(f"{about['folder']}/crm.duckdb")
    parameters: dict[str, Any] = {"limit": 500}
    if about["how"] == "empty":
        parameters["updated_since"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    source = rest_api_source(
        {
            "client": {
                "base_url": about["url"],
                "auth": {"type": "api_key", "name": "x-api-token", "api_key": about["api_token"], "location": "header"},
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "additional_data.next_cursor",
                    "cursor_param": "cursor",
                },
            },
            "resources": [
                {
                    "name": "deals",
                    "primary_key": "id",
                    "write_disposition": "merge",
                    "endpoint": {"path": "api/v2/deals", "params": parameters, "data_selector": "data"},
                }
            ],
        }
    )
    folder, dataset = f"{about['folder']}/work", f"plain_{about['dataset']}"
    pipeline = dlt.pipeline("plain", pipelines_dir=folder, destination=destination, dataset_name=dataset)
    pipeline.run(source)
    return int(pipeline.last_trace.last_normalize_info.row_counts.get("deals", 0)), 0.0


def _there(about: Mapping[str, str]) -> int:
    """The different deals that are in the table; 0 where it is not looked at."""
    plain = "plain_" if about["name"].startswith("dlt-") else ""
    query = f"SELECT count(DISTINCT id) FROM {plain}{about['dataset']}.deals"  # nosec B608 # a name of this file's
    if "duckdb" in about["name"]:
        import duckdb

        with duckdb.connect(f"{about['folder']}/crm.duckdb") as connection:
            [(number,)] = connection.execute(query).fetchall()
        return int(number)
    if "postgres" in about["name"]:
        import psycopg2

        connection = psycopg2.connect(about["database"])
        with connection.cursor() as cursor:
            cursor.execute(query)
            [(number,)] = cursor.fetchall()
        connection.close()
        return int(number)
    return 0


def _report(seen: Mapping[tuple[str, str], list[dict[str, float]]]) -> None:
    bare = _medians(seen["bare", "first"])
    print("loader        load        rows  wall s  x loop   CPU s  x loop  loading    MB")
    for (name, how), runs in seen.items():
        own = _medians(runs)
        loading = f"{own['cpu'] - own['read']:.2f}" if own["read"] else "-"
        print(
            f"{name:<14}{how:<9}{own['rows']:>7.0f}{own['wall']:>8.2f}{own['wall'] / bare['wall']:>8.2f}"
            f"{own['cpu']:>8.2f}{own['cpu'] / bare['cpu']:>8.2f}{loading:>9}{own['mb']:>6.0f}"
        )


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


if __name__ == "__main__":
    sys.exit(main())

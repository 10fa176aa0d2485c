"""Run this package's statements, rendered for Snowflake, on an emulator of Snowflake, and compare every value.

    python tools/trials/snowflake_dialect.py      # writes its column in docs/warehouses.json

It installs fakesnow (an emulator on DuckDB: https://github.com/tekumara/fakesnow) and Snowflake's client into a
temporary folder. dlt's destination connects to the emulator, finds out what there is and makes tables, but cannot load:
it uploads files by ``PUT`` to a stage whose name is in quotes, which the emulator takes for none. Rows are therefore
put into tables by hand; what merges them is dlt's own script, run as a load runs it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
FOUND = HERE / "docs" / "warehouses.json"
PACKAGES = (
    *("fakesnow==0.12.1", "snowflake-connector-python==4.3.0", "sqlglot==30.22.0", "asn1crypto==1.5.1"),
    *("sortedcontainers==2.4.0", "tomlkit==0.15.2", "filelock==4.3.1", "pyOpenSSL==26.4.0", "platformdirs==4.14.9"),
    *("boto3==1.44.8", "botocore==1.44.8", "jmespath==1.1.0", "s3transfer==0.19.3"),
)
"""The emulator, and what it imports; all without what the environment of the tests has already."""
CREDENTIALS = {"host": "emulated", "database": "SALES", "username": "u", "password": "p", "warehouse": "W", "role": "R"}
MONDAY, TUESDAY, WEDNESDAY = (datetime(2026, 3, day, 12, tzinfo=UTC) for day in (2, 3, 4))
AWKWARD = 'Ω日本😀 O\'Neil "1" \\ 100 %'
Deal = tuple[int, str | None, datetime, datetime | None]
"""Id, title, last update, and when it was deleted: the last two are one in a tombstone."""


# ---- a merge


def merged(there: Sequence[Deal], deleted: Sequence[tuple[int, datetime]], load: Sequence[Deal]) -> list[Any]:
    """The ids and titles of a table after rows were merged into it.

    :param there: the rows that it has
    :param deleted: the deletions that the dataset knows of
    :param load: the rows of the load, read on Wednesday
    """
    from airflow_provider_pipedrive.warehouse.conditions import LoadConditions
    from airflow_provider_pipedrive.warehouse.merging import CheckedScript
    from airflow_provider_pipedrive.warehouse.parts import prepare
    from airflow_provider_pipedrive.warehouse.pipelines import table_resource

    folder = Path(tempfile.mkdtemp())
    what = entity_load(load, folder)
    with warehouse()._pipeline("deals", folder) as pipeline:
        ready = prepare(what, folder, "json", {})
        known = {"deals__deleted": {"id": "bigint", "deleted_at": "timestamp"}}
        conditions = LoadConditions(what, ready, known, pipeline)
        pipeline.extract(table_resource(ready.main, None, "deals", **conditions.main()), loader_file_format="parquet")
        with pipeline.destination_client() as client:
            table = client.prepare_load_table("deals")
            sql = client.sql_client
            fill(sql, there, deleted)
            with sql.with_staging_dataset():
                fill(sql, load, ())
            [script] = client._create_merge_followup_jobs([table])
            names = sql.get_qualified_table_names("deals")
            job = CheckedScript(script.new_file_path(), conditions.merges()["deals"], names, shares=True)
            job.set_run_vars("", pipeline.default_schema, table)
            job._job_client = client
            job.run()
            return list(sql.execute_sql(f"SELECT ID, TITLE FROM {names[0]} ORDER BY ID") or ())


def warehouse() -> Any:
    """The dataset."""
    from airflow_provider_pipedrive.warehouse import Destination, Warehouse

    return Warehouse(Destination("snowflake", CREDENTIALS), "crm", untried=True)


def entity_load(deals: Sequence[Deal], folder: Path) -> Any:
    """A load of deals, with its parts in a folder."""
    from airflow_provider_pipedrive.extraction.output.formats import open_part
    from airflow_provider_pipedrive.extraction.rows.columns import Column
    from airflow_provider_pipedrive.warehouse import EntityLoad

    columns = [Column("id", "integer"), Column("title", "string"), Column("update_time", "timestamp")]
    rows = [(number, title, at.isoformat()) for number, title, at, gone in deals if not gone]
    tombstones = [(number, gone.isoformat()) for number, _title, _at, gone in deals if gone]
    parts = []
    for kinds, found in ((columns, rows), ([columns[0], Column("deleted_at", "timestamp")], tombstones)):
        path = folder / f"{len(parts)}.parquet"
        writer = open_part(path, "parquet", kinds)
        writer.write([dict(zip((kind.name for kind in kinds), one, strict=True)) for one in found])
        writer.close()
        parts.append(path)
    gone = parts[1:] if tombstones else ()
    return EntityLoad("deals", ["id"], "update_time", columns, parts[:1], WEDNESDAY, tombstones=gone)


def fill(sql: Any, deals: Sequence[Deal], deleted: Sequence[tuple[int, datetime]]) -> None:
    """Make the tables of a dataset again, with those rows."""
    if not sql.has_dataset():
        sql.create_dataset()
    columns = "ID INTEGER, TITLE TEXT, UPDATE_TIME TIMESTAMP_TZ, _DELETED_AT TIMESTAMP_TZ"
    for name, kinds, rows in (
        ("DEALS", columns, deals),
        ("DEALS__DELETED", "ID INTEGER, DELETED_AT TIMESTAMP_TZ", deleted),
    ):
        table = sql.make_qualified_table_name(name)
        sql.execute_sql(f"CREATE OR REPLACE TABLE {table} ({kinds})")
        for row in rows:
            sql.execute_sql(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", *row)


# ---- what is tried


def rights() -> None:
    """The rights are tried in a scratch table, of which nothing is left."""
    warehouse().check()
    with warehouse()._pipeline("deals") as pipeline, pipeline.sql_client() as sql:
        assert not sql.execute_sql("SELECT 1 FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME LIKE 'PIPEDRIVE_SCRATCH%'")


def edits() -> None:
    """A row takes the place of an older one, and not of a newer one; others stay."""
    there = [(1, "old", MONDAY, None), (2, "newer", WEDNESDAY, None), (3, AWKWARD, MONDAY, None)]
    found = merged(there, [], [(1, "new", TUESDAY, None), (2, "older", MONDAY, None), (4, AWKWARD, MONDAY, None)])
    assert found == [(1, "new"), (2, "newer"), (3, AWKWARD), (4, AWKWARD)], found


def deletes() -> None:
    """A tombstone removes its row, and what was read before a deletion does not come back."""
    there = [(1, "here", MONDAY, None), (2, "here", MONDAY, None)]
    known = [(3, datetime(2026, 3, 5, tzinfo=UTC))]
    found = merged(there, known, [(2, None, TUESDAY, TUESDAY), (3, "read before", MONDAY, None)])
    assert found == [(1, "here")], found


def lost_rows_are_found() -> None:
    """A merge that loses records is rolled back."""
    from airflow_provider_pipedrive.warehouse import merging

    of_all = "DELETE FROM {} WHERE TRUE"
    split = merging.CheckedScript._split_fragments
    merging.CheckedScript._split_fragments = lambda job, script: [*split(job, script), of_all.format(job._tables[0])]
    try:
        merged([(1, "here", MONDAY, None)], [], [(2, "new", TUESDAY, None)])
    except merging._RowsLost:
        with warehouse()._pipeline("deals") as pipeline, pipeline.sql_client() as sql:
            assert sql.execute_sql(f"SELECT ID FROM {sql.make_qualified_table_name('DEALS')}") == [(1,)]
    else:
        raise AssertionError("nobody missed the rows")
    finally:
        merging.CheckedScript._split_fragments = split


IN_TABLE = ("edits", "deletes")
"""What the table of warehouses has too: steps of ``warehouses.py``."""
TRIED: Sequence[Callable[[], None]] = (rights, edits, deletes, lost_rows_are_found)


def main() -> int:
    """Try each, apart from the others."""
    if "--in" not in sys.argv:
        return in_environment()
    import fakesnow.cursor

    say_less(fakesnow.cursor.FakeSnowflakeCursor)
    found = {}
    for tried in TRIED:
        with fakesnow.patch(create_schema_on_connect=False):
            try:
                tried()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
                found[tried.__name__] = f"wrong: {type(error).__name__}: {error}"[:800]
            else:
                found[tried.__name__] = "right: statements"
            print(f"{tried.__name__:24}{found[tried.__name__]}")
    in_table = {"snowflake": {name: found[name] for name in IN_TABLE}}
    FOUND.write_text(json.dumps({**json.loads(FOUND.read_text()), **in_table}, indent=2) + "\n")
    return int(any(mark.startswith("wrong") for mark in found.values()))


def say_less(cursor: Any) -> None:
    """Let the emulator's cursor describe the rows of queries alone: dlt asks for a description after each statement.

    It describes a statement by parsing it again, which fails, and aborts the transaction, for some that it has run.
    """
    described = cursor.description.fget
    queries = ("SELECT", "SHOW", "DESCRIBE")
    cursor.description = property(
        lambda self: described(self) if str(self._last_sql).upper().startswith(queries) else []
    )


def in_environment() -> int:
    """The same in a process that finds the emulator."""
    with tempfile.TemporaryDirectory(prefix="snowflake-") as folder:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, *PACKAGES]
        subprocess.run(pip, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        known = os.pathsep.join(filter(None, [folder, str(HERE), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": known, "TMPDIR": folder, "PYTHONWARNINGS": "ignore"}
        return subprocess.run([sys.executable, __file__, "--in"], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

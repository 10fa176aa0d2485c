"""Load one scenario into every warehouse that the documentation names, and compare value by value.

    python tools/trials/warehouses.py                      # all of them, and writes docs/warehouses.json
    python tools/trials/warehouses.py duckdb_2 --kills 5

It needs the programs of Postgres and MariaDB, root for disks that are full or closed, and installs an older DuckDB with
its extensions into a temporary folder. Each step is a process of its own, with an empty temporary folder: nothing is
known from the step before but what is in the warehouse. Such a process is forked from one that has imported modules and
done nothing else. What a step leaves is compared with rows that are computed here, not read from anything that the
loads use.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from warehouse_places import Disk, install_packages, place_of

HERE = Path(__file__).resolve().parents[2]
FOUND = HERE / "docs" / "warehouses.json"
LONG_NAME = "What the customer said about the offer when our sales team called for the second time in May"
TITLES = {
    "duckdb_2": "DuckDB 2.0",
    "duckdb_1": "DuckDB 1.4",
    "postgres": "Postgres",
    "mariadb": "MariaDB 10.11",
    "ducklake": "DuckLake (DuckDB 1.4)",
    "delta": "Delta, local disk",
    "delta_on_s3": "Delta, S3",
    "iceberg": "Iceberg, local disk",
    "iceberg_on_s3": "Iceberg, S3",
}
WAREHOUSES = tuple(TITLES)
EMULATED = {"snowflake": "Snowflake's dialect, on an emulator"}
"""What ``snowflake_dialect.py`` finds out."""
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
PRELOADED = (
    *("dlt", "dlt.common.libs.pyarrow", "dlt.destinations.impl.duckdb.duck", "dlt.extract.extractors"),
    *("dlt.load.load", "dlt.normalize.normalize", "dlt.sources.helpers.requests", "duckdb", "pyarrow.parquet"),
    *("sqlalchemy", "sqlglot", "airflow_provider_pipedrive.warehouse.warehouse"),
)
"""What the process has imported from which the others are forked."""
Rows = dict[int, dict[str, Any]]


# ---- rows


def columns(names: Mapping[str, str]) -> list[Any]:
    """Columns of a part, by name their type."""
    from airflow_provider_pipedrive.extraction.rows.columns import Column

    return [
        Column(name, "string", labels=LABELS[kind])
        if kind in LABELS
        else Column(name, kind.partition(" of ")[0], items=kind.partition(" of ")[2] or None)
        for name, kind in names.items()
    ]


LABELS = {"option": {"1": "Small", "2": "Large"}, "relabelled option": {"1": "Petite", "2": "Large"}}
"""The labels of a field's options by their ids, before and after one of them is renamed."""


FIRST = {
    "id": "integer",
    "title": "string",
    "value": "number",
    "update_time": "timestamp",
    "label_ids": "list of integer",
}
AWKWARD = ("Size", "size", "Select", "Order", "Group by", "κατάσταση", "状態", LONG_NAME)
"""Names of fields: two that are one, keywords, Greek, Japanese, and one of 92 characters."""


def wide() -> dict[str, str]:
    """The columns of a company with many fields, named as extraction names them."""
    from airflow_provider_pipedrive.extraction.rows.names import unique_names

    codes = {f"{number:x}" * 40: (name, ()) for number, name in enumerate(AWKWARD, 1)}
    named = dict.fromkeys(unique_names(codes, list(FIRST)).values(), "string")
    kinds = ("string", "number", "integer", "date", "boolean", "timestamp")
    return {**FIRST, **named, **{f"field_of_{number}": kinds[number % 6] for number in range(150)}}


def value(kind: str, number: int, day: int) -> Any:
    """A value that only this row has on this day; of a field with options, the label of one."""
    if kind in LABELS:
        return list(LABELS[kind].values())[number % 2]
    if (number + day) % 5 == 0:
        return None
    seed = number * 31 + day
    return {
        "string": f'Ω日本😀 O\'Neil "{seed}" \\ 100 % {{x}}',
        "number": seed / 7,
        "integer": seed * 10**9,
        "boolean": seed % 2 == 0,
        "date": date(2026, 1, 1) + timedelta(seed % 300),
        "timestamp": datetime(2026, 1, 1, 3, 4, 5, 678901, UTC) + timedelta(minutes=seed),
        "list of integer": list(range(seed % 4)),
    }[kind]


def row(number: int, names: Mapping[str, str], day: int) -> dict[str, Any]:
    """A record as it is on a day."""
    return {
        **{name: value(kind, number, day) for name, kind in names.items()},
        "id": number,
        "update_time": MONDAY + timedelta(days=day),
    }


# ---- what a process does


def store_of(place: Mapping[str, Any], lists: str = "json") -> Any:
    """The tables of a place, as a worker has them that has never seen it."""
    from airflow_provider_pipedrive.warehouse import DeltaLake, Destination, IcebergLake, Warehouse

    destination = Destination(place["destination"], place.get("credentials"))
    if "table_format" in place:
        delta = place["table_format"] == "delta"
        return DeltaLake(destination, "crm", compact=True) if delta else IcebergLake(destination, "crm")
    return Warehouse(destination, "crm", lists, untried=True)


def load(call: Mapping[str, Any]) -> None:
    """Load rows, and compare all rows with those that are expected."""
    from airflow_provider_pipedrive.extraction.output.formats import open_part
    from airflow_provider_pipedrive.warehouse import EntityLoad

    names, others = call["names"], dict(call["others"])
    read_at = MONDAY + timedelta(days=call["day"], hours=1)
    rows = [row(number, names, call["day"]) for number in call["rows"]]
    tombstones = [{"id": number, "deleted_at": read_at} for number in call["gone"]]
    parts = {}
    for name, kinds, found in (
        ("rows", names, rows),
        ("gone", {"id": "integer", "deleted_at": "timestamp"}, tombstones),
    ):
        path = Path(tempfile.mkdtemp(), f"{name}.parquet")
        writer = open_part(path, "parquet", columns(kinds))
        writer.write([{key: plain(one.get(key)) for key in kinds} for one in found])
        writer.close()
        parts[name] = [path] if found else []
    store = store_of(call["place"], others.pop("lists", "json"))
    store.check()
    store.load(
        EntityLoad(
            entity="deals", key=["id"], updated="update_time", columns=columns(names), parts=parts["rows"],
            tombstones=parts["gone"], read_at=read_at, **others,
        )
    )  # fmt: skip
    if "expect" in call:
        compare(call["expect"])


def is_changed_in_place(place: Mapping[str, Any]) -> bool:
    """Whether a warehouse gives all its rows an option's new label; of others the list is read whole."""
    return bool(store_of(place).is_changed_in_place)


def plain(found: Any) -> Any:
    """A value as Pipedrive's answers have it."""
    if isinstance(found, datetime):
        return found.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return found.isoformat() if isinstance(found, date) else found


def read(call: Mapping[str, Any]) -> list[list[Any]]:
    """The rows of a table, as the warehouse has them; JSON takes their moments as texts."""
    place, names, table = call["place"], call["columns"], call.get("table", "deals")
    if "table_format" in place:
        return READERS[call.get("reader", "pyarrow")](place, table, names)
    import dlt

    from airflow_provider_pipedrive.warehouse.destination import dlt_settings

    with dlt_settings():
        destination = store_of(place).destination.build(512)
        pipeline = dlt.pipeline("reader", pipelines_dir=tempfile.mkdtemp(), destination=destination, dataset_name="crm")
        with pipeline.sql_client() as client:
            wanted = ", ".join(map(client.escape_column_name, names))
            query = f"SELECT {wanted} FROM {client.make_qualified_table_name(table)}"
            return [list(found) for found in client.execute_sql(query) or ()]


def compare(call: Mapping[str, Any]) -> None:
    """Fail where any value differs from what it should be."""
    names, renamed = call["names"], call["renamed"]
    expected = {
        int(number): {name: one for name, one in row(int(number), names, day).items() if name in had or name == "id"}
        for number, (day, had) in call["days"].items()
    }
    found = read({**call, "columns": [renamed.get(name, name) for name in names]})
    key = list(names).index("id")
    have = {one[key]: dict(zip(names, one, strict=True)) for one in found}
    assert len(have) == len(found), f"{len(found) - len(have)} rows are doubled"
    assert set(have) == set(expected), f"rows too many or too few: {sorted(set(have) ^ set(expected))[:5]}"
    for number, wanted in expected.items():
        for name, kind in names.items():
            one, other = same(kind, have[number][name]), same(kind, wanted.get(name))
            assert one == other, f"{name} of {number} is {one!r} and should be {other!r}"


def same(kind: str, found: Any) -> Any:
    """A value as every warehouse's driver can give it."""
    if found is None:
        return None
    if kind == "timestamp":
        moment = found if isinstance(found, datetime) else datetime.fromisoformat(str(found))
        return (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
    if kind == "date":
        return str(found)[:10]
    if kind.startswith("list"):
        return json.loads(found) if isinstance(found, str) else list(found)
    return {"boolean": bool, "number": float}.get(kind, lambda same: same)(found)


# ---- readers of tables in files that know nothing of this package


def with_pyarrow(place: Mapping[str, Any], table: str, names: Sequence[str]) -> list[list[Any]]:
    """As pyarrow has them."""
    found = opened(place, table)
    if place["table_format"] == "delta":
        return [list(one.values()) for one in found.to_pyarrow_table(columns=list(names)).to_pylist()]
    return [list(one.values()) for one in found.scan().to_arrow().select(list(names)).to_pylist()]


def with_polars(place: Mapping[str, Any], table: str, names: Sequence[str]) -> list[list[Any]]:
    """As Polars has them."""
    import polars

    found = opened(place, table)
    if place["table_format"] == "delta":
        frame = polars.scan_delta(found)
    else:
        # Polars 2.1 does not take them from the table.
        frame = polars.scan_iceberg(found, storage_options=found.io.properties if not place["on_disk"] else None)
    return [list(one) for one in frame.select(list(names)).collect().rows()]


def with_duckdb(place: Mapping[str, Any], table: str, names: Sequence[str]) -> list[list[Any]]:
    """As DuckDB has them: with its own extension from a disk, which is there for its versions 1; else by Arrow."""
    import duckdb

    found, listed = opened(place, table), ", ".join(f'"{name}"' for name in names)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        is_iceberg = place["table_format"] == "iceberg"
        if not place["on_disk"]:
            source = "lake"
            connection.register(source, found.scan().to_arrow() if is_iceberg else found.to_pyarrow_dataset())
        elif is_iceberg:
            connection.execute("LOAD avro; LOAD iceberg")
            source = f"iceberg_scan('{found.metadata_location.removeprefix('file://')}')"
        else:
            connection.execute("LOAD delta")
            source = f"delta_scan('{found.table_uri}')"
        return [list(one) for one in connection.execute(f"SELECT {listed} FROM {source}").fetchall()]


def opened(place: Mapping[str, Any], table: str) -> Any:
    """A table, as the library of its format opens it."""
    given = place["credentials"]
    if place["table_format"] == "iceberg":
        from pyiceberg.catalog.sql import SqlCatalog

        access = {f"s3.{name}": given[key] for name, key in S3_ACCESS.items() if key in given}
        return SqlCatalog("pipedrive", uri=given["catalog"], **access).load_table(f"crm.{table}")
    from deltalake import DeltaTable

    keys = {f"AWS_{key.removeprefix('aws_').upper()}": value for key, value in given.items() if key != "bucket_url"}
    return DeltaTable(
        f"{given['bucket_url']}/crm/{table}", storage_options={**keys, "AWS_ALLOW_HTTP": "true"} if keys else {}
    )


S3_ACCESS = {
    "endpoint": "endpoint_url",
    "region": "region_name",
    "access-key-id": "aws_access_key_id",
    "secret-access-key": "aws_secret_access_key",
}
"""What pyiceberg and dlt call the same."""
READERS = {"pyarrow": with_pyarrow, "polars": with_polars, "duckdb": with_duckdb}


KILLED = range(200, 500)
"""The rows that loads have which are killed."""


class Scenario:
    """The steps, in their order, on one warehouse; each changes what is expected and compares."""

    def __init__(self, place: Mapping[str, Any], kills: int, disk: Disk) -> None:
        self.place = place
        self.kills = kills
        self.disk = disk
        self.rows: Rows = {}
        self.names: dict[str, str] = dict(FIRST)
        self.renamed: dict[str, str] = {}
        self.day = 0
        self.lists: dict[str, Any] = {}

    @property
    def is_lake(self) -> bool:
        """Whether its tables are files."""
        return "table_format" in self.place

    def step(self, changed: Sequence[int], gone: Sequence[int] = (), **others: Any) -> None:
        """Load the rows of those numbers as they are on a new day, and compare all."""
        self.day += 1
        fresh = {number: row(number, self.names, self.day) for number in changed}
        if others.get("write") == "replace":
            self.rows = {}
        self.rows |= fresh
        for number in gone:
            self.rows.pop(number, None)
        done(load, {**self.call(list(fresh), **others), "gone": list(gone), "expect": self.expected()})

    def call(self, numbers: Sequence[int], **others: Any) -> dict[str, Any]:
        """What a process is to load: the rows of those numbers as they are on this day."""
        what = {"place": self.place, "rows": list(numbers), "names": self.names, "day": self.day, "gone": []}
        return {**what, "others": {**self.lists, **others}}

    def expected(self) -> dict[str, Any]:
        """What the table is to hold: by row the day that it is of, and the columns that it had."""
        days = {number: (int((one["update_time"] - MONDAY).days), list(one)) for number, one in self.rows.items()}
        return {"place": self.place, "names": self.names, "renamed": self.renamed, "days": days}

    # ---- in this order

    def first_load(self) -> None:
        """A table that is not there."""
        self.step(range(1, 201))

    def edits(self) -> None:
        """Newer rows, and then older ones, which change nothing."""
        self.step(range(50, 70))
        old = {**self.call([51]), "day": 0}
        done(load, {**old, "expect": self.expected()})

    def deletes(self) -> None:
        """Tombstones."""
        self.step([71], gone=[1, 2, 3])

    def wide(self) -> None:
        """150 new fields, two of one name, keywords, a name of 92 characters, Greek and Japanese ones."""
        self.names = wide()
        self.step(range(60, 90))

    def renamed_field(self) -> None:
        """A field of another name: the column of before stays as it was."""
        self.names = {("title_of_deal" if name == "title" else name): kind for name, kind in self.names.items()}
        self.step(range(80, 95))

    def retyped_field(self) -> None:
        """A field of another type gets a column of its own."""
        self.names["field_of_2"] = "string"
        self.renamed["field_of_2"] = "field_of_2_text"
        for one in self.rows.values():
            one.pop("field_of_2", None)
        self.step(range(90, 100))

    def deleted_field(self) -> None:
        """A field that is no longer there."""
        self.names.pop("field_of_3")
        self.step(range(95, 105))

    def renamed_option(self) -> None:
        """An option of another label: all rows that have it say so."""
        self.names["tier"] = "option"
        self.step(range(95, 105))
        self.names["tier"] = "relabelled option"
        if done(is_changed_in_place, self.place):
            self.step([95])
        else:
            self.step(list(self.rows), fresh=True)

    def other_readers(self) -> None:
        """The same values for pyarrow, Polars and DuckDB, which know nothing of this package."""
        if not self.is_lake:
            raise NotThere
        for reader in READERS:
            done(compare, {**self.expected(), "reader": reader})

    def whole_list(self) -> None:
        """A snapshot takes the place of everything."""
        self.step(range(100, 150), write="replace")

    def lists_in_tables(self) -> None:
        """Lists in a table of their own, read whole."""
        if self.is_lake:
            raise NotThere
        self.names.pop("label_ids")
        with_lists = {**self.names, "label_ids": "list of integer"}
        self.lists = {"lists": "child_tables"}
        self.day += 1
        numbers = list(range(100, 150))
        done(load, {**self.call(numbers, write="replace"), "names": with_lists})
        self.rows = {number: row(number, with_lists, self.day) for number in numbers}
        done(compare, self.expected())
        lists = {number: one["label_ids"] or () for number, one in self.rows.items()}
        wanted = sorted([number, at, element] for number, one in lists.items() for at, element in enumerate(one))
        asked = {"place": self.place, "columns": ["parent_id", "position", "value"], "table": "deals__label_ids"}
        found = sorted(done(read, asked))
        assert found == wanted, f"{len(found)} elements of lists, and {len(wanted)} expected"

    def killed(self) -> str:
        """Kill -9 at random moments: the rows are those of before or of after."""
        began = time.monotonic()
        self.step(KILLED)
        takes, dice = time.monotonic() - began, random.Random(7)
        for _ in range(self.kills):
            self.day += 1
            Worker(load, self.call(KILLED)).kill_after(dice.uniform(0, takes))
            found = done(read, {"place": self.place, "columns": ["id", "update_time"]})
            days = {same("timestamp", moment) for number, moment in found if number in KILLED}
            assert len(found) == len(self.rows), f"{len(found)} rows after a kill, not {len(self.rows)}"
            assert len(days) == 1, f"a mix of {len(days)} loads after a kill"
            day = (datetime.fromisoformat(days.pop()) - MONDAY).days
            self.rows |= {number: row(number, self.names, day) for number in KILLED}
        self.step(KILLED)
        return f"right: {self.kills} kills"

    def two_at_once(self) -> None:
        """Two loads of one table: both end right, or one says so, and the next load is right."""
        self.day += 1
        call = self.call(range(300, 500))
        both = [Worker(load, call) for _ in range(2)]
        errors = [worker.error() for worker in both]
        assert None in errors, f"neither load ended: {errors[0]}"
        self.rows |= {number: row(number, self.names, self.day) for number in range(300, 500)}
        done(compare, self.expected())
        self.step(range(300, 320))

    def missing_rights(self) -> None:
        """A user who may only read is refused before anything is read."""
        if reader := self.place.get("reader"):
            error = Worker(load, {**self.call([1]), "place": {**self.place, "credentials": reader}}).error()
        elif self.disk.is_own and self.place["on_disk"]:
            with self.disk.closed():
                error = Worker(load, self.call([1])).error()
        else:
            raise NotThere
        assert "Pipedrive" in (error or ""), error or "a reader could load"
        done(compare, self.expected())

    def full_disk(self) -> None:
        """A disk that is full: nothing is taken, and the next load is right."""
        if not self.disk.is_own or not self.place["on_disk"]:
            raise NotThere
        with self.disk.full(100_000):
            error = Worker(load, self.call(range(2000, 5000))).error()
        assert "Pipedrive" in (error or ""), error or "the disk was not full"
        done(compare, self.expected())
        self.step(range(300, 320))


class NotThere(Exception):
    """The warehouse has nothing of the kind."""


STEPS: Sequence[Callable[[Scenario], str | None]] = (
    *(Scenario.first_load, Scenario.edits, Scenario.deletes, Scenario.wide, Scenario.renamed_field),
    *(Scenario.retyped_field, Scenario.deleted_field, Scenario.renamed_option, Scenario.other_readers),
    *(
        Scenario.whole_list,
        Scenario.lists_in_tables,
        Scenario.killed,
        Scenario.two_at_once,
        Scenario.missing_rights,
        Scenario.full_disk,
    ),
)


# ---- processes


class Worker:
    """A process with an empty temporary folder.

    :param does: what it does: a function of this module
    :param call: what the function is given
    """

    def __init__(self, does: Callable[[Any], Any], call: Mapping[str, Any]) -> None:
        self._folder = Path(tempfile.mkdtemp())
        process = multiprocessing.get_context("forkserver").Process
        self._process = process(target=work, args=(does, json.loads(json.dumps(call, default=str)), self._folder))
        self._process.start()

    def kill_after(self, seconds: float) -> None:
        """End it without notice, unless it has ended by then."""
        self._process.join(seconds)
        self._process.kill()
        self._process.join()

    def error(self) -> str | None:
        """What went wrong, when it has ended; None if nothing did."""
        self._process.join()
        said = self._folder / "error"
        return said.read_text() if said.exists() else None if self._process.exitcode == 0 else "it was killed"

    def result(self) -> Any:
        """What it has found."""
        error = self.error()
        assert error is None, error
        return json.loads((self._folder / "result").read_text())


def work(does: Callable[[Any], Any], call: Any, folder: Path) -> None:
    """Be such a process."""
    tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(dir=folder)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        (folder / "result").write_text(json.dumps(does(call), default=str))
    except Exception as error:  # noqa: BLE001 - whatever it is, the scenario judges it
        (folder / "error").write_text(f"{type(error).__name__}: {error}"[:400].replace("\n", " "))


def done(does: Callable[[Any], Any], call: Mapping[str, Any]) -> Any:
    """What a process finds; an error if it fails."""
    return Worker(does, call).result()


# ---- all of it


def run(name: str, kills: int, folder: Path) -> dict[str, str]:
    """What became of each step on a warehouse."""
    multiprocessing.set_forkserver_preload(list(PRELOADED))
    found = {}
    with ExitStack() as stack:
        disk = Disk(folder / "disk")
        stack.callback(disk.remove)
        place = stack.enter_context(place_of(name, disk.folder))
        scenario = Scenario(place, kills, disk)
        for step in STEPS:
            try:
                found[step.__name__] = step(scenario) or "right"
            except NotThere:
                found[step.__name__] = "none"
            except AssertionError as error:
                found[step.__name__] = f"wrong: {error}"
            print(f"{TITLES[name]:24}{step.__name__:18}{found[step.__name__]}", flush=True)
    return found


def run_apart(name: str, kills: int) -> dict[str, str]:
    """The same in a process that finds what the warehouse needs beyond this environment."""
    with tempfile.TemporaryDirectory(prefix="warehouses-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        environment = {**os.environ, **install_packages(name, folder), "TMPDIR": made}
        known = [environment.get("PYTHONPATH"), os.environ.get("PYTHONPATH"), str(HERE), str(HERE / "tools")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, known))
        command = [sys.executable, __file__, name, "--kills", str(kills), "--in", made]
        subprocess.run(command, env=environment, check=True)
        found: dict[str, str] = json.loads((folder / "found.json").read_text())
        return found


def table(found: Mapping[str, Mapping[str, str]]) -> str:
    """The table of the documentation."""
    names = [name for name in (*WAREHOUSES, *EMULATED) if name in found]
    lines = [
        "| | " + " | ".join({**TITLES, **EMULATED}[name] for name in names) + " |",
        "| --- |" + " --- |" * len(names),
    ]
    for step in STEPS:
        title = str(step.__doc__).strip().rstrip(".").replace("|", "/")
        lines.append(
            f"| {title} | " + " | ".join(mark(found[name].get(step.__name__, "none")) for name in names) + " |"
        )
    return "\n".join(lines)


def mark(found: str) -> str:
    """What the table says of a step. Only the file next to it says what was wrong."""
    verdict, _, more = found.partition(": ")
    return f"right ({more})" if verdict == "right" and more else verdict.replace("none", "-")


def main() -> int:
    """Run, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warehouses", nargs="*", choices=[*WAREHOUSES, []], help="by default all")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        [name] = options.warehouses
        (options.folder / "found.json").write_text(json.dumps(run(name, options.kills, options.folder)))
        return 0
    found = {}
    for name in options.warehouses or WAREHOUSES:
        found[name] = run_apart(name, options.kills)
        known = json.loads(FOUND.read_text()) if FOUND.exists() else {}
        FOUND.write_text(json.dumps({**known, **found}, indent=2) + "\n")
    print(table(json.loads(FOUND.read_text())))
    return int(any(mark.startswith("wrong") for steps in found.values() for mark in steps.values()))


if __name__ == "__main__":
    sys.exit(main())

"""Load one scenario into every warehouse that the documentation names, and compare value by value.

    python tools/trials/warehouses.py                      # all of them, and writes docs/warehouses.json
    python tools/trials/warehouses.py duckdb_2 --kills 5

It needs the programs of Postgres and MariaDB, and installs MariaDB's driver and an older DuckDB with DuckLake into a
temporary folder. Each step is a process of its own, with an empty temporary folder: nothing is known from the step
before but what is in the warehouse. What a step leaves is compared with rows that are computed here, not read from
anything that the loads use.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
FOUND = HERE / "docs" / "warehouses.json"
LAKE = ["duckdb==1.4.4", "duckdb-ext-ducklake==1.4.4.20260205"]
LAKE_EXTENSION = "duckdb_ext/extensions/v1.4.4/linux_amd64/ducklake.duckdb_extension"
LONG_NAME = "What the customer said about the offer when our sales team called for the second time in May"
WAREHOUSES = ("duckdb_2", "duckdb_1", "postgres", "mariadb", "ducklake")
TITLES = {
    "duckdb_2": "DuckDB 2.0",
    "duckdb_1": "DuckDB 1.4",
    "postgres": "Postgres",
    "mariadb": "MariaDB 10.11",
    "ducklake": "DuckLake (DuckDB 1.4)",
}
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
Rows = dict[int, dict[str, Any]]


# ---- rows


def columns(names: Mapping[str, str]) -> list[Any]:
    """Columns of a part, by name their type."""
    from airflow_provider_pipedrive.extraction.rows.columns import Column

    return [
        Column(name, kind.partition(" of ")[0], items=kind.partition(" of ")[2] or None) for name, kind in names.items()
    ]


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
    """A value that only this row has on this day."""
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


# ---- steps, each of them a process


def destination_of(place: Mapping[str, Any]) -> Any:
    """The destination that a place is."""
    from airflow_provider_pipedrive.warehouse import Destination

    return Destination(place["destination"], place.get("credentials"))


def load(place: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], **others: Any) -> None:
    """Load rows as a worker does that has never done it before."""
    from airflow_provider_pipedrive.extraction.output.formats import open_part
    from airflow_provider_pipedrive.warehouse import EntityLoad, Warehouse

    folder = Path(tempfile.mkdtemp())
    parts = {}
    gone = others.pop("gone", [])
    tombstones = [{"id": number, "deleted_at": others["read_at"]} for number in gone]
    for name, kinds, found in (
        ("rows", names, rows),
        ("gone", {"id": "integer", "deleted_at": "timestamp"}, tombstones),
    ):
        writer = open_part(folder / f"{name}.parquet", "parquet", columns(kinds))
        writer.write([{key: plain(one.get(key)) for key in kinds} for one in found])
        writer.close()
        parts[name] = [folder / f"{name}.parquet"] if found else []
    warehouse = Warehouse(destination_of(place), "crm", others.pop("lists", "json"), untried=True)
    warehouse.check()
    warehouse.load(
        EntityLoad(
            entity="deals", key=["id"], updated="update_time", columns=columns(names), parts=parts["rows"],
            tombstones=parts["gone"], **others,
        )
    )  # fmt: skip


def plain(found: Any) -> Any:
    """A value as Pipedrive's answers have it."""
    if isinstance(found, datetime):
        return found.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return found.isoformat() if isinstance(found, date) else found


def read(place: Mapping[str, Any], names: Sequence[str], table: str = "deals") -> list[list[Any]]:
    """The rows of a table, as the warehouse has them."""
    import dlt

    from airflow_provider_pipedrive.warehouse.destination import dlt_settings

    with dlt_settings():
        pipeline = dlt.pipeline(
            "reader", pipelines_dir=tempfile.mkdtemp(), destination=destination_of(place).build(512), dataset_name="crm"
        )
        with pipeline.sql_client() as client:
            wanted = ", ".join(map(client.escape_column_name, names))
            query = f"SELECT {wanted} FROM {client.make_qualified_table_name(table)}"
            return [list(found) for found in client.execute_sql(query) or ()]


def compare(place: Mapping[str, Any], expected: Rows, names: Mapping[str, str], renamed: Mapping[str, str]) -> None:
    """Fail where any value differs from what it should be."""
    found = read(place, [renamed.get(name, name) for name in names])
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


class Scenario:
    """The steps, in their order, on one warehouse; each changes what is expected and compares."""

    def __init__(self, place: Mapping[str, Any], kills: int) -> None:
        self.place = place
        self.kills = kills
        self.rows: Rows = {}
        self.names: dict[str, str] = dict(FIRST)
        self.renamed: dict[str, str] = {}
        self.day = 0

    def step(self, changed: Sequence[int], gone: Sequence[int] = (), **others: Any) -> None:
        """Load the rows of those numbers as they are on a new day, and compare all."""
        self.day += 1
        fresh = {number: row(number, self.names, self.day) for number in changed}
        if others.get("write") == "replace":
            self.rows = {}
        self.rows |= fresh
        for number in gone:
            self.rows.pop(number, None)
        worker("--step", {**self.call(list(fresh), **others), "gone": list(gone), "expect": self.expected()})

    def call(self, numbers: Sequence[int], **others: Any) -> dict[str, Any]:
        """What a process is to load: the rows of those numbers as they are on this day."""
        what = {"place": self.place, "rows": list(numbers), "names": self.names, "day": self.day, "gone": []}
        return {**what, "others": others}

    def expected(self) -> dict[str, Any]:
        """What the table is to hold: by row the day that it is of, and the columns that it had."""
        days = {number: (int((one["update_time"] - MONDAY).days), list(one)) for number, one in self.rows.items()}
        return {"place": self.place, "names": self.names, "renamed": self.renamed, "days": days}

    def compare(self) -> None:
        """Fail where any value differs."""
        worker("--compare", self.expected())

    # ---- in this order

    def first_load(self) -> None:
        """A table that is not there."""
        self.step(range(1, 201))

    def edits(self) -> None:
        """Newer rows, and then older ones, which change nothing."""
        self.step(range(50, 70))
        old = {**self.call([51]), "day": 0}
        worker("--step", {**old, "expect": self.expected()})

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

    def whole_list(self) -> None:
        """A snapshot takes the place of everything."""
        self.step(range(100, 150), write="replace")

    def lists_in_tables(self) -> None:
        """Lists in a table of their own, read whole."""
        self.names.pop("label_ids")
        with_lists = {**self.names, "label_ids": "list of integer"}
        self.day += 1
        numbers = list(range(100, 150))
        call = self.call(numbers, write="replace", lists="child_tables")
        worker("--step", {**call, "names": with_lists})
        self.rows = {number: row(number, with_lists, self.day) for number in numbers}
        self.compare()
        lists = {number: one["label_ids"] or () for number, one in self.rows.items()}
        wanted = sorted([number, at, element] for number, one in lists.items() for at, element in enumerate(one))
        asked = {"place": self.place, "columns": ["parent_id", "position", "value"], "table": "deals__label_ids"}
        found = sorted(json.loads(worker("--read", asked)))
        assert found == wanted, f"{len(found)} elements of lists, and {len(wanted)} expected"

    def killed(self) -> None:
        """Kill -9 at random moments: the rows are those of before or of after."""
        self.step(range(200, 1200), lists="child_tables")
        dice = random.Random(7)
        for _ in range(self.kills):
            self.day += 1
            process = started("--step", self.call(range(200, 1200), lists="child_tables"))
            try:
                process.communicate(timeout=dice.uniform(1, 12))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
            asked = {"place": self.place, "columns": ["id", "update_time"], "table": "deals"}
            found = [one for one in json.loads(worker("--read", asked)) if one[0] >= 200]
            days = {same("timestamp", moment) for _number, moment in found}
            assert len(found) == 1000, f"{len(found)} rows after a kill"
            assert len(days) == 1, f"a mix of {len(days)} loads after a kill"
            day = (datetime.fromisoformat(days.pop()) - MONDAY).days
            self.rows |= {number: row(number, self.names, day) for number in range(200, 1200)}
        self.step(range(200, 1200), lists="child_tables")

    def two_at_once(self) -> None:
        """Two loads of one table: both end right, or one says so, and the next load is right."""
        self.day += 1
        call = self.call(range(300, 700), lists="child_tables")
        both = [started("--step", call) for _ in range(2)]
        for process in both:
            process.communicate()
        assert 0 in {process.returncode for process in both}, "neither load ended"
        self.rows |= {number: row(number, self.names, self.day) for number in range(300, 700)}
        self.compare()
        self.step(range(300, 320), lists="child_tables")

    def missing_rights(self) -> None:
        """A user who may only read is refused before anything is read."""
        reader = self.place.get("reader")
        if reader is None:
            raise NotThere
        process = started("--step", {**self.call([1]), "place": {**self.place, "credentials": reader}})
        _, said = process.communicate()
        assert process.returncode, "a reader could load"
        assert "denied" in said, said[-300:]
        self.compare()

    def full_disk(self) -> None:
        """A file that must not grow: nothing is taken, and the next load is right."""
        if "file" not in self.place:
            raise NotThere
        call = self.call(range(2000, 6000), lists="child_tables")
        process = started("--step", call, limit=200_000)
        process.communicate()
        assert process.returncode, "the disk was not full"
        self.compare()
        self.step(range(300, 320), lists="child_tables")


class NotThere(Exception):
    """The warehouse has nothing of the kind."""


STEPS: Sequence[Callable[[Scenario], None]] = (
    *(Scenario.first_load, Scenario.edits, Scenario.deletes, Scenario.wide, Scenario.renamed_field),
    *(Scenario.retyped_field, Scenario.deleted_field, Scenario.whole_list, Scenario.lists_in_tables),
    *(Scenario.killed, Scenario.two_at_once, Scenario.missing_rights, Scenario.full_disk),
)


# ---- processes


def started(what: str, call: Mapping[str, Any], limit: int = 0) -> subprocess.Popen[str]:
    """A process of this program, with an empty temporary folder."""
    environment = {**os.environ, "TMPDIR": tempfile.mkdtemp(dir=os.environ["SCENARIO"])}
    number, path = tempfile.mkstemp(dir=os.environ["SCENARIO"])
    with os.fdopen(number, "w") as file:
        json.dump(call, file)
    if limit:
        environment["MOST_BYTES"] = str(limit)
    return subprocess.Popen(
        [sys.executable, __file__, what, path],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def worker(what: str, call: Mapping[str, Any]) -> str:
    """What such a process says; an error if it fails."""
    process = started(what, call)
    said, error = process.communicate()
    if process.returncode:
        raise AssertionError(error.strip().splitlines()[-1][:400])
    return said


def work(options: argparse.Namespace) -> None:
    """Be such a process."""
    if most := int(os.environ.get("MOST_BYTES", "0")):
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    if options.step:
        call = json.loads(Path(options.step).read_text())
        rows = [row(number, call["names"], call["day"]) for number in call["rows"]]
        read_at = MONDAY + timedelta(days=call["day"], hours=1)
        load(call["place"], rows, call["names"], gone=call["gone"], read_at=read_at, **call["others"])
    if (options.step and "expect" in call) or options.compare:
        call = call["expect"] if options.step else json.loads(Path(options.compare).read_text())
        names = call["names"]
        expected = {
            int(number): {
                name: one for name, one in row(int(number), names, day).items() if name in had or name == "id"
            }
            for number, (day, had) in call["days"].items()
        }
        compare(call["place"], expected, names, call["renamed"])
    if options.read:
        call = json.loads(Path(options.read).read_text())
        print(json.dumps(read(call["place"], call["columns"], call["table"]), default=str))


# ---- warehouses


@contextmanager
def place_of(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """A warehouse, empty, until it is no longer needed."""
    if name.startswith("duckdb"):
        yield {"destination": f"duckdb:///{folder / 'crm_of_ours.duckdb'}", "file": True}
    elif name == "ducklake":
        yield {"destination": "ducklake", "credentials": lake_in(folder)}
    elif name == "mariadb":
        sys.path.insert(0, str(HERE))
        from tests.support.mariadb_server import running_mariadb

        with running_mariadb() as credentials:
            reader = {**credentials, "username": "reader"}
            yield {"destination": "sqlalchemy", "credentials": credentials, "reader": reader}
    else:
        sys.path.insert(0, str(HERE / "tools"))
        from live_postgres import LivePostgres
        from sqlalchemy.engine import make_url

        with LivePostgres(folder / "postgres") as server:
            url = make_url(server.url)
            credentials = {"host": url.host, "port": url.port, "username": url.username, "password": "none"}
            credentials["database"] = url.database
            psql = ["psql", "-h", str(url.host), "-p", str(url.port), "-U", str(url.username), str(url.database)]
            subprocess.run([*psql, "-c", "CREATE ROLE reader LOGIN"], check=True, capture_output=True)
            yield {
                "destination": "postgres",
                "credentials": credentials,
                "reader": {**credentials, "username": "reader"},
            }


def lake_in(folder: Path) -> dict[str, Any]:
    """A DuckLake whose catalog is a DuckDB file."""
    return {"catalog": f"duckdb:///{folder / 'catalog.duckdb'}", "storage": {"bucket_url": str(folder / "lake")}}


def packages_of(name: str, folder: Path) -> dict[str, str]:
    """What a warehouse needs beyond this environment, installed into a folder."""
    wanted = {"duckdb_1": LAKE, "ducklake": LAKE, "mariadb": ["pymysql"]}.get(name)
    if not wanted:
        return {}
    target = folder / "packages"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), *wanted]
    subprocess.run(pip, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if name == "ducklake":
        # DuckDB looks for its extensions below the home folder.
        home = folder / "home" / ".duckdb" / "extensions" / "v1.4.4" / "linux_amd64"
        home.mkdir(parents=True)
        shutil.copy(target / LAKE_EXTENSION, home)
        return {"PYTHONPATH": str(target), "HOME": str(folder / "home")}
    return {"PYTHONPATH": str(target)}


def run(name: str, kills: int) -> dict[str, str]:
    """What became of each step on a warehouse."""
    found = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="warehouses-")))
        folder.chmod(0o755)
        before = dict(os.environ)
        stack.callback(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ.update({**packages_of(name, folder), "SCENARIO": str(folder)})
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
        place = stack.enter_context(place_of(name, folder))
        scenario = Scenario(place, kills)
        for step in STEPS:
            try:
                step(scenario)
                found[step.__name__] = "right"
            except NotThere:
                found[step.__name__] = "none"
            except AssertionError as error:
                found[step.__name__] = f"wrong: {error}"
            print(f"{TITLES[name]:24}{step.__name__:18}{found[step.__name__]}", flush=True)
    return found


def table(found: Mapping[str, Mapping[str, str]]) -> str:
    """The table of the documentation."""
    names = [name for name in WAREHOUSES if name in found]
    lines = ["| | " + " | ".join(TITLES[name] for name in names) + " |", "| --- |" + " --- |" * len(names)]
    for step in STEPS:
        title = str(step.__doc__).strip().rstrip(".").replace("|", "/")
        marks = [found[name][step.__name__].partition(":")[0].replace("none", "-") for name in names]
        lines.append(f"| {title} | " + " | ".join(marks) + " |")
    return "\n".join(lines)


def main() -> int:
    """Run, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warehouses", nargs="*", choices=[*WAREHOUSES, []], help="by default all")
    parser.add_argument("--kills", type=int, default=20)
    for hidden in ("--step", "--compare", "--read"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step or options.compare or options.read:
        work(options)
        return 0
    known = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    found = {name: run(name, options.kills) for name in options.warehouses or WAREHOUSES}
    FOUND.write_text(json.dumps({**known, **found}, indent=2) + "\n")
    print(table({**known, **found}))
    return int(any(mark.startswith("wrong") for steps in found.values() for mark in steps.values()))


if __name__ == "__main__":
    sys.exit(main())

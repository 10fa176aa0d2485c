"""A load that fails takes nothing with it: each table is as before, and the next load brings what this one did not."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveWarehouseError
from airflow_provider_pipedrive.warehouse import Destination, Warehouse
from tests.warehouse.test_merging import MONDAY, TUESDAY, WEDNESDAY, Place, deal
from tests.warehouse.test_merging import place as place

duckdb = pytest.importorskip("duckdb", reason="the extra warehouse is not installed")
pytest.importorskip("dlt", reason="the extra warehouse is not installed")

THIRTY = [deal(number, f"deal {number}", MONDAY, [number]) for number in range(1, 31)]
EDITED = [deal(number, f"edited {number}", TUESDAY, [number, 7]) for number in range(1, 31)]


def change(place: Place, *statements: str) -> None:
    """What somebody else does to the warehouse."""
    if place.destination.file:
        with duckdb.connect(str(place.destination.file)) as connection:
            for statement in statements:
                connection.execute(statement)
    else:
        for statement in statements:
            place._query(f"{statement}; SELECT 1")


def forbid(place: Place, title: str) -> None:
    """Give the table a constraint, and a view on it."""
    table = f"{place.dataset}.deals"
    if place.destination.file:  # DuckDB adds no constraint to a table that is there
        columns = place._query(
            f"SELECT sql FROM duckdb_tables() WHERE schema_name = '{place.dataset}' AND table_name = 'deals'"
        )
        made = columns[0][0].rstrip(" ;").removesuffix(")")
        change(
            place,
            f"CREATE TABLE {place.dataset}.old AS FROM {table}",
            f"DROP TABLE {table}",
            f"{made}, CHECK (title <> '{title}'))",
            f"INSERT INTO {table} FROM {place.dataset}.old",
            f"DROP TABLE {place.dataset}.old",
        )
    else:
        change(place, f"ALTER TABLE {table} ADD CHECK (title <> '{title}')")
    change(place, f"CREATE VIEW {place.dataset}.titles AS SELECT id, title FROM {table}")


@pytest.mark.parametrize(
    "write", ["merge", *(pytest.param(each, marks=pytest.mark.long) for each in ("replace", "versions"))]
)
def test_a_constraint_that_fails_leaves_the_table_and_what_is_remembered_as_they_were(place: Place, write: str) -> None:
    first = "replace" if write == "replace" else write
    place.load(THIRTY, write=first, load_state={"watermark": "monday"})
    forbid(place, "edited 30")
    with pytest.raises(PipedriveWarehouseError, match=r"(?i)check"):
        place.load(EDITED, write=write, load_state={"watermark": "tuesday"})
    assert place.rows() == [(number, f"deal {number}") for number in range(1, 31)]
    assert Warehouse(place.destination, place.dataset).load_state("deals")["watermark"] == "monday"  # type: ignore[index]

    place.load([*EDITED[:29], deal(30, "allowed", WEDNESDAY)], write=write, load_state={"watermark": "tuesday"})
    latest = place.rows(table="deals__latest" if write == "versions" else "deals")
    assert latest == [*((number, f"edited {number}") for number in range(1, 30)), (30, "allowed")]
    assert (30, "allowed") in place.rows(table="titles")
    with pytest.raises(PipedriveWarehouseError, match=r"(?i)check"):
        place.load([deal(1, "edited 30", WEDNESDAY)], write=write)


def test_the_elements_of_lists_are_not_lost_either(place: Place) -> None:
    place.load(THIRTY, lists="child_tables")
    elements = place.rows("parent_id, value", "deals__label_ids")
    if place.destination.file:
        change(place, f"CREATE UNIQUE INDEX one ON {place.dataset}.deals__label_ids (parent_id)")
    else:
        change(place, f"CREATE UNIQUE INDEX one ON {place.dataset}.deals__label_ids (parent_id)")
    with pytest.raises(PipedriveWarehouseError, match=r"(?i)duplicate|unique"):
        place.load(EDITED, lists="child_tables")
    assert place.rows("parent_id, value", "deals__label_ids") == elements


def test_an_index_that_is_met_stays_and_keeps_nothing_out(place: Place) -> None:
    place.load(THIRTY)
    change(place, f"CREATE UNIQUE INDEX one ON {place.dataset}.deals (id)")
    place.load(EDITED)
    place.load(EDITED[:3], write="replace")
    assert place.rows() == [(1, "edited 1"), (2, "edited 2"), (3, "edited 3")]
    with pytest.raises(Exception, match=r"(?i)duplicate|unique"):
        change(place, f"INSERT INTO {place.dataset}.deals (id) VALUES (1)")


@pytest.mark.parametrize("write", ["merge", "replace"])
def test_rows_that_a_trigger_keeps_out_are_missed_before_anything_is_committed(place: Place, write: str) -> None:
    if place.destination.file:
        pytest.skip("DuckDB has no triggers")
    place.load(THIRTY, load_state={"watermark": "monday"})
    change(
        place,
        f"CREATE FUNCTION {place.dataset}.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        f"CREATE TRIGGER quiet BEFORE INSERT ON {place.dataset}.deals FOR EACH ROW EXECUTE FUNCTION "
        f"{place.dataset}.nothing()",
    )
    with pytest.raises(PipedriveWarehouseError, match="had 30 records and would have 0 .*triggers") as caught:
        place.load(EDITED, write=write, load_state={"watermark": "tuesday"})
    assert not caught.value.retryable
    assert place.rows() == [(number, f"deal {number}") for number in range(1, 31)]
    assert Warehouse(place.destination, place.dataset).load_state("deals")["watermark"] == "monday"  # type: ignore[index]


def test_tombstones_and_rows_that_are_there_twice_are_no_loss(place: Place) -> None:
    place.load(THIRTY)
    change(place, f"INSERT INTO {place.dataset}.deals (id, title) VALUES (4, 'by hand')")
    place.load(EDITED[2:5], deleted=[{"id": 1, "deleted_at": WEDNESDAY}, {"id": 2, "deleted_at": WEDNESDAY}])
    assert place.rows()[:3] == [(3, "edited 3"), (4, "edited 4"), (5, "edited 5")]
    assert len(place.rows()) == 28


def test_too_little_memory_fails_a_merge_and_takes_nothing(place: Place) -> None:
    if not place.destination.file:
        pytest.skip("Postgres has no such limit")
    place.load(THIRTY)
    name = place.destination.name
    place.destination = Destination(f"{name}?memory_limit=20MB")
    with pytest.raises(PipedriveWarehouseError, match="memory_limit=4GB"):
        place.load([deal(number, "x" * 5_000_000, TUESDAY) for number in range(1, 10)])
    assert place.rows() == [(number, f"deal {number}") for number in range(1, 31)]
    place.destination = Destination(name)
    place.load(EDITED)
    assert place.rows()[0] == (1, "edited 1")


LOADER = f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from pathlib import Path
from tests.warehouse.test_failed_loads import many
from tests.warehouse.test_merging import Destination, Place
import json
place = Place(Destination(*json.loads(sys.argv[1])), None, Path(sys.argv[2]), sys.argv[3])
print("ready", flush=True)
limit = int(sys.argv[6])
if limit:
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
place.load(many(int(sys.argv[5])), write=sys.argv[4], load_state={{"watermark": int(sys.argv[5])}})
"""


def many(edition: int, count: int = 3_000) -> list[dict[str, Any]]:
    moment = f"2026-03-05T{edition // 60:02d}:{edition % 60:02d}:00Z"
    return [deal(number, f"edition {edition}", moment, [edition]) for number in range(count)]


def loading(place: Place, folder: Path, write: str, edition: int, limit: int = 0) -> subprocess.Popen[str]:
    """A process that loads an edition of all deals; it says when it begins."""
    where = __import__("json").dumps([place.destination.name, dict(place.destination.credentials or {})])
    command = [sys.executable, "-c", LOADER, where, str(folder), place.dataset, write, str(edition), str(limit)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("write", ["merge", pytest.param("replace", marks=pytest.mark.long)])
def test_a_full_disk_takes_nothing(place: Place, tmp_path: Path, write: str) -> None:
    if not place.destination.file:
        pytest.skip("Postgres writes in a process of its own")
    place.load(many(1), load_state={"watermark": 1})
    with loading(place, tmp_path, write, 2, limit=100_000) as process:
        _, said = process.communicate(timeout=120)
    assert process.returncode, said
    assert {title for _, title in place.rows()} == {"edition 1"}
    assert len(place.rows()) == 3_000
    place.load(many(3), load_state={"watermark": 3})
    assert {title for _, title in place.rows()} == {"edition 3"}


def kill_at_random_moments(place: Place, folder: Path, times: int, seed: int) -> None:
    """Kill loads, each after a random part of the time that one takes, and look at what is there."""
    dice = random.Random(seed)
    place.load(many(0), load_state={"watermark": 0})
    began = time.monotonic()
    with loading(place, folder, "merge", 1) as process:
        process.communicate(timeout=300)
    took = time.monotonic() - began
    assert process.returncode == 0
    marked = 1
    for edition in range(2, times + 2):
        write = dice.choice(["merge", "replace"])
        with loading(place, folder, write, edition) as process:
            try:
                process.communicate(timeout=dice.uniform(0.1, took))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
        found = place.rows()
        titles = {title for _, title in found}
        assert len(found) == 3_000, f"{write} killed: {len(found)} rows"
        assert len(titles) == 1, f"{write} killed: a mix of {titles}"
        watermark = Warehouse(place.destination, place.dataset).load_state("deals")["watermark"]  # type: ignore[index]
        assert watermark in (marked, edition)
        assert watermark == marked or titles == {f"edition {edition}"}
        marked = watermark
    place.load(many(times + 2), load_state={"watermark": times + 2})
    assert {title for _, title in place.rows()} == {f"edition {times + 2}"}
    assert len(place.rows()) == 3_000


@pytest.mark.long
def test_a_load_that_is_killed_leaves_the_table_before_or_the_table_after(place: Place, tmp_path: Path) -> None:
    kill_at_random_moments(place, tmp_path, times=2, seed=7)


@pytest.mark.long
def test_thirty_loads_that_are_killed_leave_the_table_before_or_the_table_after(place: Place, tmp_path: Path) -> None:
    kill_at_random_moments(place, tmp_path, times=30, seed=11)

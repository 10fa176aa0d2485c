"""What a load does to a warehouse that has something already: each test twice, on DuckDB and on Postgres."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveWarehouseError
from airflow_provider_pipedrive.extraction.output.formats import open_part
from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.warehouse import Destination, EntityLoad, Loaded, Warehouse, Write

duckdb = pytest.importorskip("duckdb", reason="the extra warehouse is not installed")
pytest.importorskip("dlt", reason="the extra warehouse is not installed")

COLUMNS = [
    Column("id", "integer"),
    Column("title", "string"),
    Column("update_time", "timestamp"),
    Column("label_ids", "list", items="integer"),
]
MONDAY, TUESDAY, WEDNESDAY = (f"2026-03-0{day}T12:00:00Z" for day in (2, 3, 4))
_numbers = itertools.count()


class Place:
    """A dataset of its own, and what is in it."""

    def __init__(
        self, destination: Destination, query: Callable[[str], list[tuple[Any, ...]]], folder: Path, dataset: str
    ) -> None:
        self.destination = destination
        self.dataset = dataset
        self._query = query
        self._folder = folder

    def part(self, rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> Path:
        path = self._folder / f"part-{next(_numbers)}.parquet"
        writer = open_part(path, "parquet", columns)
        writer.write([{column.name: row.get(column.name) for column in columns} for row in rows])
        writer.close()
        return path

    def load(
        self,
        *parts: Sequence[dict[str, Any]],
        deleted: Sequence[dict[str, Any]] = (),
        columns: Sequence[Column] = COLUMNS,
        read_at: str = WEDNESDAY,
        lists: Any = "json",
        **others: Any,
    ) -> Loaded:
        tombstones = [Column("id", columns[0].type), Column("deleted_at", "timestamp")]
        load: dict[str, Any] = {
            "entity": "deals",
            "key": ["id"],
            "updated": "update_time",
            "columns": columns,
            "parts": [self.part(rows, columns) for rows in parts],
            "tombstones": [self.part(deleted, tombstones)] if deleted else [],
            "read_at": datetime.fromisoformat(read_at),
        }
        return Warehouse(self.destination, self.dataset, lists).load(EntityLoad(**load | others))

    def rows(self, what: str = "id, title", table: str = "deals") -> list[tuple[Any, ...]]:
        return self._query(f"SELECT {what} FROM {self.dataset}.{table} ORDER BY 1, 2")


@pytest.fixture(params=["duckdb", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    dataset = f"crm{next(_numbers)}"
    if request.param == "duckdb":
        file = tmp_path / "crm.duckdb"

        def query(text: str) -> list[tuple[Any, ...]]:
            with duckdb.connect(str(file), read_only=True) as connection:
                found: list[tuple[Any, ...]] = connection.execute(text).fetchall()
            return found

        return Place(Destination(f"duckdb:///{file}"), query, tmp_path, dataset)
    return _on_postgres(request.getfixturevalue("postgres"), tmp_path, dataset)


def _on_postgres(server: dict[str, Any], tmp_path: Path, dataset: str) -> Place:
    psycopg2 = pytest.importorskip("psycopg2")
    names = {"host": server["host"], "port": server["port"], "password": server["password"]}

    def query(text: str) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(dbname=server["schema"], user=server["login"], **names)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                found: list[tuple[Any, ...]] = cursor.fetchall()
            connection.commit()
            return found
        finally:
            connection.close()

    credentials = {**names, "username": server["login"], "database": server["schema"]}
    return Place(Destination("postgres", credentials), query, tmp_path, dataset)


def deal(number: int, title: str, updated: str | None = MONDAY, labels: list[int] | None = None) -> dict[str, Any]:
    return {"id": number, "title": title, "update_time": updated, "label_ids": labels}


# ---- which row wins


def test_of_two_rows_of_one_delivery_the_later_one_wins_wherever_it_stands(place: Place) -> None:
    early, late = deal(1, "early", MONDAY), deal(1, "late", TUESDAY)
    loaded = place.load([late, deal(2, "other")], [early])
    assert place.rows() == [(1, "late"), (2, "other")]
    assert (loaded.rows, loaded.superseded) == (2, 1)


def test_a_row_of_a_later_load_wins_if_it_was_updated_later_or_at_the_same_time(place: Place) -> None:
    place.load([deal(1, "first", TUESDAY), deal(2, "first", TUESDAY), deal(3, "first", TUESDAY)])
    place.load([deal(1, "older", MONDAY), deal(2, "read again", TUESDAY), deal(3, "newer", WEDNESDAY)])
    assert place.rows() == [(1, "first"), (2, "read again"), (3, "newer")]


def test_a_row_without_a_time_is_older_than_any_with_one(place: Place) -> None:
    place.load([deal(1, "untouched", None), deal(2, "edited", MONDAY), deal(3, "untouched", None)])
    place.load([deal(1, "edited", MONDAY), deal(2, "untouched", None), deal(3, "read again", None)])
    assert place.rows() == [(1, "edited"), (2, "edited"), (3, "read again")]
    place.load([deal(4, "edited", MONDAY)], [deal(4, "untouched", None)])
    assert place.rows()[-1] == (4, "edited")


def test_the_same_delivery_twice_changes_nothing(place: Place) -> None:
    for _ in range(2):
        place.load([deal(1, "one"), deal(2, "two")], deleted=[{"id": 3, "deleted_at": TUESDAY}])
    assert place.rows() == [(1, "one"), (2, "two")]
    assert [number for number, _ in place.rows("id, deleted_at", "deals__deleted")] == [3]


def test_ids_that_are_texts_and_an_entity_without_times_are_merged_too(place: Place) -> None:
    columns = [Column("id", "string"), Column("title", "string")]
    place.load([{"id": "a", "title": "old"}], columns=columns, updated=None)
    place.load([{"id": "a", "title": "new"}, {"id": "b", "title": "b"}], columns=columns, updated=None)
    assert place.rows() == [("a", "new"), ("b", "b")]


# ---- deleted records


def test_a_tombstone_takes_the_row_away_and_is_kept(place: Place) -> None:
    place.load([deal(1, "one"), deal(2, "two")])
    place.load(deleted=[{"id": 1, "deleted_at": TUESDAY}, {"id": 7, "deleted_at": None}])
    assert place.rows() == [(2, "two")]
    kept = [(number, moment.astimezone(UTC)) for number, moment in place.rows("id, deleted_at", "deals__deleted")]
    assert kept == [(1, datetime.fromisoformat(TUESDAY)), (7, datetime.fromisoformat(WEDNESDAY))]


def test_a_tombstone_older_than_the_last_edit_takes_nothing_away(place: Place) -> None:
    place.load([deal(1, "brought back", WEDNESDAY)])
    place.load(deleted=[{"id": 1, "deleted_at": TUESDAY}])
    assert place.rows() == [(1, "brought back")]


def test_a_row_that_was_read_before_the_deletion_does_not_bring_the_record_back(place: Place) -> None:
    place.load([deal(1, "one", MONDAY)], deleted=[{"id": 2, "deleted_at": TUESDAY}], read_at=MONDAY)
    place.load([deal(2, "a ghost", MONDAY)], read_at=MONDAY)
    assert place.rows() == [(1, "one")]


def test_a_record_that_is_listed_again_after_its_deletion_comes_back(place: Place) -> None:
    place.load(deleted=[{"id": 1, "deleted_at": TUESDAY}, {"id": 2, "deleted_at": TUESDAY}])
    place.load([deal(1, "listed again", MONDAY)], read_at=WEDNESDAY)
    place.load([deal(2, "edited since", WEDNESDAY)], read_at=MONDAY)
    assert place.rows() == [(1, "listed again"), (2, "edited since")]


def test_of_a_row_and_a_tombstone_in_one_delivery_the_later_one_counts(place: Place) -> None:
    place.load(
        [deal(1, "gone since", MONDAY), deal(2, "edited since", WEDNESDAY)],
        deleted=[{"id": 1, "deleted_at": TUESDAY}, {"id": 2, "deleted_at": TUESDAY}],
    )
    assert place.rows() == [(2, "edited since")]


# ---- whole lists and all versions


def test_a_whole_list_takes_the_place_of_the_table(place: Place) -> None:
    place.load([deal(1, "one"), deal(2, "two")])
    place.load([deal(2, "second"), deal(3, "third")], write="replace")
    assert place.rows() == [(2, "second"), (3, "third")]
    place.load(write="replace")
    assert place.rows() == []
    place.load([deal(4, "merged into it")])
    assert place.rows() == [(4, "merged into it")]


def test_a_whole_list_that_fails_to_load_leaves_the_table_as_it_was(place: Place) -> None:
    place.load([deal(1, "one")], write="replace")
    # Postgres takes no text with a zero in it, and DuckDB no long ones in little memory.
    if place.destination.file:
        place.destination = Destination(f"{place.destination.name}?memory_limit=20MB")
    with pytest.raises(PipedriveWarehouseError, match="memory_limit=4GB|NUL|0x00"):
        place.load([deal(number, "\0" + "x" * 5_000_000) for number in range(9)], write="replace")
    assert place.rows() == [(1, "one")]


def test_all_versions_are_kept_once_each_with_a_view_of_the_latest(place: Place) -> None:
    for _ in range(2):
        place.load([deal(1, "first", MONDAY), deal(2, "untouched", None)], write="versions")
    place.load(
        [deal(1, "second", TUESDAY), deal(3, "three", MONDAY)],
        deleted=[{"id": 3, "deleted_at": WEDNESDAY}],
        write="versions",
    )
    assert place.rows("id, title") == [(1, "first"), (1, "second"), (2, "untouched"), (3, "three"), (3, None)]
    assert place.rows("id, title", "deals__latest") == [(1, "second"), (2, "untouched")]
    columns = [*COLUMNS, Column("region", "string")]
    place.load([{**deal(1, "third", WEDNESDAY), "region": "North"}], columns=columns, write="versions")
    assert place.rows("id, title, region", "deals__latest") == [(1, "third", "North"), (2, "untouched", None)]


# ---- columns


def test_a_new_column_is_added_and_one_that_is_gone_stays(place: Place) -> None:
    place.load([deal(1, "one")])
    columns = [COLUMNS[0], COLUMNS[2], Column("region", "string")]
    loaded = place.load([{"id": 2, "update_time": MONDAY, "region": "North"}], columns=columns)
    assert loaded.new_columns == ("region",)
    assert place.rows("id, title, region") == [(1, "one", None), (2, None, "North")]


def test_a_column_of_another_type_gets_another_name_and_is_told(place: Place) -> None:
    columns = [COLUMNS[0], COLUMNS[2], Column("seats", "number")]
    place.load([{"id": 1, "update_time": MONDAY, "seats": 2.5}], columns=columns)
    columns[2] = Column("seats", "string")
    for _ in range(2):
        loaded = place.load([{"id": 2, "update_time": MONDAY, "seats": "many"}], columns=columns)
    assert place.rows("id, seats, seats_text") == [(1, 2.5, None), (2, None, "many")]
    assert loaded.notes == (
        "deals.seats is double in the warehouse, and text in Pipedrive now: values go to the column seats_text.",
    )


def test_types_are_those_of_the_columns_though_the_first_rows_hold_nothing(place: Place) -> None:
    kinds = ("string", "integer", "number", "boolean", "timestamp", "date", "time", "json")
    columns = [*COLUMNS, *(Column(f"a_{kind}", kind) for kind in kinds)]
    full = {
        "a_string": 'Ünïcode, "quoted"\nand broken',
        "a_integer": 2**53 + 1,
        "a_number": 0.1,
        "a_boolean": False,
        "a_timestamp": MONDAY,
        "a_date": "2026-03-02",
        "a_time": "23:59:59",
        "a_json": {"a": [1, None, "ß"]},
    }
    place.load([deal(1, "empty")], columns=columns)
    place.load([{**deal(2, "full", labels=[3, 4]), **full}], columns=columns)
    [_, found] = place.rows("id, " + ", ".join(f"a_{kind}" for kind in kinds if kind != "json"))
    assert found[1:5] == (full["a_string"], full["a_integer"], 0.1, False)
    assert found[5].astimezone(UTC) == datetime.fromisoformat(MONDAY)
    assert (str(found[6]), found[7]) == ("2026-03-02", "23:59:59")
    [_, (_, told, labels)] = place.rows("id, CAST(a_json AS VARCHAR), CAST(label_ids AS VARCHAR)")
    assert (json.loads(told), json.loads(labels)) == ({"a": [1, None, "ß"]}, [3, 4])


def test_an_empty_text_stays_one_but_for_postgres_where_it_is_null(place: Place) -> None:
    place.load([deal(1, "")])
    assert place.rows() == [(1, "" if place.destination.file else None)]


def test_the_elements_of_a_list_in_a_table_of_their_own_are_replaced_together(place: Place) -> None:
    def elements() -> list[tuple[Any, ...]]:
        return place.rows("parent_id, position, value", "deals__label_ids")

    place.load(
        [deal(1, "one", TUESDAY, [7, 8, 9]), deal(2, "two", TUESDAY, [7]), deal(3, "three")], lists="child_tables"
    )
    assert elements() == [(1, 0, 7), (1, 1, 8), (1, 2, 9), (2, 0, 7)]
    place.load(
        [deal(1, "older", MONDAY, [1]), deal(2, "newer", WEDNESDAY, []), deal(3, "3", WEDNESDAY, [5])],
        lists="child_tables",
    )
    assert elements() == [(1, 0, 7), (1, 1, 8), (1, 2, 9), (3, 0, 5)]
    place.load(deleted=[{"id": 1, "deleted_at": WEDNESDAY}], lists="child_tables")
    assert elements() == [(3, 0, 5)]
    place.load([deal(4, "four", MONDAY, [2])], write="replace", lists="child_tables")
    assert elements() == [(4, 0, 2)]


@pytest.mark.parametrize("lists", ["json", "child_tables"])
def test_a_table_that_was_empty_at_first_takes_rows_later(place: Place, lists: str) -> None:
    place.load([], write="replace", lists=lists)
    assert place.rows() == []
    place.load([deal(1, "one", TUESDAY, [4]), deal(2, "two", TUESDAY, [])], lists=lists)
    assert place.rows() == [(1, "one"), (2, "two")]
    if lists == "child_tables":
        assert place.rows("parent_id, position, value", "deals__label_ids") == [(1, 0, 4)]
    place.load([], write="replace", lists=lists)
    assert place.rows() == []


def test_lists_of_ids_of_labels_and_of_objects_are_arrays_of_json(place: Place) -> None:
    columns = [
        Column("id", "integer"),
        Column("ids", "list", items="integer"),
        Column("labels", "list", items="string"),
        Column("objects", "list", items="json"),
    ]
    row = {"id": 1, "ids": [7, 8], "labels": ["Größe"], "objects": [{"value": "a@b.c"}]}
    place.load([row, {"id": 2}], columns=columns, updated=None)
    kind = {"duckdb": "typeof", "postgres": "pg_typeof"}[place.destination.name.partition(":")[0]]
    texts = ", ".join(f"CAST({name} AS TEXT), CAST({kind}({name}) AS TEXT)" for name in ("ids", "labels", "objects"))
    first, second = place.rows(f"id, {texts}")
    assert [json.loads(text) for text in first[1::2]] == [row["ids"], row["labels"], row["objects"]]
    assert {text.lower() for text in first[2::2]} <= {"json", "jsonb"}
    assert second[1::2] == (None, None, None)


# ---- what is remembered


def test_what_is_remembered_comes_with_the_rows_and_needs_nothing_of_the_worker(place: Place) -> None:
    warehouse = Warehouse(place.destination, place.dataset)
    assert warehouse.load_state("deals") is None
    place.load([deal(1, "one")], load_state={"watermark": MONDAY})
    place.load([deal(2, "two")], load_state={"watermark": TUESDAY})
    assert warehouse.load_state("deals") == {"watermark": TUESDAY}
    assert warehouse.load_state("persons") is None
    broken = place.part([deal(3, "three")], COLUMNS)
    broken.write_bytes(broken.read_bytes()[:-20])
    with pytest.raises(PipedriveParameterError, match="is not a whole file of rows"):
        place.load(parts=[broken], load_state={"watermark": WEDNESDAY})
    assert warehouse.load_state("deals") == {"watermark": TUESDAY}


# ---- what can be wrong


def test_a_dataset_is_not_called_like_the_file() -> None:
    with pytest.raises(PipedriveParameterError, match=r"must not be called like the DuckDB file crm\.duckdb"):
        Warehouse(Destination("duckdb:////data/crm.duckdb"), "crm")


class _Looking(Warehouse):
    """Looks at DuckDB's log between the merge and the end of a load."""

    logged: int

    def _finish(self, *given: Any) -> None:
        log = Path(f"{self.destination.file}.wal")
        self.logged = log.stat().st_size if log.exists() else 0
        super()._finish(*given)


def test_the_rows_of_a_load_into_duckdb_are_not_written_to_its_log_first(tmp_path: Path) -> None:
    warehouse = _Looking(Destination(f"duckdb:///{tmp_path}/crm.duckdb"), "pipedrive")
    long = [Column("id", "integer"), Column("title", "string")]
    part = open_part(tmp_path / "deals.arrows", "arrows", long)
    part.write([{"id": number, "title": f"{number} " * 500} for number in range(1, 3_001)])
    part.close()
    writes: tuple[Write, ...] = ("replace", "merge")
    for write in writes:
        moment = datetime.fromisoformat(MONDAY)
        warehouse.load(EntityLoad("deals", ["id"], None, long, [tmp_path / "deals.arrows"], moment, write=write))
        assert warehouse.logged < 200_000  # of 7 MB
    assert warehouse.rows("deals") == 3_000


# ---- what it leaves alone


def test_a_load_calls_nobody_else_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code = f"""
import os, socket, sys, tempfile
from pathlib import Path
before = dict(os.environ)
def refuse(*_): raise AssertionError("a connection")
socket.socket.connect = refuse
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from tests.warehouse.test_merging import Destination, Place, deal
place = Place(Destination("duckdb:///crm.duckdb"), None, Path.cwd() / "parts", "pipedrive")
place.load([deal(1, "one")], load_state={{"watermark": "now"}})
assert dict(os.environ) == before
assert not [name for name in sys.modules if name == "airflow.models" or name.startswith("airflow.models.")]
"""
    for name in ("home", "temp", "parts"):
        (tmp_path / name).mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temp")}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, timeout=120)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["crm.duckdb", *(name for name in left if name.startswith("parts/"))]


def test_a_row_without_its_key_stops_no_load(place: Place) -> None:
    loaded = place.load([{"id": 1, "title": "whole"}, {"id": None, "title": "of nobody"}])
    assert place.rows() == [(1, "whole")]
    assert loaded.notes == ("deals: rows without id are left out (1): no table takes a row without its key.",)

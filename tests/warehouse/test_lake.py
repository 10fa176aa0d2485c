"""Tables in files on a local disk, read by those who know nothing of this package."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import PipedriveToWarehouseOperator
from airflow_provider_pipedrive.warehouse import DeltaLake, Destination, EntityLoad, IcebergLake, Loaded, TableStore
from tests.transfers.test_warehouse import context
from tests.warehouse.test_merging import COLUMNS, MONDAY, TUESDAY, WEDNESDAY, Place, deal

duckdb = pytest.importorskip("duckdb", reason="the extra warehouse is not installed")
polars = pytest.importorskip("polars")


class LakePlace(Place):
    """A dataset of tables in files.

    :ivar table_format: delta or iceberg
    """

    table_format = "delta"

    def load(
        self, *parts: Any, deleted: Any = (), columns: Any = COLUMNS, read_at: str = WEDNESDAY, **others: Any
    ) -> Loaded:
        tombstones = [Column("id", "integer"), Column("deleted_at", "timestamp")]
        load: dict[str, Any] = {
            "entity": "deals",
            "key": ["id"],
            "updated": "update_time",
            "columns": columns,
            "parts": [self.part(rows, columns) for rows in parts],
            "tombstones": [self.part(deleted, tombstones)] if deleted else [],
            "read_at": datetime.fromisoformat(read_at),
        }
        return self.lake().load(EntityLoad(**load | others))

    def lake(self) -> TableStore:
        """As a worker makes it that has never seen it."""
        if self.table_format == "delta":
            return DeltaLake(self.destination, self.dataset, compact=True)
        return IcebergLake(self.destination, self.dataset)

    def table(self, name: str = "deals") -> Any:
        """A table, as the format's own library has it, in pyarrow's words."""
        if self.table_format == "delta":
            address = f"{(self.destination.credentials or {})['bucket_url']}/{self.dataset}/{name}"
            return pytest.importorskip("deltalake").DeltaTable(address).to_pyarrow_table()
        catalog = pytest.importorskip("pyiceberg.catalog.sql").SqlCatalog("pipedrive", uri=self.destination.catalog)
        try:
            return catalog.load_table(f"{self.dataset}.{name}").scan().to_arrow()
        finally:
            catalog.close()


def lake_in(folder: Path, table_format: str) -> LakePlace:
    pytest.importorskip({"delta": "deltalake", "iceberg": "pyiceberg"}[table_format], reason="not installed")
    if table_format == "iceberg" and sqlalchemy.__version__ < "2":
        pytest.skip("pyiceberg's catalog needs SQLAlchemy 2")
    catalog = {"catalog": f"sqlite:///{folder / 'catalog.db'}"} if table_format == "iceberg" else {}
    destination = Destination("filesystem", {"bucket_url": (folder / "lake").as_uri(), **catalog})
    place = LakePlace(destination, lambda query: [], folder, "crm")
    place.table_format = table_format
    return place


@pytest.fixture(params=["delta", "iceberg"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> LakePlace:
    return lake_in(tmp_path, request.param)


def test_edits_deletions_and_new_columns_are_merged_and_older_rows_are_not(lake: LakePlace) -> None:
    lake.lake().check()
    gone = {"id": 9, "deleted_at": TUESDAY}
    lake.load([deal(1, "first", MONDAY, [1, 2]), deal(2, "gone", MONDAY), deal(3, "third", MONDAY)], deleted=[gone])
    new = [*COLUMNS, Column("city", "string")]
    edited = {**deal(1, "edited", TUESDAY), "city": "Αθήνα"}
    assert lake.load([edited], deleted=[{"id": 2, "deleted_at": TUESDAY}], columns=new).new_columns == ("city",)
    lake.load([deal(1, "old", MONDAY), deal(2, "read before its deletion", MONDAY)], read_at=MONDAY)
    found = polars.from_arrow(lake.table()).select("id", "title", "city").sort("id")
    assert found.rows() == [(1, "edited", "Αθήνα"), (3, "third", None)]
    deleted = duckdb.from_arrow(lake.table("deals__deleted")).order("id").fetchall()
    assert [row[0] for row in deleted] == [2, 9]


def test_lists_of_ids_of_labels_and_of_objects_are_texts_with_arrays_of_json(lake: LakePlace) -> None:
    columns = [
        Column("id", "integer"),
        Column("ids", "list", items="integer"),
        Column("labels", "list", items="string"),
        Column("objects", "list", items="json"),
    ]
    row = {"id": 1, "ids": [7, 8], "labels": ["Größe"], "objects": [{"value": "a@b.c"}, {"value": None}]}
    empty = {"id": 3, "ids": [], "labels": [], "objects": []}
    lake.load([row, {"id": 2}, empty], columns=columns, updated=None)
    lake.load([{"id": 1}, {**row, "id": 2}], columns=columns, updated=None)
    found = lake.table().sort_by("id").select(["ids", "labels", "objects"])
    # Iceberg's texts are long ones to pyarrow.
    assert {str(kind).removeprefix("large_") for kind in found.schema.types} == {"string"}
    first, second, third = (list(each.values()) for each in found.to_pylist())
    assert first == [None, None, None]
    assert [json.loads(text) for text in second] == [row["ids"], row["labels"], row["objects"]]
    assert third == ["[]", "[]", "[]"]


@pytest.mark.long
def test_a_whole_list_takes_the_place_of_the_table(lake: LakePlace) -> None:
    lake.load([deal(number, "first", MONDAY) for number in range(5)], load_state={"watermark": 1})
    lake.load([deal(7, "only", TUESDAY)], write="replace", load_state={"watermark": 2})
    assert lake.table().column("title").to_pylist() == ["only"]
    assert lake.lake().load_state("deals") == {"watermark": 2}
    assert list(lake.lake().landed("deals")) == [(7, None)]
    assert lake.lake().rows("deals") == 1


@pytest.mark.long
def test_the_same_load_twice_changes_nothing(lake: LakePlace) -> None:
    for _ in range(2):
        lake.load([deal(1, "first", MONDAY)], deleted=[{"id": 2, "deleted_at": TUESDAY}])
    assert lake.table().column("id").to_pylist() == [1]
    assert lake.table("deals__deleted").column("id").to_pylist() == [2]


def test_a_task_loads_delta_tables_and_then_what_changed(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_in(tmp_path, "delta")
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", (tmp_path / "lake").as_uri())
    given: dict[str, Any] = {"entities": ["deals"], "destination": "filesystem", "dataset": "crm"}
    task = PipedriveToWarehouseOperator(task_id="load", table_format="delta", **given)
    task.execute(context("monday"))
    titles = {row["id"]: row["title"] for row in lake.table().to_pylist()}
    edited, deleted = sorted(titles)[:2]
    sandbox.advance(120)
    sandbox.update("deals", edited, title="edited")
    sandbox.delete("deals", deleted)
    sandbox.advance(120)
    task.execute(context("tuesday"))
    after = {row["id"]: row["title"] for row in lake.table().to_pylist()}
    assert after == {**{number: title for number, title in titles.items() if number != deleted}, edited: "edited"}
    with pytest.raises(AirflowFailException, match="cannot merge rows"):
        PipedriveToWarehouseOperator(task_id="load", **given).execute(context("wednesday"))


@pytest.mark.parametrize("make", [DeltaLake, IcebergLake])
def test_a_lake_is_written_by_the_destination_filesystem(make: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="written by the destination 'filesystem', not 'postgres'"):
        make(Destination("postgres"), "crm")


def test_what_a_lake_does_not_hold_is_refused() -> None:
    for wrong, message in (
        ({"table_format": "hudi"}, "table_format must be delta, iceberg or None"),
        ({"compact": True}, "needs table_format='delta'"),
        ({"table_format": "delta", "lists": "child_tables"}, "lists='json' and versions='latest' only"),
        ({"table_format": "iceberg", "versions": "all"}, "lists='json' and versions='latest' only"),
        ({"table_format": "iceberg", "compact": True}, "needs table_format='delta'"),
        ({"table_format": "iceberg", "views": True}, "have no views"),
    ):
        with pytest.raises(PipedriveParameterError, match=message):
            PipedriveToWarehouseOperator(task_id="load", entities=["deals"], destination="filesystem", **wrong)  # type: ignore[arg-type]

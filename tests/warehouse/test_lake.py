"""Delta tables on a local disk, read by those who know nothing of this package."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import PipedriveToWarehouseOperator
from airflow_provider_pipedrive.warehouse import DeltaLake, Destination, EntityLoad, Loaded
from tests.transfers.test_warehouse import context
from tests.warehouse.test_merging import COLUMNS, MONDAY, TUESDAY, WEDNESDAY, Place, deal

duckdb = pytest.importorskip("duckdb", reason="the extra warehouse is not installed")
deltalake = pytest.importorskip("deltalake", reason="the extra delta is not installed")
polars = pytest.importorskip("polars")


class Lake(Place):
    """A dataset of Delta tables."""

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

    def lake(self) -> DeltaLake:
        """As a worker makes it that has never seen it."""
        return DeltaLake(self.destination, self.dataset, compact=True)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    destination = Destination("filesystem", {"bucket_url": (tmp_path / "lake").as_uri()})
    return Lake(destination, lambda query: [], tmp_path, "crm")


def table_of(tmp_path: Path, name: str = "deals") -> Any:
    return deltalake.DeltaTable(tmp_path / "lake" / "crm" / name)


def test_edits_deletions_and_new_columns_are_merged_and_older_rows_are_not(lake: Lake, tmp_path: Path) -> None:
    lake.lake().check()
    gone = {"id": 9, "deleted_at": TUESDAY}
    lake.load([deal(1, "first", MONDAY, [1, 2]), deal(2, "gone", MONDAY), deal(3, "third", MONDAY)], deleted=[gone])
    new = [*COLUMNS, Column("city", "string")]
    edited = {**deal(1, "edited", TUESDAY), "city": "Αθήνα"}
    assert lake.load([edited], deleted=[{"id": 2, "deleted_at": TUESDAY}], columns=new).new_columns == ("city",)
    lake.load([deal(1, "old", MONDAY), deal(2, "read before its deletion", MONDAY)], read_at=MONDAY)
    found = polars.from_arrow(table_of(tmp_path).to_pyarrow_table()).select("id", "title", "city").sort("id")
    assert found.rows() == [(1, "edited", "Αθήνα"), (3, "third", None)]
    deleted = duckdb.from_arrow(table_of(tmp_path, "deals__deleted").to_pyarrow_table()).order("id").fetchall()
    assert [row[0] for row in deleted] == [2, 9]


@pytest.mark.long
def test_a_whole_list_takes_the_place_of_the_table_and_is_joined_into_one_file(lake: Lake, tmp_path: Path) -> None:
    lake.load([deal(number, "first", MONDAY) for number in range(5)], load_state={"watermark": 1})
    lake.load([deal(7, "only", TUESDAY)], write="replace", load_state={"watermark": 2})
    assert table_of(tmp_path).to_pyarrow_table().column("title").to_pylist() == ["only"]
    assert len(table_of(tmp_path).file_uris()) == 1
    assert lake.lake().load_state("deals") == {"watermark": 2}
    assert list(lake.lake().landed("deals")) == [(7, None)]
    assert lake.lake().rows("deals") == 1


@pytest.mark.long
def test_the_same_load_twice_changes_nothing(lake: Lake, tmp_path: Path) -> None:
    for _ in range(2):
        lake.load([deal(1, "first", MONDAY)], deleted=[{"id": 2, "deleted_at": TUESDAY}])
    assert table_of(tmp_path).to_pyarrow_table().column("id").to_pylist() == [1]
    assert table_of(tmp_path, "deals__deleted").to_pyarrow_table().column("id").to_pylist() == [2]


def test_a_task_loads_delta_tables_and_then_what_changed(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", (tmp_path / "lake").as_uri())
    given: dict[str, Any] = {"entities": ["deals"], "destination": "filesystem", "dataset": "crm"}
    task = PipedriveToWarehouseOperator(task_id="load", table_format="delta", **given)
    task.execute(context("monday"))
    titles = {row["id"]: row["title"] for row in table_of(tmp_path).to_pyarrow_table().to_pylist()}
    edited, deleted = sorted(titles)[:2]
    sandbox.advance(120)
    sandbox.update("deals", edited, title="edited")
    sandbox.delete("deals", deleted)
    sandbox.advance(120)
    task.execute(context("tuesday"))
    after = {row["id"]: row["title"] for row in table_of(tmp_path).to_pyarrow_table().to_pylist()}
    assert after == {**{number: title for number, title in titles.items() if number != deleted}, edited: "edited"}
    with pytest.raises(AirflowFailException, match="cannot merge rows"):
        PipedriveToWarehouseOperator(task_id="load", **given).execute(context("wednesday"))


def test_what_a_delta_table_does_not_hold_is_refused() -> None:
    with pytest.raises(PipedriveParameterError, match="written by the destination 'filesystem', not 'postgres'"):
        DeltaLake(Destination("postgres"), "crm")
    for wrong, message in (
        ({"table_format": "hudi"}, "table_format must be delta or None"),
        ({"compact": True}, "needs table_format='delta'"),
        ({"table_format": "delta", "lists": "child_tables"}, "lists='json' and versions='latest' only"),
        ({"table_format": "delta", "versions": "all"}, "lists='json' and versions='latest' only"),
    ):
        with pytest.raises(PipedriveParameterError, match=message):
            PipedriveToWarehouseOperator(task_id="load", entities=["deals"], destination="filesystem", **wrong)  # type: ignore[arg-type]

"""The views of docs/extraction.md show the latest row of each record over all that was landed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers.object_storage import PipedriveToObjectStorageOperator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extraction.md"
DUCKDB, POSTGRES = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def land(folder: Path, partition: str) -> None:
    """One run that goes by its watermark."""
    PipedriveToObjectStorageOperator(
        task_id="changes", entities=["deals"], path=folder, mode="changes", partition=partition, format="parquet"
    ).execute({"ti": SimpleNamespace(map_index=-1), "run_id": partition})  # type: ignore[typeddict-item]


def test_in_duckdb_each_deal_has_the_title_that_it_has_in_pipedrive_and_no_deleted_one_is_there(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    hook = PipedriveHook()
    land(tmp_path / "crm", "run=1")
    first, second, *_ = (deal["id"] for deal in hook.iterate("getDeals"))
    for number, (deal, title) in enumerate([(first, "Once"), (second, "Once"), (first, "Twice")], start=2):
        sandbox.advance(3600)
        sandbox.update("deals", deal, title=title)
        sandbox.advance(3600)
        land(tmp_path / "crm", f"run={number}")
    hook.run("deleteDeal", {"id": second})
    sandbox.advance(60)
    land(tmp_path / "crm", "run=5")
    leftover = next((tmp_path / "crm" / "deals" / "run=1").glob("part-*"))
    leftover.with_name("part-00009-00000000.parquet").write_bytes(leftover.read_bytes())  # named by no manifest

    connection = duckdb.connect()
    connection.execute(DUCKDB)
    assert "run" not in [name for name, *_ in connection.execute("DESCRIBE deals").fetchall()]
    found: list[Any] = connection.execute("SELECT id, title FROM deals ORDER BY id").fetchall()
    assert second not in dict(found)
    assert found == sorted((deal["id"], deal["title"]) for deal in hook.iterate("getDeals"))
    assert dict(found)[first] == "Twice"


def test_the_view_for_postgres_leaves_out_what_was_deleted_later() -> None:
    """DuckDB reads the same statement, and stands in where no server runs."""
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute("CREATE TABLE deals_landed (id BIGINT, title TEXT, update_time TIMESTAMPTZ)")
    connection.execute("CREATE TABLE deals_tombstones (id BIGINT, deleted_at TIMESTAMPTZ)")
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    hour = timedelta(hours=1)
    rows = [(1, "old", noon), (1, "new", noon + hour), (2, "gone", noon), (3, "restored", noon + hour), (4, "?", None)]
    connection.executemany("INSERT INTO deals_landed VALUES (?, ?, ?)", rows)
    connection.executemany("INSERT INTO deals_tombstones VALUES (?, ?)", [(2, noon + hour), (3, noon)])
    connection.execute(POSTGRES)
    found = connection.execute("SELECT id, title FROM deals ORDER BY id").fetchall()
    assert found == [(1, "new"), (3, "restored"), (4, "?")]


def test_in_duckdb_custom_fields_that_are_called_like_what_the_view_adds_can_be_read(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    hook = PipedriveHook()
    columns: dict[str, str] = {}
    for name in ("Deleted at", "Filename", "Is tombstone", "Run"):
        field = hook.run("addDealField", {"field_name": name, "field_type": "varchar"})
        columns[field["field_code"]] = f"{name.lower().replace(' ', '_')}_{field['field_code'][:8]}"
    deal, deleted, *_ = (deal["id"] for deal in hook.iterate("getDeals"))
    hook.run("updateDeal", {"id": deal, "custom_fields": dict.fromkeys(columns, "what people wrote")})
    sandbox.advance(60)
    land(tmp_path / "crm", "run=1")
    hook.run("deleteDeal", {"id": deleted})
    sandbox.advance(60)
    land(tmp_path / "crm", "run=2")
    connection = duckdb.connect()
    connection.execute(DUCKDB)
    found = connection.execute(f"SELECT {', '.join(columns.values())} FROM deals WHERE id = {deal}").fetchall()
    assert found == [("what people wrote",) * 4]
    assert connection.execute(f"SELECT count(*) FROM deals WHERE id = {deleted}").fetchall() == [(0,)]

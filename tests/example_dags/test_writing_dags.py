"""The example DAGs that write rows, run task by task against the sandbox."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox

EXAMPLES = Path(__file__).resolve().parents[2] / "example_dags"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # as Airflow does: Pydantic looks up there what a class's annotations name
    spec.loader.exec_module(module)
    return module


class TaskInstance:
    map_index = -1

    def xcom_push(self, key: str, value: Any) -> None:
        pass


def run_dag(name: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Run a DAG's tasks in their order; the receipt of each."""
    receipts = {}
    for task in loaded(name).dag.topological_sort():
        task.folder = str(folder / task.task_id)
        context: Any = {"ti": TaskInstance(), "run_id": "manual"}
        receipts[task.task_id] = task.execute(context)
    return receipts


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of SQLite behind the connection ``warehouse``."""
    file = tmp_path / "warehouse.sqlite"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(file)}))
    return file


def table(file: Path, declaration: str, rows: list[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"CREATE TABLE {declaration}")
        name = declaration.split(" ")[0]
        database.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' for _ in rows[0])})", rows)


def test_scores_of_a_database_come_to_their_deals(sandbox: Sandbox, warehouse: Path, tmp_path: Path) -> None:
    table(warehouse, "deal_scores (deal_id INTEGER, seats REAL, segment TEXT)", [(1, 25, "Large"), (2, 5, "Small")])

    receipts = run_dag("pipedrive_scores", tmp_path)

    assert receipts["scores"]["updated"] == 2
    assert PipedriveHook().run("getDeal", {"id": 1}, readable=True)["custom_fields"]["Segment"] == "Large"


def test_inbound_leads_make_each_person_organization_and_lead_once(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    rows = "mail,name,company,subject,manager\neva@new.example,Eva Example,New Ltd,Wants an offer,\n"
    (drop / "monday.csv").write_text(rows)
    monkeypatch.setenv("PIPEDRIVE_EXAMPLE_DROP", str(drop))

    first = run_dag("pipedrive_inbound_leads", tmp_path / "first")
    again = run_dag("pipedrive_inbound_leads", tmp_path / "again")

    assert (first["people"]["created"], first["people"]["related_created"], first["leads"]["created"]) == (1, 1, 1)
    assert (again["people"]["created"], again["leads"]["created"], again["leads"]["unchanged"]) == (0, 0, 1)


def test_the_payment_status_comes_to_the_deal_with_the_contract_number(
    sandbox: Sandbox, warehouse: Path, tmp_path: Path
) -> None:
    hook = PipedriveHook()
    hook.run("updateDeal", {"id": 1, "status": "won", "custom_fields": {"Contract number": "C-77"}})
    table(warehouse, "invoices (contract TEXT, paid_on TEXT)", [("C-77", "2026-11-01"), ("C-unknown", "2026-11-02")])

    receipts = run_dag("pipedrive_payment_status", tmp_path)

    assert (receipts["payments"]["updated"], receipts["payments"]["rejected"]) == (1, 1)
    assert hook.run("getDeal", {"id": 1}, readable=True)["custom_fields"]["Renewal date"] == "2026-11-01"


def test_the_price_list_is_mirrored_as_the_dry_run_has_shown(sandbox: Sandbox, warehouse: Path, tmp_path: Path) -> None:
    products = [product for product in sandbox.records("products").values() if product["unit"] == "piece"]
    kept = [(product["code"], f"{product['name']} 2027") for product in products[:-1]]
    table(warehouse, "price_list (code TEXT, name TEXT)", kept)

    receipts = run_dag("pipedrive_price_list", tmp_path)

    counts = ("created", "updated", "deleted")
    assert [receipts["look"][name] for name in counts] == [receipts["write"][name] for name in counts]
    assert receipts["write"]["deleted"] == 1

"""The example DAGs that extract do what they say, task by task."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pipedrive.extraction.output.formats import read_rows
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox

DAGS = Path(__file__).resolve().parents[2] / "example_dags"
RUN: Any = {"ti": SimpleNamespace(map_index=-1, dag_id="dag"), "run_id": "run"}


def declared(name: str, params: dict[str, Any]) -> Any:
    """An example DAG, whose tasks see the params."""
    names = runpy.run_path(str(DAGS / f"{name}.py"))
    names[name].__wrapped__.__globals__["get_current_context"] = lambda: {**RUN, "params": params}
    return names[name]()


def rows(folder: Path) -> list[dict[str, Any]]:
    manifest = json.loads((folder / "_manifest.json").read_text())
    return [row for part in manifest["parts"] for row in read_rows(folder / part["name"], manifest["format"])]


def test_the_views_of_a_snapshot_outlive_its_files(sandbox: Sandbox, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    folder = tmp_path / "it's"
    dag = declared("pipedrive_crm_snapshot", {})
    snapshot, views = dag.get_task("snapshot"), dag.get_task("views").python_callable
    snapshot.render_template_fields({"params": {"connection": "pipedrive_default", "folder": str(folder)}})
    deal = next(PipedriveHook().iterate("getDeals"))["id"]
    for title in ("First", "Second"):
        sandbox.update("deals", deal, title=title)
        assert views(snapshot.execute(RUN)).removeprefix("file://") == str(folder / "crm.sql")
        connection = duckdb.connect()
        connection.execute((folder / "crm.sql").read_text())
        assert connection.execute("SELECT title FROM deals WHERE id = ?", [deal]).fetchall() == [(title,)]


def test_a_year_is_loaded_run_by_run_within_the_tokens_of_each(sandbox: Sandbox, tmp_path: Path) -> None:
    deals = [deal["id"] for deal in PipedriveHook().iterate("getDeals")]
    for number, deal in enumerate(deals):
        sandbox.update("deals", deal, update_time=f"2020-{number % 12 + 1:02}-15T10:00:00Z")
    params = {"connection": "pipedrive_default", "folder": str(tmp_path), "year": 2020, "tokens_a_day": 500}
    load = declared("pipedrive_backfill_year", params).get_task("load").python_callable
    to_come = []
    while not to_come or to_come[-1]:
        before = sum(request.tokens for request in sandbox.requests)
        to_come.append(len(load()["to_come"]))
        assert sum(request.tokens for request in sandbox.requests) - before <= 500
        assert len(to_come) < 10
    assert to_come == sorted(set(to_come), reverse=True), "each run comes further"
    assert len(to_come) > 2
    months = {f"2020-{month:02}": rows(tmp_path / "deals" / f"month=2020-{month:02}") for month in range(1, 13)}
    assert sorted(row["id"] for landed in months.values() for row in landed) == sorted(deals)
    assert {row["update_time"][:7] == month for month, landed in months.items() for row in landed} == {True}
    spent = len(sandbox.requests)
    assert load() == {"to_come": [], "tokens": 0}
    assert len(sandbox.requests) == spent


def test_each_entity_is_a_task_of_its_own() -> None:
    task = declared("pipedrive_mapped_entities", {}).get_task("extract")
    assert task.expand_input.value["entities"][:2] == [["deals"], ["persons"]]
    assert (task.partial_kwargs["concurrency"], task.partial_kwargs["max_active_tis_per_dagrun"]) == (4, 4)

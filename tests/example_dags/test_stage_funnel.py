"""The example DAG of the stage funnel, task by task."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox

DAG = Path(__file__).resolve().parents[2] / "example_dags" / "pipedrive_stage_funnel.py"


def test_two_nights_make_a_mart_and_a_picture_of_the_funnel(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = runpy.run_path(str(DAG))
    params = {"connection": "pipedrive_default", "folder": str(tmp_path), "history_tokens": 5000}
    declared["pipedrive_stage_funnel"].__wrapped__.__globals__["get_current_context"] = lambda: {"params": params}
    dag = declared["pipedrive_stage_funnel"]()
    deal = next(d for d in sandbox.records("deals").values() if d["status"] == "open" and not d["is_archived"])
    stages = [
        s["id"] for s in sandbox.records("stages").values() if s["pipeline_id"] == deal["pipeline_id"]
    ]  # in their order
    target = next(stage for stage in stages if stage != deal["stage_id"])

    rows: list[dict[str, Any]] = []
    for night in ("manual__2026-01-01T00:00:00+00:00", "manual__2026-01-02T00:00:00+00:00"):
        receipts = {}
        for name in ("read_deals", "read_moves"):
            task = dag.get_task(name)
            context = {"ti": MagicMock(map_index=-1, try_number=1), "run_id": night, "params": params}
            context["dag_run"] = MagicMock(run_id=night)
            fresh = runpy.run_path(str(DAG))["pipedrive_stage_funnel"]().get_task(name)
            fresh.render_template_fields(context)
            receipts[task.task_id] = fresh.execute(context)
        rows = dag.get_task("make_mart").python_callable(receipts["read_deals"])
        sandbox.advance(86400)
        sandbox.move_deal(deal["id"], target if night.startswith("manual__2026-01-01") else deal["stage_id"])

    assert sum(row["open_deals"] for row in rows) == sum(
        d["status"] == "open" and not d["is_archived"] and not d["is_deleted"]
        for d in sandbox.records("deals").values()
    )
    assert (tmp_path / "mart" / "funnel.svg").read_text().startswith("<svg")
    assert len((tmp_path / "mart" / "stages.jsonl").read_text().splitlines()) == len(rows)
    moves = [
        json.loads(line)
        for path in (tmp_path / "observed_stage_history").glob("run=*/part-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert [(move["deal_id"], move["from_stage_id"], move["to_stage_id"]) for move in moves] == [
        (deal["id"], deal["stage_id"], target)
    ]

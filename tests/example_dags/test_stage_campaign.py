"""The example DAG of campaign steps does what it says, task by task."""

from __future__ import annotations

import json
import runpy
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.events.changes.model import make_change
from airflow_provider_pipedrive.sandbox import Sandbox

DAG_FILE = Path(__file__).resolve().parents[2] / "example_dags" / "pipedrive_stage_campaign.py"


@pytest.fixture
def campaign() -> Iterator[tuple[str, dict[str, Any]]]:
    """A service that keeps what is put, and its address."""
    kept: dict[str, Any] = {}

    class Service(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            kept[self.path] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", kept
        server.shutdown()


def test_contacts_enter_the_step_of_the_stage_their_deal_has_come_to_and_other_steps_do_not_run(
    sandbox: Sandbox, campaign: tuple[str, dict[str, Any]]
) -> None:
    url, kept = campaign
    declared = runpy.run_path(str(DAG_FILE))
    dag = declared["pipedrive_stage_campaign"]()
    stages = {stage["name"]: stage["id"] for stage in sandbox.records("stages").values()}
    stage, step = next((name, step) for name, step in declared["STEPS"].items() if name in stages)
    values = {"stage_id": stages[stage], "person_id": 7, "title": "Ovens"}
    move = make_change("deals", 17, ["stage_moved"], "2026-05-04T10:20:30Z", values)
    elsewhere = make_change("deals", 18, ["stage_moved"], "2026-05-04T10:20:30Z", {**values, "stage_id": -1})
    batches = [{"changes": [move.to_json(), elsewhere.to_json()]}]

    contacts = dag.get_task("by_step").python_callable(batches)
    assert dag.get_task("choose").python_callable(contacts) == [step]
    enter = dag.get_task(step).python_callable
    enter.__globals__["get_current_context"] = lambda: {"params": {"campaign": url}}
    assert [enter(step, contacts), enter(step, contacts)] == [1, 1]
    key = move.event_id.replace("/", "-")
    assert kept == {f"/{step}/{key}": {"key": key, "person_id": 7, "deal": "Ovens"}}


def test_a_run_without_moves_runs_no_step(sandbox: Sandbox) -> None:
    dag = runpy.run_path(str(DAG_FILE))["pipedrive_stage_campaign"]()
    assert dag.get_task("choose").python_callable(dag.get_task("by_step").python_callable([])) == []

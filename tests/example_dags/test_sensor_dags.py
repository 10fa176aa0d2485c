"""The example DAGs around sensors do what they say, task by task."""

from __future__ import annotations

import json
import runpy
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.sandbox import Sandbox

DAGS = Path(__file__).resolve().parents[2] / "example_dags"


def dag_of(name: str, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]) -> Any:
    """An example DAG, whose tasks see the params."""
    declared = runpy.run_path(str(DAGS / f"{name}.py"))
    for task in declared[name].__wrapped__.__globals__, declared:
        task["get_current_context"] = lambda: {"params": params}
    return declared[name]()


@pytest.fixture
def invoices() -> Iterator[tuple[str, dict[str, Any]]]:
    """A service that keeps one invoice under each key, and its address."""
    kept: dict[str, Any] = {}

    class Service(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            invoice = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.setdefault(self.path, {**invoice, "number": f"R-{len(kept) + 1}"})
            body = json.dumps(kept[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", kept
        server.shutdown()


def test_a_won_deal_gets_one_invoice_and_its_number_even_if_it_comes_twice(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, invoices: tuple[str, dict[str, Any]]
) -> None:
    url, kept = invoices
    deal = next(d for d in sandbox.records("deals").values() if d["status"] == "open" and not d["is_archived"])
    field = PipedriveHook().run("addDealField", {"field_name": "Invoice", "field_type": "varchar"})["field_code"]
    declared = dag_of("pipedrive_deal_won", monkeypatch, {"invoices": url, "field": field})
    sensor = declared.get_task("won")
    sensor.since = datetime.now(UTC).replace(microsecond=0)
    sandbox.update("deals", deal["id"], status="won")
    write_invoice = declared.get_task("write_invoice").python_callable
    for _ in range(2):
        (won,) = sensor.execute({"ti": SimpleNamespace()})
        changes = write_invoice(won)
        PipedriveOperator(task_id="write_back", action="updateDeal", parameters=changes).execute(
            {"ti": SimpleNamespace(xcom_push=lambda key, value: None)}  # type: ignore[typeddict-item]
        )
    assert [(invoice["text"], invoice["amount"]) for invoice in kept.values()] == [(deal["title"], deal["value"])]
    assert sandbox.records("deals")[deal["id"]]["custom_fields"][field] == "R-1"


def test_the_digest_names_the_deals_that_nobody_touched_and_no_others(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = dag_of("pipedrive_stale_deals", monkeypatch, {"connection": "pipedrive_default", "days": 30})
    border = datetime.now(UTC).timestamp() - 30 * 86_400
    planned = {a["deal_id"] for a in sandbox.records("activities").values() if not a["done"] and not a["is_deleted"]}
    stale = {
        deal["id"]
        for deal in sandbox.records("deals").values()
        if deal["status"] == "open"
        and not deal["is_archived"]
        and datetime.fromisoformat(deal["update_time"]).timestamp() < border
        and deal["id"] not in planned
    }
    owners = declared.get_task("digest").python_callable()
    assert stale
    assert {deal["id"] for owner in owners for deal in owner["first"]} == stale
    text = declared.get_task("tell").python_callable(owners)
    assert text.splitlines()[0] == f"{owners[0]['owner']}: {owners[0]['deals']} deals, " + ", ".join(
        f"{value:,.2f} {currency}" for currency, value in owners[0]["value"].items()
    )

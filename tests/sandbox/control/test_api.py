"""The control API under ``/_sandbox/``."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api, control


def test_the_control_api_does_the_same(api: Api, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    stage = next(key for key in sandbox.records("stages") if key != deal["stage_id"])
    moved = control(sandbox, "POST", "move_deal", json={"deal_id": deal["id"], "stage_id": stage})
    assert moved["stage_id"] == stage
    fields = {"entity": "deals", "id": deal["id"], "fields": {"title": "Changed"}}
    assert control(sandbox, "POST", "update", json=fields)["title"] == "Changed"
    file = control(sandbox, "POST", "add_file", json={"name": "a.txt", "content": "abc", "deal_id": deal["id"]})
    assert api.get(f"/v1/files/{file['id']}/download").content == b"abc"
    control(sandbox, "POST", "delete", json={"entity": "deals", "id": deal["id"]})
    assert sandbox.records("deals")[deal["id"]]["is_deleted"] is True


def test_the_control_api_plans_faults_and_moves_the_clock(api: Api, sandbox: Sandbox) -> None:
    control(sandbox, "POST", "faults", json={"path": "/api/v2/deals", "kind": "500", "count": 2})
    assert [fault["kind"] for fault in control(sandbox, "GET", "faults")] == ["500"]
    assert api.get("/api/v2/deals").status_code == 500
    control(sandbox, "DELETE", "faults")
    assert api.get("/api/v2/deals").status_code == 200
    assert control(sandbox, "POST", "advance", json={"seconds": 86_400})["now"].endswith("Z")
    assert [row["status"] for row in control(sandbox, "GET", "requests")] == [500, 200]
    assert control(sandbox, "GET", "counters")["faults"] == {}
    control(sandbox, "POST", "reset")
    assert control(sandbox, "GET", "counters")["requests"] == 0


def test_the_state_tells_which_records_a_full_read_must_give(api: Api, sandbox: Sandbox) -> None:
    sandbox.delete("deals", 1)
    ids = [deal["id"] for deal in api.data("/api/v2/deals", limit=500)]
    state = control(sandbox, "GET", "state", params={"entity": "deals"})
    digest = hashlib.sha256("".join(f"{key}\n" for key in ids).encode()).hexdigest()
    assert (state["count"], state["sha256"], state["ids"]) == (len(ids), digest, ids)
    assert control(sandbox, "GET", "state")["deals"] == len(sandbox.records("deals"))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("nothing", {}, 404),
        ("faults", {"path": "*", "kind": "explode"}, 400),
        ("faults", {"colour": "red"}, 400),
        ("advance", {"seconds": -1}, 400),
        ("update", {"entity": "deals", "id": 999_999, "fields": {}}, 404),
        ("move_deal", {"deal_id": 1, "stage_id": 999_999}, 400),
    ],
)
def test_the_control_api_says_what_is_wrong(path: str, body: dict[str, Any], status: int, sandbox: Sandbox) -> None:
    answer = requests.post(f"{sandbox.url}/_sandbox/{path}", json=body, timeout=10)
    assert answer.status_code == status
    assert answer.json()["error"]

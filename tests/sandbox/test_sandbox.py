"""What a test does to the sandbox: by the object, and by the control API."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sandbox.state.settings import Settings
from tests.sandbox.conftest import Api


def control(sandbox: Sandbox, method: str, path: str, **options: Any) -> Any:
    """A request to the control API; no credentials are needed."""
    answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", timeout=10, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_a_reset_brings_everything_back(api: Api, sandbox: Sandbox) -> None:
    before = {name: api.data(f"/api/v2/{name}", limit=500) for name in ("deals", "persons", "dealFields")}
    api.post("/api/v2/deals", {"title": "New"})
    api.delete("/api/v2/persons/1")
    api.post("/api/v2/dealFields", {"field_name": "New", "field_type": "varchar"})
    sandbox.fault("*", "500", count=None)
    sandbox.advance(1000)
    sandbox.reset()
    assert {name: api.data(f"/api/v2/{name}", limit=500) for name in before} == before
    assert len(sandbox.requests) == len(before)


def test_the_log_has_what_was_sent_and_what_was_answered(api: Api, sandbox: Sandbox) -> None:
    api.get("/api/v2/deals", limit=1, status="open,won")
    api.post("/api/v2/deals", {"title": 5})
    api("POST", "/v1/files", files={"file": ("a.txt", b"abc")}, data={"deal_id": "1"})
    listed, refused, uploaded = sandbox.requests
    assert (listed.method, listed.path) == ("GET", "/api/v2/deals")
    assert listed.query == [("limit", "1"), ("status", "open,won")]
    assert (listed.status, listed.tokens) == (200, 10)
    assert listed.headers["x-api-token"] == sandbox.api_token
    assert (refused.body, refused.status, refused.tokens) == ({"title": 5}, 400, 5)
    assert uploaded.body == {"deal_id": "1", "file": {"filename": "a.txt", "size": 3}}


def test_counters_add_up(api: Api, sandbox: Sandbox) -> None:
    api.get("/api/v2/deals")
    api.get("/api/v2/deals/999999")
    counters = sandbox.counters()
    assert (counters["requests"], counters["tokens"]) == (2, 11)
    assert (counters["status 200"], counters["status 404"]) == (1, 1)


def test_a_record_is_changed_and_deleted_as_a_person_would(api: Api, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    sandbox.advance(5)
    sandbox.update("deals", deal["id"], title="Changed")
    after = api.data(f"/api/v2/deals/{deal['id']}")
    assert after["title"] == "Changed"
    assert after["update_time"] > deal["update_time"]
    change = api.data(f"/v1/deals/{deal['id']}/changelog")[0]
    assert (change["field_key"], change["change_source"]) == ("title", "app")
    sandbox.delete("deals", deal["id"])
    assert api.data(f"/api/v2/deals/{deal['id']}")["is_deleted"] is True


def test_what_is_not_there_is_an_error_that_says_what_is(sandbox: Sandbox) -> None:
    with pytest.raises(LookupError, match="deals"):
        sandbox.records("deal")
    with pytest.raises(LookupError, match="999999"):
        sandbox.update("deals", 999_999, title="x")
    with pytest.raises(ValueError, match="forward"):
        sandbox.advance(-1)


def test_the_clock_is_in_the_date_header_and_in_new_records(api: Api, sandbox: Sandbox) -> None:
    before = api.post("/api/v2/persons", {"name": "New"}).json()["data"]["add_time"]
    sandbox.advance(10 * 86_400)
    answer = api.post("/api/v2/persons", {"name": "New"})
    after = answer.json()["data"]["add_time"]
    assert after[:10] > before[:10]
    assert f"{int(after[8:10]):02d} " in answer.headers["date"]


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


def test_two_sandboxes_of_one_seed_are_the_same_company() -> None:
    with Sandbox(deals=5, seed=3) as one, Sandbox(deals=5, seed=3) as two, Sandbox(deals=5, seed=4) as other:
        titles = [[deal["title"] for deal in box.records("deals").values()] for box in (one, two, other)]
        assert one.url != two.url
    assert titles[0] == titles[1]
    assert titles[0] != titles[2]


def test_neither_the_log_nor_the_settings_show_a_secret(api: Api, sandbox: Sandbox) -> None:
    api.get("/v1/users/me")
    api("POST", "/oauth/token", data={"refresh_token": sandbox.refresh_token, "client_secret": sandbox.client_secret})
    shown = repr(sandbox.requests) + repr(Settings())
    for secret in (sandbox.api_token, sandbox.client_secret, sandbox.refresh_token):
        assert secret not in shown

"""What shall happen later."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api

DEAL = "/api/v2/deals/1"


def other_stage(sandbox: Sandbox) -> int:
    deal = sandbox.records("deals")[1]
    return next(s["id"] for s in sandbox.records("stages").values() if s["id"] != deal["stage_id"])


def test_a_deal_reaches_a_stage_after_so_many_reads(api: Api, sandbox: Sandbox) -> None:
    before, after = sandbox.records("deals")[1]["stage_id"], other_stage(sandbox)
    sandbox.plan("move_deal", after_reads=2, path="/api/v2/deals*", deal_id=1, stage_id=after)
    api.get("/api/v2/stages")
    seen = [api.get(DEAL).json()["data"]["stage_id"] for _ in range(4)]
    assert seen == [before, before, after, after]


def test_what_is_planned_for_a_time_happens_when_the_clock_gets_there(sandbox: Sandbox) -> None:
    after = other_stage(sandbox)
    sandbox.plan("move_deal", after_seconds=60, deal_id=1, stage_id=after)
    sandbox.advance(59)
    assert sandbox.records("deals")[1]["stage_id"] != after
    sandbox.advance(1)
    assert sandbox.records("deals")[1]["stage_id"] == after


def test_it_happens_by_itself_when_that_time_has_passed(sandbox: Sandbox) -> None:
    happened = threading.Event()
    sandbox._world.state.listeners.append(lambda event: happened.set())
    sandbox.plan("update", after_seconds=0.01, entity="deals", id=1, fields={"title": "Later"})
    assert happened.wait(10)
    sandbox._world.state.listeners.pop()
    assert sandbox.records("deals")[1]["title"] == "Later"


def test_files_edits_deletions_and_merges_can_be_planned(api: Api, sandbox: Sandbox) -> None:
    sandbox.plan("add_file", after_reads=0, name="signed.pdf", content="%PDF", deal_id=1)
    sandbox.plan("update", after_reads=0, entity="persons", id=1, fields={"name": "Ada"})
    sandbox.plan("delete", after_reads=0, entity="deals", id=2)
    sandbox.plan("merge", after_reads=0, entity="deals", id=3, into=4)
    assert [file["name"] for file in api.get("/v1/deals/1/files").json()["data"]][-1] == "signed.pdf"
    assert api.get("/api/v2/persons/1").json()["data"]["name"] == "Ada"
    assert api.get("/api/v2/deals/2").json()["data"]["is_deleted"] is True
    assert api.get("/api/v2/deals/3").status_code == 404


def test_the_control_api_plans_and_merges_too(api: Api, sandbox: Sandbox) -> None:
    after = other_stage(sandbox)
    plan = {"do": "move_deal", "deal_id": 1, "stage_id": after, "after_reads": 0, "path": DEAL}
    assert api.post("/_sandbox/plan", plan).json()["data"]["options"] == {"deal_id": 1, "stage_id": after}
    assert len(api.get("/_sandbox/plans").json()["data"]) == 1
    assert api.get(DEAL).json()["data"]["stage_id"] == after
    assert api.get("/_sandbox/plans").json()["data"] == []
    assert api.post("/_sandbox/merge", {"entity": "deals", "id": 3, "into": 4}).json()["data"]["id"] == 4


def test_a_reset_forgets_the_plans(sandbox: Sandbox) -> None:
    sandbox.plan("delete", after_seconds=60, entity="deals", id=1)
    sandbox.reset()
    sandbox.advance(60)
    assert sandbox.records("deals")[1]["is_deleted"] is False


@pytest.mark.parametrize(
    ("plan", "advice"),
    [
        ({"do": "win", "after_reads": 1}, "cannot plan 'win', only: move_deal, update"),
        ({"do": "delete"}, "after_reads or after_seconds"),
        ({"do": "delete", "after_reads": 1, "after_seconds": 1}, "one of them"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(plan: dict[str, object], advice: str, api: Api) -> None:
    answer = api.post("/_sandbox/plan", plan)
    assert answer.status_code in (400, 404)
    assert advice in answer.text

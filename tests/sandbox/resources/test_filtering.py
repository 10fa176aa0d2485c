"""What narrows a list."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api, ids, living, walk


def test_filters_narrow_together(api: Api, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    rows = walk(api, "/api/v2/deals", owner_id=deal["owner_id"], status="open,won", stage_id=deal["stage_id"])
    assert deal["id"] in ids(rows)
    assert {(r["owner_id"], r["stage_id"]) for r in rows} == {(deal["owner_id"], deal["stage_id"])}
    assert {r["status"] for r in rows} <= {"open", "won"}


def test_updated_since_takes_its_moment_in_and_updated_until_leaves_it_out(api: Api, sandbox: Sandbox) -> None:
    api.patch("/api/v2/persons/1", {"name": "Touched"})
    moment = sandbox.records("persons")[1]["update_time"]
    assert 1 in ids(walk(api, "/api/v2/persons", updated_since=moment))
    assert 1 not in ids(walk(api, "/api/v2/persons", updated_until=moment))


def test_a_filter_silently_overrides_the_other_filters_but_not_the_order(api: Api, sandbox: Sandbox) -> None:
    stage = next(iter(sandbox.records("stages")))
    condition = {"object": "deal", "field_id": "stage_id", "operator": "=", "value": stage, "extra_value": None}
    conditions = {"glue": "and", "conditions": [{"glue": "and", "conditions": [condition]}]}
    body = {"name": "One stage", "type": "deals", "conditions": conditions}
    key = api.post("/v1/filters", body).json()["data"]["id"]
    rows = walk(api, "/api/v2/deals", filter_id=key, ids="999999", owner_id=1, sort_direction="desc")
    assert {row["stage_id"] for row in rows} == {stage}
    assert ids(rows) == sorted(ids(rows), reverse=True)
    assert len({row["owner_id"] for row in rows}) > 1


def test_persons_of_a_deal_are_its_contact_and_its_participants(
    api: Api, sandbox: Sandbox, deal: dict[str, Any]
) -> None:
    other = next(key for key in living(sandbox, "persons") if key != deal["person_id"])
    api.post(f"/v1/deals/{deal['id']}/participants", {"person_id": other})
    assert {deal["person_id"], other} <= set(ids(walk(api, "/api/v2/persons", deal_id=deal["id"])))

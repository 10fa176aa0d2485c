"""One change follows from another: deals and their parts, merges, conversions, logs."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.sandbox.conftest import Api


def a_product(api: Api, **fields: Any) -> int:
    return int(api.post("/api/v2/products", {"name": "New", **fields}).json()["data"]["id"])


@pytest.fixture
def bare(api: Api) -> int:
    """A new deal without anything."""
    return int(api.post("/api/v2/deals", {"title": "Bare"}).json()["data"]["id"])


def test_a_stage_brings_its_pipeline_and_the_time_of_the_change(
    api: Api, sandbox: Sandbox, deal: dict[str, Any]
) -> None:
    stage = next(s for s in sandbox.records("stages").values() if s["id"] != deal["stage_id"])
    sandbox.advance(60)
    after = api.patch(f"/api/v2/deals/{deal['id']}", {"stage_id": stage["id"], "pipeline_id": 1}).json()["data"]
    assert (after["stage_id"], after["pipeline_id"]) == (stage["id"], stage["pipeline_id"])
    assert after["stage_change_time"] == after["update_time"] > deal["update_time"]


def test_winning_losing_and_reopening_set_their_times(api: Api, bare: int) -> None:
    path = f"/api/v2/deals/{bare}"
    won = api.patch(path, {"status": "won"}).json()["data"]
    assert won["won_time"] == won["close_time"] is not None
    lost = api.patch(path, {"status": "lost", "lost_reason": "price"}).json()["data"]
    assert (lost["won_time"], lost["lost_reason"]) == (None, "price")
    assert lost["lost_time"] == lost["close_time"] is not None
    open_again = api.patch(path, {"status": "open"}).json()["data"]
    assert (open_again["lost_time"], open_again["close_time"], open_again["lost_reason"]) == (None, None, None)


def test_a_move_by_hand_is_in_the_deals_changelog_newest_first(
    api: Api, sandbox: Sandbox, deal: dict[str, Any]
) -> None:
    stages = [key for key in sandbox.records("stages") if key != deal["stage_id"]][:2]
    for stage in stages:
        sandbox.advance(60)
        sandbox.move_deal(deal["id"], stage)
    rows = api.data(f"/v1/deals/{deal['id']}/changelog")
    moves = [(row["old_value"], row["new_value"]) for row in rows if row["field_key"] == "stage_id"]
    assert moves[:2] == [(str(stages[0]), str(stages[1])), (str(deal["stage_id"]), str(stages[0]))]
    flow = api.data(f"/v1/deals/{deal['id']}/flow", items="dealChange")
    assert {row["object"] for row in flow} == {"dealChange"}


def test_the_value_of_a_deal_follows_its_products_and_discounts(api: Api, bare: int) -> None:
    path = f"/api/v2/deals/{bare}"
    line = {"product_id": a_product(api), "item_price": 100, "quantity": 2, "discount": 10}
    row = api.post(f"{path}/products", line).json()["data"]
    assert (row["sum"], api.data(path)["value"]) == (180, 180)
    api.patch(f"{path}/products/{row['id']}", {"quantity": 3})
    assert api.data(path)["value"] == 270
    discount = {"description": "x", "amount": 50, "type": "percentage"}
    api.post(f"{path}/discounts", discount)
    assert api.data(path)["value"] == 135
    assert api.patch(path, {"value": 1}).json()["data"]["value"] == 135
    api.patch(f"{path}/products/{row['id']}", {"is_enabled": False})
    assert api.data(path)["value"] == 0


def test_many_products_are_added_together_or_not_at_all(api: Api, bare: int) -> None:
    path = f"/api/v2/deals/{bare}/products"
    good = {"product_id": a_product(api), "item_price": 1, "quantity": 1}
    assert api.post(f"{path}/bulk", {"data": [good, {**good, "product_id": 999_999}]}).status_code == 400
    assert api.post(f"{path}/bulk", {"data": [good, {**good, "quantity": "1"}]}).status_code == 400
    assert api.post(f"{path}/bulk", {"data": [good] * 101}).status_code == 400
    assert api.data(path) == []
    rows = api.post(f"{path}/bulk", {"data": [good, good, good]}).json()["data"]
    keys = [row["id"] for row in rows]
    gone = api.delete(path, ids=f"{keys[0]},{keys[1]}").json()["data"]
    assert gone == {"ids": keys[:2]}
    assert [row["id"] for row in api.data(path)] == keys[2:]
    assert api.delete(path).json()["data"] == {"ids": keys[2:]}, "without ids everything goes, as in Pipedrive"


def test_recurring_products_and_installments_exclude_each_other(api: Api, bare: int) -> None:
    path = f"/api/v2/deals/{bare}"
    installment = {"description": "x", "amount": 5, "billing_date": "2026-12-01"}
    assert api.post(f"{path}/installments", installment).status_code == 400
    once = {"product_id": a_product(api), "item_price": 1, "quantity": 1}
    api.post(f"{path}/products", once)
    assert api.post(f"{path}/installments", {**installment, "amount": 0}).status_code == 400
    assert api.post(f"{path}/installments", installment).status_code == 200
    assert api.post(f"{path}/products", {**once, "billing_frequency": "monthly"}).status_code == 400
    assert api.data("/api/v2/deals/installments", deal_ids=bare)[0]["amount"] == 5


def test_a_merge_moves_everything_to_the_winner_whose_values_stay(api: Api, sandbox: Sandbox, bare: int) -> None:
    winner = api.post("/api/v2/deals", {"title": "Winner", "value": 5}).json()["data"]["id"]
    api.post("/v1/notes", {"content": "x", "deal_id": bare})
    sandbox.add_file("a.txt", deal_id=bare)
    api.post("/api/v2/activities", {"subject": "x", "deal_id": bare})
    merged = api.put(f"/v1/deals/{bare}/merge", {"merge_with_id": winner}).json()["data"]
    assert (merged["id"], merged["title"], merged["value"]) == (winner, "Winner", 5)
    assert isinstance(merged["user_id"], int)
    assert api.get(f"/api/v2/deals/{bare}").status_code == 404
    assert len(api.data("/v1/notes", deal_id=winner)) == 1
    assert len(api.data(f"/v1/deals/{winner}/files")) == 1
    assert len(api.data("/api/v2/activities", deal_id=winner)) == 1
    assert api.put(f"/v1/deals/{bare}/merge", {"merge_with_id": winner}).status_code == 404
    assert api.put(f"/v1/deals/{winner}/merge", {"merge_with_id": winner}).status_code == 400


def test_merged_persons_keep_all_addresses(api: Api) -> None:
    def person(address: str) -> int:
        body = {"name": "New", "emails": [{"value": address, "primary": True, "label": "work"}]}
        return int(api.post("/api/v2/persons", body).json()["data"]["id"])

    loser, winner = person("a@example.com"), person("b@example.com")
    api.put(f"/v1/persons/{loser}/merge", {"merge_with_id": winner})
    emails = api.data(f"/api/v2/persons/{winner}")["emails"]
    assert [(email["value"], email["primary"]) for email in emails] == [
        ("b@example.com", True),
        ("a@example.com", False),
    ]


def test_a_lead_becomes_a_deal_after_some_readings(api: Api, sandbox: Sandbox) -> None:
    field = next(
        f for f in sandbox.records("dealFields").values() if f["is_custom_field"] and f["field_type"] == "enum"
    )
    code, option = field["field_code"], field["options"][0]["id"]
    body = {"title": "Promising", "person_id": 1, "value": {"amount": 7, "currency": "EUR"}, code: str(option)}
    lead = api.post("/v1/leads", body).json()["data"]
    assert lead[code] == str(option)
    stage = next(iter(sandbox.records("stages")))
    answer = api.post(f"/api/v2/leads/{lead['id']}/convert/deal", {"stage_id": stage})
    job = answer.json()["data"]["conversion_id"]
    path = f"/api/v2/leads/{lead['id']}/convert/status/{job}"
    readings = [api.data(path) for _ in range(3)]
    assert [reading["status"] for reading in readings] == ["not_started", "running", "completed"]
    assert "deal_id" not in readings[0]
    deal = api.data(f"/api/v2/deals/{readings[2]['deal_id']}", include_fields="source_lead_id")
    assert (deal["title"], deal["value"], deal["stage_id"]) == ("Promising", 7, stage)
    assert (deal["source_lead_id"], deal["custom_fields"][code]) == (lead["id"], option)
    assert api.get(f"/v1/leads/{lead['id']}").status_code == 404
    sandbox.advance(8 * 86_400)
    assert api.get(path).status_code == 404


def test_a_deal_becomes_a_lead_and_is_marked_deleted(api: Api, deal: dict[str, Any]) -> None:
    base = f"/api/v2/deals/{deal['id']}/convert"
    job = api.post(f"{base}/lead").json()["data"]["conversion_id"]
    done = [api.data(f"{base}/status/{job}") for _ in range(3)][-1]
    assert api.data(f"/v1/leads/{done['lead_id']}")["title"] == deal["title"]
    assert api.data(f"/api/v2/deals/{deal['id']}")["status"] == "deleted"


def test_a_follower_is_known_by_user_in_v2_and_by_record_in_v1(api: Api, bare: int) -> None:
    path = f"deals/{bare}/followers"
    assert api.post(f"/api/v2/{path}", {"user_id": 2}).status_code == 201
    assert api.post(f"/api/v2/{path}", {"user_id": 2}).status_code == 400
    record = api.post(f"/v1/{path}", {"user_id": 2})
    assert record.status_code == 200
    assert set(api.data(f"/api/v2/{path}")[0]) == {"user_id", "add_time"}
    assert api.delete(f"/v1/{path}/{record.json()['data']['id']}").status_code == 200
    assert api.delete(f"/api/v2/{path}/2").status_code == 404
    changes = api.data(f"/api/v2/{path}/changelog")
    assert [change["action"] for change in changes] == ["removed", "added"]


def test_a_field_and_its_options_are_the_same_in_both_versions(api: Api) -> None:
    body = {"field_name": "Size", "field_type": "enum", "options": [{"label": "S"}, {"label": "M"}]}
    field = api.post("/api/v2/dealFields", body).json()["data"]
    code = field["field_code"]
    assert len(code) == 40
    options = f"/api/v2/dealFields/{code}/options"
    added = api.post(options, [{"label": "L"}]).json()["data"]
    assert [option["label"] for option in added] == ["L"]
    api.patch(options, [{"id": field["options"][0]["id"], "label": "Small"}])
    api("DELETE", options, json=[{"id": field["options"][1]["id"]}])
    assert api("DELETE", options, json=[{"id": 999_999}]).status_code == 400
    assert [option["label"] for option in api.data(f"/api/v2/dealFields/{code}")["options"]] == ["Small", "L"]
    old = next(row for row in api.data("/v1/dealFields", limit=500) if row["key"] == code)
    assert (old["name"], [option["label"] for option in old["options"]]) == ("Size", ["Small", "L"])
    api.delete(f"/v1/dealFields/{old['id']}")
    assert api.get(f"/api/v2/dealFields/{code}").status_code == 404


def test_a_deleted_field_takes_its_values_along(api: Api, bare: int) -> None:
    code = api.post("/api/v2/dealFields", {"field_name": "New", "field_type": "varchar"}).json()["data"]["field_code"]
    api.patch(f"/api/v2/deals/{bare}", {"custom_fields": {code: "x"}})
    api.delete(f"/api/v2/dealFields/{code}")
    assert code not in (api.data(f"/api/v2/deals/{bare}")["custom_fields"] or {})
    assert api.patch(f"/api/v2/deals/{bare}", {"custom_fields": {code: "x"}}).status_code == 400


def test_an_activity_is_linked_to_persons_by_its_participants(api: Api) -> None:
    body = {"subject": "Call", "participants": [{"person_id": 2, "primary": True}]}
    activity = api.post("/api/v2/activities", body).json()["data"]
    assert activity["person_id"] == 2
    assert activity["id"] in [row["id"] for row in api.data("/api/v2/activities", person_id=2, limit=500)]
    done = api.patch(f"/api/v2/activities/{activity['id']}", {"done": True}).json()["data"]
    assert done["marked_as_done_time"] is not None


def test_recents_tell_what_was_touched_and_reach_back_a_month(api: Api, sandbox: Sandbox) -> None:
    sandbox.advance(100)
    api.delete("/api/v2/deals/1")
    moment = sandbox.records("deals")[1]["update_time"].replace("T", " ").rstrip("Z")
    document = api.get("/v1/recents", since_timestamp=moment, items="deal").json()
    assert [(row["item"], row["id"], row["data"]["deleted"]) for row in document["data"]] == [("deal", 1, True)]
    assert document["additional_data"]["last_timestamp_on_page"] == moment
    assert api.get("/v1/recents", since_timestamp="2020-01-01 00:00:00").status_code == 400


def test_the_summary_leaves_archived_deals_to_a_summary_of_their_own(api: Api, deal: dict[str, Any]) -> None:
    before = api.data("/v1/deals/summary")["total_count"]
    archived = api.data("/v1/deals/summary/archived")["total_count"]
    api.patch(f"/api/v2/deals/{deal['id']}", {"is_archived": True})
    assert api.data("/v1/deals/summary")["total_count"] == before - 1
    assert api.data("/v1/deals/summary/archived")["total_count"] == archived + 1


def test_the_timeline_puts_deals_into_periods(api: Api, bare: int) -> None:
    api.patch(f"/api/v2/deals/{bare}", {"expected_close_date": "2031-02-10"})
    query = {"start_date": "2031-01-01", "interval": "month", "amount": 3, "field_key": "expected_close_date"}
    periods = api.data("/v1/deals/timeline", **query)
    assert [period["period_start"][:10] for period in periods] == ["2031-01-01", "2031-02-01", "2031-03-01"]
    assert [[deal["id"] for deal in period["deals"]] for period in periods] == [[], [bare], []]
    assert [period["totals"]["count"] for period in periods] == [0, 1, 0]


def test_deleting_a_project_deletes_its_tasks(api: Api) -> None:
    project = api.post("/api/v2/projects", {"title": "New"}).json()["data"]["id"]
    task = api.post("/api/v2/tasks", {"title": "New", "project_id": project}).json()["data"]["id"]
    api.delete(f"/api/v2/projects/{project}")
    assert api.data("/api/v2/tasks", project_id=project) == []
    assert task in api.sandbox.records("tasks")

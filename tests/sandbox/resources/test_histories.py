"""Change logs, timelines, merges, recents."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api, days_ago, small_company


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


def test_recents_tell_what_was_touched_and_reach_back_a_month(api: Api, sandbox: Sandbox) -> None:
    sandbox.advance(100)
    api.delete("/api/v2/deals/1")
    moment = sandbox.records("deals")[1]["update_time"].replace("T", " ").rstrip("Z")
    document = api.get("/v1/recents", since_timestamp=moment, items="deal").json()
    assert [(row["item"], row["id"], row["data"]["deleted"]) for row in document["data"]] == [("deal", 1, True)]
    assert document["additional_data"]["last_timestamp_on_page"] == moment
    assert api.get("/v1/recents", since_timestamp="2020-01-01 00:00:00").status_code == 400


def test_what_recents_give_belongs_to_others_by_plain_ids(api: Api, sandbox: Sandbox) -> None:
    for table in ("deals", "persons", "organizations", "products"):
        sandbox.update(table, 1, **({"title": "Touched"} if table == "deals" else {"name": "Touched"}))
    recents = api.data("/v1/recents", since_timestamp=days_ago(1), items="deal,person,organization,product")
    shown = {row["item"]: row["data"] for row in recents if row["id"] == 1}
    for item, names in {
        "deal": ("user_id", "creator_user_id", "person_id", "org_id"),
        "person": ("owner_id", "org_id"),
        "organization": ("owner_id",),
        "product": ("owner_id",),
    }.items():
        assert all(isinstance(shown[item][name], int | None) for name in names)


def test_recents_of_a_record_that_is_gone_for_good_have_no_data(api: Api) -> None:
    api.put("/v1/persons/1/merge", {"merge_with_id": 2})
    rows = {row["id"]: row for row in api.data("/v1/recents", since_timestamp=days_ago(1), items="person", limit=500)}
    assert rows[1] == {"item": "person", "id": 1, "data": None}
    assert rows[2]["data"]["id"] == 2


def test_recents_may_reach_back_further() -> None:
    with small_company(old_since_timestamp="answer") as api:
        deals = api.data("/v1/recents", since_timestamp="2015-01-01 00:00:00", items="deal", limit=500)
        assert len(deals) == len(api.sandbox.records("deals"))


def test_a_timeline_says_what_it_is_about(api: Api, deal: dict[str, Any]) -> None:
    api.post("/v1/notes", {"content": "x", "deal_id": deal["id"]})
    related = api.get(f"/v1/deals/{deal['id']}/flow").json()["related_objects"]
    assert related.keys() == {"user", "organization", "person", "deal"}
    assert related["deal"][str(deal["id"])]["title"] == deal["title"]
    assert related["person"].get(str(deal["person_id"]), {}).get("value") == deal["person_id"]
    of_an_organization = api.get("/v1/organizations/1/flow").json()["related_objects"]
    assert of_an_organization.keys() == {"user", "organization"}

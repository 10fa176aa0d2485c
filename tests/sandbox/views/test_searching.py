"""What a search shows."""

from __future__ import annotations

import pytest

from tests.support.sandbox_api import Api


@pytest.fixture
def deal_id(api: Api) -> int:
    body = {"name": "Quixotic Mills", "address": {"value": "Wharf Road 9"}}
    org = api.post("/api/v2/organizations", body).json()["data"]["id"]
    emails = [{"value": "zelda@example.com", "primary": True, "label": "work"}]
    person = api.post("/api/v2/persons", {"name": "Zelda Quixotic", "emails": emails, "org_id": org}).json()["data"][
        "id"
    ]
    body = {"title": "Quixotic Deal", "person_id": person, "org_id": org}
    deal = int(api.post("/api/v2/deals", body).json()["data"]["id"])
    api.post("/v1/notes", {"content": "remember the windmills", "deal_id": deal})
    return deal


def test_a_hit_is_a_reduced_object(api: Api, deal_id: int) -> None:
    hit = api.data("/api/v2/deals/search", term="quixotic")["items"][0]
    assert set(hit) == {"result_score", "item"}
    assert hit["item"]["person"]["name"] == "Zelda Quixotic"
    assert hit["item"]["organization"]["address"] == "Wharf Road 9"
    assert (hit["item"]["custom_fields"], hit["item"]["notes"]) == ([], [])


def test_related_items_come_on_request(api: Api, deal_id: int) -> None:
    query = {"term": "quixotic deal", "item_types": "deal", "search_for_related_items": "true"}
    related = api.data("/api/v2/itemSearch", **query)["related_items"]
    assert sorted(hit["item"]["type"] for hit in related) == ["organization", "person"]

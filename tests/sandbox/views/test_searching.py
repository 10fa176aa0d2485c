"""What a search shows."""

from __future__ import annotations

from tests.support.sandbox_api import Api


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

"""Search: where it looks, and which case rules hold."""

from __future__ import annotations

from tests.support.sandbox_api import Api


def found(api: Api, path: str, **query: object) -> list[object]:
    return [hit["item"]["id"] for hit in api.data(path, **query)["items"]]


def test_a_search_term_needs_two_characters_or_an_exact_match_and_at_most_a_hundred_hits(api: Api) -> None:
    assert api.get("/api/v2/deals/search", term="a").status_code == 400
    assert api.get("/api/v2/deals/search", term="a", exact_match="true").status_code == 200
    assert api.get("/api/v2/deals/search", term="deal", limit=101).status_code == 400


def test_a_search_looks_into_parts_of_words_and_not_at_case(api: Api, deal_id: int) -> None:
    assert found(api, "/api/v2/deals/search", term="uixotic dE") == [deal_id]
    assert found(api, "/api/v2/deals/search", term="QUIXOTIC DEAL", exact_match="true") == [deal_id]
    assert found(api, "/api/v2/deals/search", term="quixotic", exact_match="true") == []


def test_fields_narrow_where_a_search_looks(api: Api, deal_id: int) -> None:
    assert found(api, "/api/v2/deals/search", term="windmills") == [deal_id]
    assert found(api, "/api/v2/deals/search", term="windmills", fields="title") == []
    assert len(found(api, "/api/v2/persons/search", term="zelda@", fields="email")) == 1
    assert len(found(api, "/api/v2/organizations/search", term="wharf", fields="address")) == 1


def test_several_kinds_are_searched_at_once_and_paged(api: Api, deal_id: int) -> None:
    first = api.get("/api/v2/itemSearch", term="quixotic", limit=2).json()
    cursor = first["additional_data"]["next_cursor"]
    second = api.get("/api/v2/itemSearch", term="quixotic", limit=2, cursor=cursor).json()
    hits = first["data"]["items"] + second["data"]["items"]
    assert sorted(hit["item"]["type"] for hit in hits) == ["deal", "organization", "person"]
    assert second["additional_data"]["next_cursor"] is None


def test_a_search_of_one_field_looks_at_case(api: Api, deal_id: int) -> None:
    def ids(**query: object) -> list[object]:
        rows = api.data("/api/v2/itemSearch/field", entity_type="deal", field="title", **query)
        return [row["item"]["id"] for row in rows]

    assert ids(term="Quixotic Deal") == [deal_id]
    assert ids(term="quixotic deal") == []
    assert ids(term="Quix", match="beginning") == [deal_id]
    assert ids(term="otic", match="middle") == [deal_id]


def test_leads_are_searched_in_both_versions(api: Api) -> None:
    key = api.post("/v1/leads", {"title": "Quixotic Lead", "person_id": 1}).json()["data"]["id"]
    assert found(api, "/api/v2/leads/search", term="quixotic") == [key]
    document = api.get("/v1/leads/search", term="quixotic").json()
    assert [hit["item"]["id"] for hit in document["data"]["items"]] == [key]
    assert document["additional_data"]["pagination"]["more_items_in_collection"] is False


def test_nothing_found_is_an_empty_list(api: Api) -> None:
    assert api.data("/api/v2/products/search", term="nothing of this name") == {"items": []}

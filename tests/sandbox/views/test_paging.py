"""Pages: v2's cursors, and v1's offsets in their envelopes."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api, ids, living, walk


def test_a_cursor_of_another_order_is_refused(api: Api) -> None:
    cursor = api.get("/api/v2/deals", limit=1).json()["additional_data"]["next_cursor"]
    assert api.get("/api/v2/deals", limit=1, cursor=cursor, sort_by="add_time").status_code == 400


@pytest.mark.parametrize("limit", [1, 7, 500])
def test_pages_by_cursor_give_every_deal_once_in_the_order_of_ids(limit: int, api: Api, sandbox: Sandbox) -> None:
    assert ids(walk(api, "/api/v2/deals", limit=limit)) == sorted(living(sandbox, "deals"))


def test_a_record_made_and_one_deleted_between_two_pages_disturb_no_other(api: Api, sandbox: Sandbox) -> None:
    before = sorted(living(sandbox, "deals"))
    first = api.get("/api/v2/deals", limit=5).json()
    sandbox.delete("deals", before[2])
    new = api.post("/api/v2/deals", {"title": "New"}).json()["data"]["id"]
    rest = walk(api, "/api/v2/deals", limit=5, cursor=first["additional_data"]["next_cursor"])
    assert ids(first["data"]) + ids(rest) == [*before, new]


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_an_order_by_update_time_holds_over_pages(direction: str, api: Api, sandbox: Sandbox) -> None:
    rows = walk(api, "/api/v2/deals", limit=4, sort_by="update_time", sort_direction=direction)
    keys = [(row["update_time"] or "", row["id"]) for row in rows]
    assert keys == sorted(keys, reverse=direction == "desc")
    assert sorted(ids(rows)) == sorted(living(sandbox, "deals"))


def test_a_v1_list_is_paged_by_offset_and_says_where_the_next_page_starts(api: Api, sandbox: Sandbox) -> None:
    for number in range(3):
        sandbox.add_file(f"{number}.txt", b"x", deal_id=1)
    first = api.get("/v1/deals/1/files", limit=2, sort="id DESC").json()
    paging = first["additional_data"]["pagination"]
    assert paging == {"start": 0, "limit": 2, "more_items_in_collection": True, "next_start": 2}
    assert ids(first["data"]) == sorted(ids(first["data"]), reverse=True)
    last = api.get("/v1/files", start=len(sandbox.records("files")) - 1, limit=2).json()["additional_data"]
    assert "next_start" not in last["pagination"]


def test_the_other_v1_envelope_has_its_paging_flat(api: Api) -> None:
    document = api.get("/v1/pipelines/1/deals", everyone=1, limit=1).json()["additional_data"]
    assert document == {"start": 0, "limit": 1, "more_items_in_collection": True, "next_start": 1}


def test_definitions_of_fields_are_paged_like_other_v1_lists(api: Api) -> None:
    for path in ("/v1/dealFields", "/v1/personFields", "/v1/organizationFields", "/v1/productFields"):
        assert api.get(path, limit=1).json()["additional_data"] == {
            "pagination": {"start": 0, "limit": 1, "more_items_in_collection": True, "next_start": 1}
        }


def test_v1_takes_its_largest_page_where_more_is_asked_and_echoes_it(api: Api) -> None:
    assert api.get("/v1/files", limit=500).json()["additional_data"]["pagination"]["limit"] == 100


def test_an_empty_v1_list_is_null_and_an_empty_v2_list_is_empty(api: Api, sandbox: Sandbox) -> None:
    assert api.get("/v1/notes", user_id=999_999).json()["data"] is None
    assert api.get("/api/v2/deals", owner_id=999_999).json()["data"] == []


def test_a_list_that_does_not_say_whether_there_is_more_has_no_additional_data(api: Api, sandbox: Sandbox) -> None:
    key = next(iter(sandbox.records("permissionSets")))
    assert set(api.get(f"/v1/permissionSets/{key}/assignments", limit=1).json()) == {"success", "data"}

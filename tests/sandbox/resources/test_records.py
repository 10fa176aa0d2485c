"""Lists: paging in both versions, filters, order, what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.sandbox.conftest import Api


def walk(api: Api, path: str, **query: Any) -> list[Any]:
    """All pages by the cursor."""
    records: list[Any] = []
    while True:
        document = api.get(path, **query).json()
        records += document["data"]
        cursor = document["additional_data"]["next_cursor"]
        if cursor is None:
            return records
        assert cursor != query.get("cursor")
        query["cursor"] = cursor


def ids(records: list[Any]) -> list[Any]:
    return [record["id"] for record in records]


def living(sandbox: Sandbox, table: str) -> list[Any]:
    rows = sandbox.records(table).values()
    return [r["id"] for r in rows if not r.get("is_deleted") and not r.get("is_archived")]


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


def test_deleted_deals_show_only_under_their_status_and_for_thirty_days(
    api: Api, sandbox: Sandbox, deal: dict[str, Any]
) -> None:
    assert api.delete(f"/api/v2/deals/{deal['id']}").json()["data"] == {"id": deal["id"]}
    assert deal["id"] not in ids(walk(api, "/api/v2/deals"))
    assert deal["id"] in ids(walk(api, "/api/v2/deals", status="deleted"))
    shown = api.data(f"/api/v2/deals/{deal['id']}")
    assert (shown["is_deleted"], shown["status"]) == (True, "deleted")
    sandbox.advance(31 * 86_400)
    assert deal["id"] not in ids(walk(api, "/api/v2/deals", status="deleted"))
    assert api.get(f"/api/v2/deals/{deal['id']}").status_code == 404


def test_archived_deals_move_to_their_own_list_and_cannot_be_edited_there(
    api: Api, sandbox: Sandbox, deal: dict[str, Any]
) -> None:
    path = f"/api/v2/deals/{deal['id']}"
    assert api.patch(path, {"is_archived": True}).json()["data"]["archive_time"] is not None
    assert deal["id"] not in ids(walk(api, "/api/v2/deals"))
    assert deal["id"] in ids(walk(api, "/api/v2/deals/archived"))
    assert api.patch(path, {"title": "No"}).status_code == 400
    assert api.patch(path, {"is_archived": False}).json()["data"]["archive_time"] is None
    assert deal["id"] in ids(walk(api, "/api/v2/deals"))


def test_persons_of_a_deal_are_its_contact_and_its_participants(
    api: Api, sandbox: Sandbox, deal: dict[str, Any]
) -> None:
    other = next(key for key in living(sandbox, "persons") if key != deal["person_id"])
    api.post(f"/v1/deals/{deal['id']}/participants", {"person_id": other})
    assert {deal["person_id"], other} <= set(ids(walk(api, "/api/v2/persons", deal_id=deal["id"])))


def test_include_fields_adds_counts_that_follow_the_state(api: Api, deal: dict[str, Any]) -> None:
    path = f"/api/v2/deals/{deal['id']}"
    before = api.data(path, include_fields="notes_count,activities_count")
    api.post("/v1/notes", {"content": "New", "deal_id": deal["id"]})
    api.post("/api/v2/activities", {"subject": "New", "deal_id": deal["id"]})
    after = api.data(path, include_fields="notes_count,activities_count")
    assert after["notes_count"] == before["notes_count"] + 1
    assert after["activities_count"] == before["activities_count"] + 1
    assert "notes_count" not in api.data(path)


def test_option_labels_and_labels_come_on_request(api: Api, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    field = next(
        f for f in sandbox.records("dealFields").values() if f["is_custom_field"] and f["field_type"] == "enum"
    )
    option = field["options"][0]
    path = f"/api/v2/deals/{deal['id']}"
    api.patch(path, {"custom_fields": {field["field_code"]: option["id"]}})
    assert api.data(path)["custom_fields"][field["field_code"]] == option["id"]
    shown = api.data(path, custom_fields=field["field_code"], include_option_labels="true", include_labels="true")
    assert shown["custom_fields"] == {field["field_code"]: {"id": option["id"], "label": option["label"]}}
    assert shown["labels"] == [{"id": label["id"], "label": label["label"]} for label in shown["labels"]]


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


def test_the_old_base_of_v1_is_the_same_api(api: Api) -> None:
    assert api.data("/api/v1/users/me") == api.data("/v1/users/me")


def test_a_list_that_does_not_say_whether_there_is_more_has_no_additional_data(api: Api, sandbox: Sandbox) -> None:
    key = next(iter(sandbox.records("permissionSets")))
    assert set(api.get(f"/v1/permissionSets/{key}/assignments", limit=1).json()) == {"success", "data"}


def test_threads_of_a_mailbox_say_whether_there_are_more_and_their_messages_come_on_one_page(api: Api) -> None:
    threads = api.get("/v1/mailbox/mailThreads", folder="inbox", limit=1).json()
    assert threads["additional_data"] == {
        "pagination": {"start": 0, "limit": 1, "more_items_in_collection": True, "next_start": 1}
    }
    messages = api.get(f"/v1/mailbox/mailThreads/{threads['data'][0]['id']}/mailMessages").json()
    assert messages["additional_data"]["pagination"]["more_items_in_collection"] is False


def test_leads_of_an_updated_since_are_leads(api: Api, sandbox: Sandbox) -> None:
    key = next(iter(sandbox.records("leads")))
    sandbox.advance(10)
    api.patch(f"/v1/leads/{key}", {"title": "Touched"})
    moment = sandbox.records("leads")[key]["update_time"][:19] + "Z"
    assert ids(api.data("/v1/leads", updated_since=moment)) == [key]
    assert api.get("/v1/leads", updated_since=moment[:-1] + ".500Z").status_code == 400

"""v2's main entities, from their lists to the archive and the bin."""

from __future__ import annotations

from typing import Any

import requests

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api, ids, walk


def test_the_fields_of_contact_sync_cannot_be_written_without_it(api: Api) -> None:
    assert api.patch("/api/v2/persons/1", {"job_title": "Baker"}).status_code == 403
    with Sandbox(deals=3, contact_sync=True) as sandbox:
        headers = {"x-api-token": sandbox.api_token}
        body = {"job_title": "Baker"}
        answer = requests.patch(f"{sandbox.url}/api/v2/persons/1", json=body, headers=headers, timeout=10)
        assert answer.json()["data"]["job_title"] == "Baker"


def test_a_deleted_deal_can_be_taken_back(api: Api, deal: dict[str, Any]) -> None:
    api.delete(f"/api/v2/deals/{deal['id']}")
    back = api.patch(f"/api/v2/deals/{deal['id']}", {"is_deleted": False}).json()["data"]
    assert (back["is_deleted"], back["status"]) == (False, "open")


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

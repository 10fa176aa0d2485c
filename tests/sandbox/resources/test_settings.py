"""Small resources of v1: call logs, filters, relationships, currencies."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api


def test_relationships_of_organizations_name_both(api: Api, sandbox: Sandbox) -> None:
    row = next(iter(sandbox.records("organizationRelationships").values()))
    both = {str(row["rel_owner_org_id"]), str(row["rel_linked_org_id"])}
    listed = api.get("/v1/organizationRelationships", org_id=row["rel_owner_org_id"]).json()
    single = api.get(f"/v1/organizationRelationships/{row['id']}").json()
    assert both <= listed["related_objects"]["organization"].keys()
    assert single["related_objects"]["organization"].keys() == both


def test_visible_to_of_a_filter_is_text(api: Api) -> None:
    conditions = api.data("/v1/filters/1")["conditions"]
    made = api.post("/v1/filters", {"name": "x", "type": "deals", "conditions": conditions}).json()["data"]
    assert {filter_["visible_to"] for filter_ in (*api.data("/v1/filters"), made)} == {"7"}


def test_a_call_log_takes_one_recording(api: Api) -> None:
    body = {
        "to_phone_number": "+372555",
        "outcome": "connected",
        "start_time": "2026-11-20 10:00:00",
        "end_time": "2026-11-20 10:05:00",
    }
    log = api.post("/v1/callLogs", body).json()["data"]
    assert (log["start_time"], log["has_recording"]) == ("2026-11-20T10:00:00.000Z", False)
    path = f"/v1/callLogs/{log['id']}"
    assert api("POST", f"{path}/recordings", files={"file": ("a.mp3", b"x")}).status_code == 200
    assert api("POST", f"{path}/recordings", files={"file": ("a.mp3", b"x")}).status_code == 409
    assert api.data(path)["has_recording"] is True
    assert api.delete(path).status_code == 200
    assert api.delete(path).status_code == 410

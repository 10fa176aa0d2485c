"""Records as v2 shows them."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api


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

"""Every operation of the catalog answers, with the status that Pipedrive documents and the fields of its model."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ACTIONS, Action, Parameter
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sandbox.server.routes import operations
from airflow_provider_pipedrive.sandbox.state.shapes import data_of
from tests.support.sandbox_api import Api

CREATED = {
    "addLead",
    "addWebhook",
    "addProductFollowerV1",
    "addProductFieldV1",
    "addProjectV1",
    "addTaskV1",
    "addDealFollower",
    "addPersonFollower",
    "addOrganizationFollower",
    "addProductFollower",
    "addDealProduct",
    "addManyDealProducts",
    "postAdditionalDiscount",
    "addProduct",
    "duplicateProduct",
    "addProductVariation",
    "uploadProductImage",
    "addProject",
    "addTask",
}
LEFT_OUT_OF_A_FIELD_WITHOUT_THEM = {"options", "options_deleted", "is_subfield", "subfields", "show_in_pipelines"}
ABSENT_WITHOUT_INCLUDE_FIELDS = {
    "attendees",
    "ui_visibility",
    "important_fields",
    "required_fields",
    "postal_address",
    "notes",
    "im",
    "birthday",
    "job_title",
    "source_lead_id",
    "labels",
}
"""Fields that a model has but an answer only on request (or with Contact Sync)."""
UNLIKE_THE_MODEL = {
    "getPersonProducts",  # the model has the placeholder DEAL_ID for a name
    "addPersonPicture",  # likewise PICTURE_ID
    "getPersonFollowersV1",  # shares the model of deals' followers, with deal_id
    "getUserConnections",
    "deleteProjectV1",  # the model has an envelope within the envelope
    "deleteTaskV1",
    "getLeadConversionStatus",  # deal_id comes when the conversion is completed
    "getDealConversionStatus",
}
TABLES = {"legacyTeams": "teams", "user": "users", "itemSearch": "deals"}
BODIES: dict[str, Any] = {
    "addLead": {"title": "New", "person_id": 1},
    "addNote": {"content": "New", "deal_id": 1},
    "addGoal": {
        "assignee": {"id": 1, "type": "person"},
        "type": {"name": "deals_won", "params": {"pipeline_id": [1]}},
        "expected_outcome": {"target": 50, "tracking_metric": "quantity"},
        "duration": {"start": "2026-01-01", "end": "2026-12-31"},
        "interval": "monthly",
    },
    "addFilter": {"name": "New", "type": "deals", "conditions": {"glue": "and", "conditions": [{"glue": "and"}]}},
    "updateFilter": {"conditions": {"glue": "and", "conditions": [{"glue": "and"}]}},
    "addWebhook": {
        "subscription_url": "https://example.com/hook",
        "event_action": "*",
        "event_object": "deal",
        "name": "New",
    },
    "mergeDeals": {"merge_with_id": 2},
    "mergePersons": {"merge_with_id": 2},
    "mergeOrganizations": {"merge_with_id": 2},
    "addDealParticipant": {"person_id": 3},
    "addDealFollower": {"user_id": 2},
    "addDealFollowerV1": {"user_id": 2},
    "addUser": {"email": "new@example.com"},
    "addPerson": {"name": "New"},
    "addManyDealProducts": {"data": [{"product_id": 1, "item_price": 10, "quantity": 1}]},
    "addOrganizationRelationship": {"type": "parent", "rel_owner_org_id": 1, "rel_linked_org_id": 2},
    "updateRolePipelines": {"visible_pipeline_ids": {"add": [1]}},
    "addFileAndLinkIt": {
        "file_type": "gdoc",
        "title": "New",
        "item_type": "deal",
        "item_id": 1,
        "remote_location": "googledrive",
    },
    "linkFileToItem": {"item_type": "deal", "item_id": 1, "remote_id": "x", "remote_location": "googledrive"},
}
QUERIES: dict[str, Any] = {
    "getDealsTimeline": {"field_key": "add_time"},
    "getArchivedDealsTimeline": {"field_key": "add_time"},
    "searchItemByField": {"field": "title", "term": "deal", "match": "middle"},
    "getRecents": {},
}
BY_TYPE: dict[str, Any] = {
    "string": "deal",
    "integer": 1,
    "number": 2,
    "boolean": True,
    "flag": 1,
    "object": {},
    "date": "2026-11-01",
    "time": "10:00",
}


def made(api: Api, action: Action, name: str, id_: Any) -> Any:
    """The id of a part that has to be made before it can be read, changed or taken away."""
    base = action.path.replace("{id}", str(id_))
    if name == "commentId":
        return api.post(f"/v1/notes/{id_}/comments", {"content": "x"}).json()["data"]["uuid"]
    if name == "conversion_id":
        to = "lead" if "/deals/" in action.path else "deal"
        return api.post(base.split("/status")[0] + f"/{to}", {}).json()["data"]["conversion_id"]
    if name == "deal_participant_id":
        return api.post(f"/v1/deals/{id_}/participants", {"person_id": 3}).json()["data"]["id"]
    if name == "discount_id":
        body = {"description": "x", "amount": 1, "type": "amount"}
        return api.post(f"/api/v2/deals/{id_}/discounts", body).json()["data"]["id"]
    if name == "follower_id":
        row = api.post(base.rsplit("/", 1)[0], {"user_id": 2}).json()["data"]
        return row["user_id"] if action.version == "v2" else row["id"]
    if name == "installment_id":
        one_time(api, id_)
        body = {"description": "x", "amount": 1, "billing_date": "2026-12-01"}
        return api.post(f"/api/v2/deals/{id_}/installments", body).json()["data"]["id"]
    if name == "product_attachment_id":
        return one_time(api, id_)
    if name == "product_variation_id":
        return api.post(f"/api/v2/products/{id_}/variations", {"name": "x"}).json()["data"]["id"]
    if name == "taskId":
        return api.post("/api/v2/tasks", {"title": "x", "project_id": id_}).json()["data"]["id"]
    assert name == "activityId"
    return api.post("/api/v2/activities", {"subject": "x", "project_id": id_}).json()["data"]["id"]


def one_time(api: Api, deal_id: int) -> int:
    for row in api.data(f"/api/v2/deals/{deal_id}/products"):
        api.delete(f"/api/v2/deals/{deal_id}/products/{row['id']}")
    product = api.post("/api/v2/products", {"name": "Once"}).json()["data"]["id"]
    body = {"product_id": product, "item_price": 10, "quantity": 1}
    return int(api.post(f"/api/v2/deals/{deal_id}/products", body).json()["data"]["id"])


def path_value(api: Api, action: Action, parameter: Parameter) -> Any:
    """The id of a living record of the kind that stands before the placeholder."""
    parts = action.path.split("/")
    part = parts[parts.index(f"{{{parameter.name}}}") - 1]
    if part == "webhooks":
        return api.post("/v1/webhooks", BODIES["addWebhook"]).json()["data"]["id"]
    if part == "userProviderLinks":
        body = {"user_provider_id": "7", "user_id": 1, "company_id": 1, "marketplace_client_id": "x"}
        api.post("/v1/meetings/userProviderLinks", body)
        return 7
    if action.key == "deleteRole":
        return api.post("/v1/roles", {"name": "Empty"}).json()["data"]["id"]
    if action.key == "downloadFile":
        return api("POST", "/v1/files", files={"file": ("a.txt", b"abc")}).json()["data"]["id"]
    rows = list(api.sandbox.records(TABLES.get(part, part)).values())
    if part.endswith("Fields"):
        rows = [row for row in rows if row["is_custom_field"] and row["field_type"] == "enum"] or rows
        return rows[0]["id"] if parameter.type == "integer" else rows[0]["field_code"]
    if action.key in ("getCallLog", "addCallLogAudioFile"):
        rows = [row for row in rows if not row.get("has_recording")]
    living = [r for r in rows if not r.get("is_deleted") and not r.get("is_archived") and r.get("active_flag", True)]
    return living[0]["id"]


def prepare(api: Api, action: Action, ids: dict[str, Any]) -> None:
    """What must be there for this action to make sense."""
    if action.key in ("getProductImage", "updateProductImage", "deleteProductImage"):
        api("POST", f"/api/v2/products/{ids['id']}/images", files={"data": ("a.png", b"png")})
    if action.key in ("deletePersonPicture", "getPersonPicture"):
        api("POST", f"/v1/persons/{ids['id']}/picture", files={"file": ("a.png", b"png")})
    if action.key == "postInstallment":
        one_time(api, ids["id"])
    if action.key == "deleteRoleAssignment":
        api.post(f"/v1/roles/{ids['id']}/assignments", {"user_id": 2})


def value(api: Api, action: Action, parameter: Parameter) -> Any:
    if parameter.enum:
        return parameter.enum[0]
    if parameter.name == "body":
        kind = action.path.split("/")[3]
        field = next(
            f for f in api.sandbox.records(kind).values() if f["is_custom_field"] and f["field_type"] == "enum"
        )
        option = field["options"][0]["id"]
        return {"POST": [{"label": "x"}], "PATCH": [{"id": option, "label": "y"}], "DELETE": [{"id": option}]}[
            action.method
        ]
    if parameter.type == "datetime":
        return "2026-11-20 00:00:00" if action.version == "v1" else "2026-11-20T00:00:00Z"
    if parameter.type == "array":
        return [BY_TYPE[parameter.items or "integer"]]
    return BY_TYPE[parameter.type]


def request(api: Api, action: Action) -> Any:
    """One request with everything that the action needs."""
    ids: dict[str, Any] = {}
    for parameter in action.parameters:
        if parameter.place == "path":
            name = parameter.name
            simple = name in ("id", "field_code")
            ids[name] = path_value(api, action, parameter) if simple else made(api, action, name, ids["id"])
    prepare(api, action, ids)
    required = [p for p in action.parameters if p.required]
    query = {p.name: value(api, action, p) for p in required if p.place == "query"} | QUERIES.get(action.key, {})
    query = {name: ",".join(map(str, v)) if isinstance(v, list) else v for name, v in query.items()}
    if action.key == "getRecents":
        query["since_timestamp"] = api.sandbox.records("deals")[1]["update_time"][:10] + " 00:00:00"
        api.sandbox.update("deals", 1, title="Touched")
        query["since_timestamp"] = api.sandbox.records("deals")[1]["update_time"].replace("T", " ")[:19]
    options: dict[str, Any] = {"params": query}
    file = next((p for p in required if p.place == "file"), None)
    if file:
        options["files"] = {file.name: ("a.txt", b"abc")}
    elif action.body_is_array:
        options["json"] = value(api, action, next(p for p in required if p.name == "body"))
    elif any(p.place == "form" for p in action.parameters):
        options["data"] = BODIES.get(action.key, {"name": "x"})
    elif any(p.place == "body" for p in action.parameters):
        given = {p.name: value(api, action, p) for p in required if p.place == "body"}
        options["json"] = BODIES.get(action.key, given)
    return api(action.method, action.path.format(**ids), **options)


@pytest.mark.parametrize("action", operations(), ids=lambda action: action.key)
def test_an_operation_answers_with_its_status_and_the_fields_of_its_model(
    action: Action, api: Api, sandbox: Sandbox
) -> None:
    answer = request(api, action)
    assert answer.status_code == (201 if action.key in CREATED else 200), answer.text
    assert sandbox.requests[-1].tokens == action.token_cost
    if action.result == "binary":
        assert answer.content == b"abc"
        return
    document = answer.json()
    assert document["success"] is True
    kind, fields = data_of(action.method, action.path)
    data = document.get("data")
    wanted = set(fields) - ABSENT_WITHOUT_INCLUDE_FIELDS
    if action.key in UNLIKE_THE_MODEL or kind in ("none", "values") or not data:
        return
    if kind == "items":
        data = data["items"]
    record = (data[0] if isinstance(data, list) and data else data) or {}
    if action.path.endswith("/search") or action.path.endswith("/itemSearch") or action.path.endswith("/field"):
        assert set(record) in (set(), {"result_score", "item"})
        return
    if "Fields" in action.path and action.version == "v1":
        wanted -= LEFT_OUT_OF_A_FIELD_WITHOUT_THEM
    assert wanted <= set(record), sorted(wanted - set(record))


@pytest.mark.parametrize(
    ("method", "path"),
    [(a.method, a.path) for a in ACTIONS.values() if a.lifecycle == "removed"]
    + [("GET", "/v1/deals"), ("PUT", "/v1/persons/1"), ("GET", "/v1/itemSearch"), ("DELETE", "/v1/stages")],
)
def test_an_operation_that_pipedrive_has_taken_away_answers_410(method: str, path: str, api: Api) -> None:
    answer = api(method, path.replace("{id}", "1"))
    assert answer.status_code == 410
    assert answer.json()["success"] is False

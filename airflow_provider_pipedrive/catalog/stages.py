"""Stages."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post
from airflow_provider_pipedrive.catalog.model import CURSOR, OFFSET, body, query
from airflow_provider_pipedrive.catalog.scopes import ADMIN, DEALS_READ, PIPELINES_READ

ACTIONS = (
    action(
        "getStageDealsV1",
        "List a stage's deals",
        get("/v1/stages/{id}/deals", DEALS_READ, tokens=20),
        query("filter_id", "integer"),
        query("user_id", "integer"),
        query("everyone", "flag"),
        result="records",
        paging=OFFSET,
        lifecycle="deprecated",
        successor="getStageDeals",
    ),
    action(
        "getStages",
        "List stages",
        get("/api/v2/stages", PIPELINES_READ, tokens=5),
        query("pipeline_id", "integer"),
        query("sort_by", "string", enum=("id", "update_time", "add_time", "order_nr")),
        query("sort_direction", "string", enum=("asc", "desc")),
        result="records",
        paging=CURSOR,
    ),
    action(
        "addStage",
        "Add a stage",
        post("/api/v2/stages", ADMIN, tokens=5),
        body("name", "string", required=True),
        body("pipeline_id", "integer", required=True),
        body("deal_probability", "number"),
        body("is_deal_rot_enabled", "boolean"),
        body("days_to_rotten", "integer", nullable=True),
    ),
    action("deleteStage", "Delete a stage", delete("/api/v2/stages/{id}", ADMIN, tokens=3)),
    action("getStage", "Get a stage", get("/api/v2/stages/{id}", PIPELINES_READ, tokens=1)),
    action(
        "updateStage",
        "Update a stage",
        patch("/api/v2/stages/{id}", ADMIN, tokens=5),
        body("name", "string"),
        body("pipeline_id", "integer"),
        body("deal_probability", "number"),
        body("is_deal_rot_enabled", "boolean"),
        body("days_to_rotten", "integer", nullable=True),
    ),
)

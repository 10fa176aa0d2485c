"""Pipelines."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post
from airflow_provider_pipedrive.catalog.groups import SORTED
from airflow_provider_pipedrive.catalog.model import CURSOR, OFFSET, body, query
from airflow_provider_pipedrive.catalog.scopes import ADMIN, DEALS_READ, PIPELINES_READ

ACTIONS = (
    action(
        "getPipelineConversionStatistics",
        "Get the conversion rates of a pipeline's deals",
        get("/v1/pipelines/{id}/conversion_statistics", DEALS_READ, tokens=40),
        query("start_date", "date", required=True),
        query("end_date", "date", required=True),
        query("user_id", "integer"),
    ),
    action(
        "getPipelineDealsV1",
        "List a pipeline's deals",
        get("/v1/pipelines/{id}/deals", DEALS_READ, tokens=20),
        query("filter_id", "integer"),
        query("user_id", "integer"),
        query("everyone", "flag"),
        query("stage_id", "integer"),
        query("get_summary", "flag"),
        query("totals_convert_currency", "string"),
        result="records",
        paging=OFFSET,
        lifecycle="deprecated",
        successor="getPipelineDeals",
    ),
    action(
        "getPipelineMovementStatistics",
        "Get the movements of a pipeline's deals",
        get("/v1/pipelines/{id}/movement_statistics", DEALS_READ, tokens=40),
        query("start_date", "date", required=True),
        query("end_date", "date", required=True),
        query("user_id", "integer"),
    ),
    action(
        "getPipelines",
        "List pipelines",
        get("/api/v2/pipelines", PIPELINES_READ, tokens=5),
        *SORTED,
        result="records",
        paging=CURSOR,
    ),
    action(
        "addPipeline",
        "Add a pipeline",
        post("/api/v2/pipelines", ADMIN, tokens=5),
        body("name", "string", required=True),
        body("is_deal_probability_enabled", "boolean"),
    ),
    action("deletePipeline", "Delete a pipeline", delete("/api/v2/pipelines/{id}", ADMIN, tokens=3)),
    action("getPipeline", "Get a pipeline", get("/api/v2/pipelines/{id}", PIPELINES_READ, tokens=1)),
    action(
        "updatePipeline",
        "Update a pipeline",
        patch("/api/v2/pipelines/{id}", ADMIN, tokens=5),
        body("name", "string"),
        body("is_deal_probability_enabled", "boolean"),
    ),
)

"""Filters."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, post, put
from airflow_provider_pipedrive.catalog.model import body, query
from airflow_provider_pipedrive.catalog.scopes import FILES_FULL, FILES_READ

ACTIONS = (
    action(
        "deleteFilters",
        "Delete several filters",
        delete("/v1/filters", FILES_FULL, tokens=10),
        query("ids", "array", required=True, items="integer"),
    ),
    action(
        "getFilters",
        "List filters",
        get("/v1/filters", FILES_READ, tokens=20),
        query("type", "string", enum=("deals", "leads", "org", "people", "products", "activity", "projects")),
        result="records",
    ),
    action(
        "addFilter",
        "Add a filter",
        post("/v1/filters", FILES_FULL, tokens=10),
        query("include_field_code", "boolean"),
        body("name", "string", required=True),
        body("conditions", "object", required=True),
        body(
            "type",
            "string",
            required=True,
            enum=("deals", "leads", "org", "people", "products", "activity", "projects"),
        ),
    ),
    action(
        "getFilterHelpers", "Get the helpers for writing filters", get("/v1/filters/helpers", FILES_READ, tokens=20)
    ),
    action("deleteFilter", "Delete a filter", delete("/v1/filters/{id}", FILES_FULL, tokens=6)),
    action(
        "getFilter",
        "Get a filter",
        get("/v1/filters/{id}", FILES_READ, tokens=2),
        query("include_field_code", "boolean"),
    ),
    action(
        "updateFilter",
        "Update a filter",
        put("/v1/filters/{id}", FILES_FULL, tokens=10),
        query("include_field_code", "boolean"),
        body("conditions", "object", required=True),
        body("name", "string"),
    ),
)

"""Project fields."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post
from airflow_provider_pipedrive.catalog.groups import (
    ADDED_OPTIONS,
    DELETED_OPTIONS,
    FIELD_CODE,
    FIELD_OPTIONS,
    FIELD_TYPES,
    UPDATED_OPTIONS,
    field_settings,
)
from airflow_provider_pipedrive.catalog.model import CURSOR, body
from airflow_provider_pipedrive.catalog.scopes import PROJECT_FIELDS_FULL
from airflow_provider_pipedrive.catalog.shapes import VISIBILITY

ACTIONS = (
    action(
        "getProjectFields",
        "List project fields",
        get("/api/v2/projectFields", ("projects:read", "projects:full", "project-fields:full"), tokens=10),
        result="records",
        paging=CURSOR,
        lifecycle="beta",
    ),
    action(
        "addProjectField",
        "Add a project field",
        post("/api/v2/projectFields", PROJECT_FIELDS_FULL, tokens=5),
        body("field_name", "string", required=True),
        body("field_type", "string", required=True, enum=FIELD_TYPES),
        FIELD_OPTIONS,
        *field_settings(VISIBILITY),
        lifecycle="beta",
    ),
    action(
        "deleteProjectField",
        "Delete a project field",
        delete("/api/v2/projectFields/{field_code}", PROJECT_FIELDS_FULL, tokens=3),
        FIELD_CODE,
        lifecycle="beta",
    ),
    action(
        "getProjectField",
        "Get a project field",
        get("/api/v2/projectFields/{field_code}", ("projects:read", "projects:full", "project-fields:full"), tokens=1),
        FIELD_CODE,
        lifecycle="beta",
    ),
    action(
        "updateProjectField",
        "Update a project field",
        patch("/api/v2/projectFields/{field_code}", PROJECT_FIELDS_FULL, tokens=5),
        FIELD_CODE,
        body("field_name", "string"),
        *field_settings(VISIBILITY),
        lifecycle="beta",
    ),
    action(
        "deleteProjectFieldOptions",
        "Delete options of a project field",
        delete("/api/v2/projectFields/{field_code}/options", PROJECT_FIELDS_FULL, tokens=3),
        FIELD_CODE,
        DELETED_OPTIONS,
        result="records",
        lifecycle="beta",
    ),
    action(
        "updateProjectFieldOptions",
        "Update options of a project field",
        patch("/api/v2/projectFields/{field_code}/options", PROJECT_FIELDS_FULL, tokens=5),
        FIELD_CODE,
        UPDATED_OPTIONS,
        result="records",
        lifecycle="beta",
    ),
    action(
        "addProjectFieldOptions",
        "Add options to a project field",
        post("/api/v2/projectFields/{field_code}/options", PROJECT_FIELDS_FULL, tokens=5),
        FIELD_CODE,
        ADDED_OPTIONS,
        result="records",
        lifecycle="beta",
    ),
)

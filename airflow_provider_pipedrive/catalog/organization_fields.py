"""Organization fields."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post, put
from airflow_provider_pipedrive.catalog.groups import (
    ADDED_OPTIONS,
    DELETED_OPTIONS,
    FIELD_CODE,
    FIELD_CODE_OR_ID,
    FIELD_EXTRAS,
    FIELD_OPTIONS,
    FIELD_TYPES,
    FIELD_TYPES_V1,
    UPDATED_OPTIONS,
    field_settings,
)
from airflow_provider_pipedrive.catalog.model import CURSOR, OFFSET, body, query
from airflow_provider_pipedrive.catalog.scopes import (
    CONTACT_FIELDS_CHANGE,
    CONTACT_FIELDS_FULL,
    CONTACT_FIELDS_READ,
    CONTACT_FIELDS_READ_V1,
    CONTACT_FIELDS_V1,
)
from airflow_provider_pipedrive.catalog.shapes import VISIBILITY_IN_ORGANIZATIONS

ACTIONS = (
    action(
        "deleteOrganizationFields",
        "Delete several organization fields",
        delete("/v1/organizationFields", CONTACT_FIELDS_V1, tokens=10),
        query("ids", "array", required=True, items="integer"),
    ),
    action(
        "getOrganizationFieldsV1",
        "List organization fields",
        get("/v1/organizationFields", CONTACT_FIELDS_READ_V1, tokens=20),
        result="records",
        paging=OFFSET,
    ),
    action(
        "addOrganizationFieldV1",
        "Add an organization field",
        post("/v1/organizationFields", CONTACT_FIELDS_V1, tokens=10),
        body("name", "string", required=True),
        FIELD_OPTIONS,
        body("add_visible_flag", "boolean"),
        body("field_type", "string", required=True, enum=FIELD_TYPES_V1),
    ),
    action(
        "deleteOrganizationFieldV1",
        "Delete an organization field",
        delete("/v1/organizationFields/{id}", CONTACT_FIELDS_V1, tokens=6),
    ),
    action(
        "getOrganizationFieldV1",
        "Get an organization field",
        get("/v1/organizationFields/{id}", CONTACT_FIELDS_READ_V1, tokens=2),
    ),
    action(
        "updateOrganizationFieldV1",
        "Update an organization field",
        put("/v1/organizationFields/{id}", CONTACT_FIELDS_V1, tokens=10),
        body("name", "string"),
        FIELD_OPTIONS,
        body("add_visible_flag", "boolean"),
    ),
    action(
        "getOrganizationFields",
        "List organization fields",
        get("/api/v2/organizationFields", CONTACT_FIELDS_READ, tokens=10),
        FIELD_EXTRAS,
        result="records",
        paging=CURSOR,
    ),
    action(
        "addOrganizationField",
        "Add an organization field",
        post("/api/v2/organizationFields", CONTACT_FIELDS_FULL, tokens=5),
        body("field_name", "string", required=True),
        body("field_type", "string", required=True, enum=FIELD_TYPES),
        FIELD_OPTIONS,
        *field_settings(VISIBILITY_IN_ORGANIZATIONS),
    ),
    action(
        "deleteOrganizationField",
        "Delete an organization field",
        delete("/api/v2/organizationFields/{field_code}", CONTACT_FIELDS_FULL, tokens=3),
        FIELD_CODE_OR_ID,
    ),
    action(
        "getOrganizationField",
        "Get an organization field",
        get("/api/v2/organizationFields/{field_code}", CONTACT_FIELDS_READ, tokens=1),
        FIELD_CODE_OR_ID,
        FIELD_EXTRAS,
    ),
    action(
        "updateOrganizationField",
        "Update an organization field",
        patch("/api/v2/organizationFields/{field_code}", CONTACT_FIELDS_CHANGE, tokens=5),
        FIELD_CODE_OR_ID,
        body("field_name", "string"),
        *field_settings(VISIBILITY_IN_ORGANIZATIONS),
    ),
    action(
        "deleteOrganizationFieldOptions",
        "Delete options of an organization field",
        delete("/api/v2/organizationFields/{field_code}/options", CONTACT_FIELDS_CHANGE, tokens=3),
        FIELD_CODE,
        DELETED_OPTIONS,
        result="records",
    ),
    action(
        "updateOrganizationFieldOptions",
        "Update options of an organization field",
        patch("/api/v2/organizationFields/{field_code}/options", CONTACT_FIELDS_CHANGE, tokens=5),
        FIELD_CODE,
        UPDATED_OPTIONS,
        result="records",
    ),
    action(
        "addOrganizationFieldOptions",
        "Add options to an organization field",
        post("/api/v2/organizationFields/{field_code}/options", CONTACT_FIELDS_CHANGE, tokens=5),
        FIELD_CODE,
        ADDED_OPTIONS,
        result="records",
    ),
)

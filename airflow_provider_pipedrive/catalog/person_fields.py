"""Person fields."""

from airflow_provider_pipedrive.catalog.declaring import action, alias, delete, get, patch, post, put
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
from airflow_provider_pipedrive.catalog.shapes import VISIBILITY_IN_PERSONS

_GET_PERSON_FIELD = action(
    "getPersonField",
    "Get a person field",
    get("/api/v2/personFields/{field_code}", CONTACT_FIELDS_READ, tokens=1),
    FIELD_CODE_OR_ID,
    FIELD_EXTRAS,
)
ACTIONS = (
    action(
        "deletePersonFields",
        "Delete several person fields",
        delete("/v1/personFields", CONTACT_FIELDS_V1, tokens=10),
        query("ids", "array", required=True, items="integer"),
    ),
    action(
        "getPersonFieldsV1",
        "List person fields",
        get("/v1/personFields", CONTACT_FIELDS_READ_V1, tokens=20),
        result="records",
        paging=OFFSET,
    ),
    action(
        "addPersonFieldV1",
        "Add a person field",
        post("/v1/personFields", CONTACT_FIELDS_V1, tokens=10),
        body("name", "string", required=True),
        FIELD_OPTIONS,
        body("add_visible_flag", "boolean"),
        body("field_type", "string", required=True, enum=FIELD_TYPES_V1),
    ),
    action(
        "deletePersonFieldV1", "Delete a person field", delete("/v1/personFields/{id}", CONTACT_FIELDS_V1, tokens=6)
    ),
    action("getPersonFieldV1", "Get a person field", get("/v1/personFields/{id}", CONTACT_FIELDS_READ_V1, tokens=2)),
    action(
        "updatePersonFieldV1",
        "Update a person field",
        put("/v1/personFields/{id}", CONTACT_FIELDS_V1, tokens=10),
        body("name", "string"),
        FIELD_OPTIONS,
        body("add_visible_flag", "boolean"),
    ),
    action(
        "getPersonFields",
        "List person fields",
        get("/api/v2/personFields", CONTACT_FIELDS_READ, tokens=10),
        FIELD_EXTRAS,
        result="records",
        paging=CURSOR,
    ),
    action(
        "addPersonField",
        "Add a person field",
        post("/api/v2/personFields", CONTACT_FIELDS_FULL, tokens=5),
        body("field_name", "string", required=True),
        body("field_type", "string", required=True, enum=FIELD_TYPES),
        FIELD_OPTIONS,
        *field_settings(VISIBILITY_IN_PERSONS),
    ),
    action(
        "deletePersonField",
        "Delete a person field",
        delete("/api/v2/personFields/{field_code}", CONTACT_FIELDS_FULL, tokens=3),
        FIELD_CODE_OR_ID,
    ),
    _GET_PERSON_FIELD,
    action(
        "updatePersonField",
        "Update a person field",
        patch("/api/v2/personFields/{field_code}", CONTACT_FIELDS_CHANGE, tokens=5),
        FIELD_CODE_OR_ID,
        body("field_name", "string"),
        *field_settings(VISIBILITY_IN_PERSONS),
    ),
    action(
        "deletePersonFieldOptions",
        "Delete options of a person field",
        delete("/api/v2/personFields/{field_code}/options", CONTACT_FIELDS_CHANGE, tokens=3),
        FIELD_CODE,
        DELETED_OPTIONS,
        result="records",
    ),
    action(
        "updatePersonFieldOptions",
        "Update options of a person field",
        patch("/api/v2/personFields/{field_code}/options", CONTACT_FIELDS_CHANGE, tokens=5),
        FIELD_CODE,
        UPDATED_OPTIONS,
        result="records",
    ),
    action(
        "addPersonFieldOptions",
        "Add options to a person field",
        post("/api/v2/personFields/{field_code}/options", CONTACT_FIELDS_CHANGE, tokens=5),
        FIELD_CODE,
        ADDED_OPTIONS,
        result="records",
    ),
    alias(
        _GET_PERSON_FIELD,
        "getPersonFieldDetails",
        "Get a person field by its field code or numeric id",
    ),
)

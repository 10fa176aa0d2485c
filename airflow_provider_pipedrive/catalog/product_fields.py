"""Product fields."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post, put
from airflow_provider_pipedrive.catalog.groups import (
    ADDED_OPTIONS,
    DELETED_OPTIONS,
    FIELD_CODE,
    FIELD_CODE_OR_ID,
    FIELD_OPTIONS,
    FIELD_TYPES,
    UPDATED_OPTIONS,
)
from airflow_provider_pipedrive.catalog.model import CURSOR, OFFSET, body, query
from airflow_provider_pipedrive.catalog.scopes import PRODUCT_FIELDS_CHANGE, PRODUCT_FIELDS_V1
from airflow_provider_pipedrive.catalog.shapes import VISIBILITY

ACTIONS = (
    action(
        "deleteProductFields",
        "Delete several product fields",
        delete("/v1/productFields", PRODUCT_FIELDS_V1, tokens=10),
        query("ids", "array", required=True, items="integer"),
    ),
    action(
        "getProductFieldsV1",
        "List product fields",
        get("/v1/productFields", ("products:read", "product-fields:full", "products:full"), tokens=20),
        result="records",
        paging=OFFSET,
    ),
    action(
        "addProductFieldV1",
        "Add a product field",
        post("/v1/productFields", PRODUCT_FIELDS_V1, tokens=10),
        body("name", "string", required=True),
        body(
            "field_type",
            "string",
            required=True,
            enum=(
                "varchar",
                "varchar_auto",
                "text",
                "double",
                "monetary",
                "date",
                "set",
                "enum",
                "user",
                "org",
                "people",
                "phone",
                "time",
                "timerange",
                "daterange",
                "address",
            ),
        ),
        FIELD_OPTIONS,
    ),
    action(
        "deleteProductFieldV1", "Delete a product field", delete("/v1/productFields/{id}", PRODUCT_FIELDS_V1, tokens=6)
    ),
    action(
        "getProductFieldV1",
        "Get a product field",
        get("/v1/productFields/{id}", ("products:read", "product-fields:full", "products:full"), tokens=2),
    ),
    action(
        "updateProductFieldV1",
        "Update a product field",
        put("/v1/productFields/{id}", PRODUCT_FIELDS_V1, tokens=10),
        body("name", "string"),
        FIELD_OPTIONS,
    ),
    action(
        "getProductFields",
        "List product fields",
        get("/api/v2/productFields", ("products:read", "products:full", "product-fields:full"), tokens=10),
        query("include_fields", "array", items="string", enum=("ui_visibility",)),
        result="records",
        paging=CURSOR,
    ),
    action(
        "addProductField",
        "Add a product field",
        post("/api/v2/productFields", PRODUCT_FIELDS_CHANGE, tokens=5),
        body("field_name", "string", required=True),
        body("field_type", "string", required=True, enum=FIELD_TYPES),
        FIELD_OPTIONS,
        body("ui_visibility", "object", parts=VISIBILITY),
    ),
    action(
        "deleteProductField",
        "Delete a product field",
        delete("/api/v2/productFields/{field_code}", PRODUCT_FIELDS_CHANGE, tokens=3),
        FIELD_CODE_OR_ID,
    ),
    action(
        "getProductField",
        "Get a product field",
        get("/api/v2/productFields/{field_code}", ("products:read", "products:full", "product-fields:full"), tokens=1),
        FIELD_CODE_OR_ID,
        query("include_fields", "array", items="string", enum=("ui_visibility",)),
    ),
    action(
        "updateProductField",
        "Update a product field",
        patch("/api/v2/productFields/{field_code}", PRODUCT_FIELDS_CHANGE, tokens=5),
        FIELD_CODE_OR_ID,
        body("field_name", "string"),
        body("ui_visibility", "object", parts=VISIBILITY),
    ),
    action(
        "deleteProductFieldOptions",
        "Delete options of a product field",
        delete("/api/v2/productFields/{field_code}/options", PRODUCT_FIELDS_CHANGE, tokens=3),
        FIELD_CODE,
        DELETED_OPTIONS,
        result="records",
    ),
    action(
        "updateProductFieldOptions",
        "Update options of a product field",
        patch("/api/v2/productFields/{field_code}/options", PRODUCT_FIELDS_CHANGE, tokens=5),
        FIELD_CODE,
        UPDATED_OPTIONS,
        result="records",
    ),
    action(
        "addProductFieldOptions",
        "Add options to a product field",
        post("/api/v2/productFields/{field_code}/options", PRODUCT_FIELDS_CHANGE, tokens=5),
        FIELD_CODE,
        ADDED_OPTIONS,
        result="records",
    ),
)

"""Item search."""

from airflow_provider_pipedrive.catalog.model import Action, Paging, query

ACTIONS = (
    Action(
        key="searchItem",
        summary="Search several types of items",
        method="GET",
        path="/api/v2/itemSearch",
        scopes=("search:read",),
        token_cost=20,
        result="records",
        parameters=(
            query("term", "string", required=True),
            query(
                "item_types",
                "array",
                items="string",
                enum=("deal", "person", "organization", "product", "lead", "file", "mail_attachment", "project"),
            ),
            query(
                "fields",
                "array",
                items="string",
                enum=("address", "code", "custom_fields", "email", "name", "notes", "phone", "title", "description"),
            ),
            query("search_for_related_items", "boolean"),
            query("exact_match", "boolean"),
            query("include_fields", "array", items="string", enum=("deal.cc_email", "person.picture", "product.price")),
            query("limit", "integer", maximum=100),
            query("cursor", "string"),
        ),
        paging=Paging("cursor", 100),
        records_path="items",
        idempotent=True,
    ),
    Action(
        key="searchItemByField",
        summary="Search one field of one type of item",
        method="GET",
        path="/api/v2/itemSearch/field",
        scopes=("search:read",),
        token_cost=20,
        result="records",
        parameters=(
            query("term", "string", required=True),
            query(
                "entity_type",
                "string",
                required=True,
                enum=("deal", "lead", "person", "organization", "product", "project"),
            ),
            query("match", "string", enum=("exact", "beginning", "middle")),
            query("field", "string", required=True),
            query("limit", "integer", maximum=100),
            query("cursor", "string"),
        ),
        paging=Paging("cursor", 100),
        records_path="items",
        idempotent=True,
    ),
)

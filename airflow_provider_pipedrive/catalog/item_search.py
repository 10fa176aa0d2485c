"""Item search."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.model import Paging, query
from airflow_provider_pipedrive.catalog.scopes import SEARCH_READ

ACTIONS = (
    action(
        "searchItem",
        "Search several types of items",
        get("/api/v2/itemSearch", SEARCH_READ, tokens=20),
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
        result="records",
        records_path="items",
        paging=Paging("cursor", 100),
    ),
    action(
        "searchItemByField",
        "Search one field of one type of item",
        get("/api/v2/itemSearch/field", SEARCH_READ, tokens=20),
        query("term", "string", required=True),
        query(
            "entity_type",
            "string",
            required=True,
            enum=("deal", "lead", "person", "organization", "product", "project"),
        ),
        query("match", "string", enum=("exact", "beginning", "middle")),
        query("field", "string", required=True),
        result="records",
        records_path="items",
        paging=Paging("cursor", 100),
    ),
)

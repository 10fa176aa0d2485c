"""Organization relationships."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, post, put
from airflow_provider_pipedrive.catalog.model import body, query
from airflow_provider_pipedrive.catalog.scopes import CONTACTS_FULL, CONTACTS_READ

ACTIONS = (
    action(
        "getOrganizationRelationships",
        "List the relationships of an organization",
        get("/v1/organizationRelationships", CONTACTS_READ, tokens=20),
        query("org_id", "integer", required=True),
        result="records",
    ),
    action(
        "addOrganizationRelationship",
        "Add an organization relationship",
        post("/v1/organizationRelationships", CONTACTS_FULL, tokens=10),
        body("type", "string", required=True, enum=("parent", "related")),
        body("rel_owner_org_id", "integer", required=True),
        body("rel_linked_org_id", "integer", required=True),
        body("org_id", "integer"),
    ),
    action(
        "deleteOrganizationRelationship",
        "Delete an organization relationship",
        delete("/v1/organizationRelationships/{id}", CONTACTS_FULL, tokens=6),
    ),
    action(
        "getOrganizationRelationship",
        "Get an organization relationship",
        get("/v1/organizationRelationships/{id}", CONTACTS_READ, tokens=2),
        query("org_id", "integer"),
    ),
    action(
        "updateOrganizationRelationship",
        "Update an organization relationship",
        put("/v1/organizationRelationships/{id}", CONTACTS_FULL, tokens=10),
        body("org_id", "integer"),
        body("type", "string", enum=("parent", "related")),
        body("rel_owner_org_id", "integer"),
        body("rel_linked_org_id", "integer"),
    ),
)

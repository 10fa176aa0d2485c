"""Permission sets."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.model import Paging, path, query
from airflow_provider_pipedrive.catalog.scopes import ADMIN

ACTIONS = (
    action(
        "getPermissionSets",
        "List permission sets",
        get("/v1/permissionSets", ADMIN, tokens=20),
        query(
            "app",
            "string",
            enum=("sales", "projects", "campaigns", "global", "account_settings", "partnership", "nova"),
        ),
        result="records",
    ),
    action(
        "getPermissionSet",
        "Get a permission set",
        get("/v1/permissionSets/{id}", ADMIN, tokens=2),
        path("id", "string"),
    ),
    action(
        "getPermissionSetAssignments",
        "List the assignments of a permission set",
        get("/v1/permissionSets/{id}/assignments", ADMIN, tokens=20),
        path("id", "string"),
        result="records",
        paging=Paging("short_page", 500),
    ),
)

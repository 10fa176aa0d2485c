"""Permission sets."""

from airflow_provider_pipedrive.catalog.model import Action, Paging, path, query

ACTIONS = (
    Action(
        key="getPermissionSets",
        summary="List permission sets",
        method="GET",
        path="/v1/permissionSets",
        scopes=("admin",),
        token_cost=20,
        result="records",
        parameters=(
            query(
                "app",
                "string",
                enum=("sales", "projects", "campaigns", "global", "account_settings", "partnership", "nova"),
            ),
        ),
        idempotent=True,
    ),
    Action(
        key="getPermissionSet",
        summary="Get a permission set",
        method="GET",
        path="/v1/permissionSets/{id}",
        scopes=("admin",),
        token_cost=2,
        result="record",
        parameters=(path("id", "string"),),
        idempotent=True,
    ),
    Action(
        key="getPermissionSetAssignments",
        summary="List the assignments of a permission set",
        method="GET",
        path="/v1/permissionSets/{id}/assignments",
        scopes=("admin",),
        token_cost=20,
        result="records",
        parameters=(path("id", "string"), query("start", "integer"), query("limit", "integer", maximum=500)),
        paging=Paging("short_page", 500),
        idempotent=True,
    ),
)

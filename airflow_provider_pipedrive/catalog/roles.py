"""Roles."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, post, put
from airflow_provider_pipedrive.catalog.model import OFFSET, body, query
from airflow_provider_pipedrive.catalog.scopes import ADMIN

ACTIONS = (
    action("getRoles", "List roles", get("/v1/roles", ADMIN, tokens=20), result="records", paging=OFFSET),
    action(
        "addRole",
        "Add a role",
        post("/v1/roles", ADMIN, tokens=10),
        body("name", "string", required=True),
        body("parent_role_id", "integer", nullable=True),
    ),
    action("deleteRole", "Delete a role", delete("/v1/roles/{id}", ADMIN, tokens=6)),
    action("getRole", "Get a role", get("/v1/roles/{id}", ADMIN, tokens=2)),
    action(
        "updateRole",
        "Update a role",
        put("/v1/roles/{id}", ADMIN, tokens=10),
        body("parent_role_id", "integer", nullable=True),
        body("name", "string"),
    ),
    action(
        "deleteRoleAssignment",
        "Take a role from a user",
        delete("/v1/roles/{id}/assignments", ADMIN, tokens=6),
        body("user_id", "integer", required=True),
    ),
    action(
        "getRoleAssignments",
        "List the users of a role",
        get("/v1/roles/{id}/assignments", ADMIN, tokens=10),
        result="records",
        paging=OFFSET,
    ),
    action(
        "addRoleAssignment",
        "Assign a role to a user",
        post("/v1/roles/{id}/assignments", ADMIN, tokens=10),
        body("user_id", "integer", required=True),
    ),
    action(
        "getRolePipelines",
        "List the pipelines that a role sees",
        get("/v1/roles/{id}/pipelines", ADMIN, tokens=20),
        query("visible", "boolean"),
    ),
    action(
        "updateRolePipelines",
        "Update the pipelines that a role sees",
        put("/v1/roles/{id}/pipelines", ADMIN, tokens=10),
        body("visible_pipeline_ids", "object", required=True),
    ),
    action("getRoleSettings", "List a role's settings", get("/v1/roles/{id}/settings", ADMIN, tokens=20)),
    action(
        "addOrUpdateRoleSetting",
        "Add or update a role's setting",
        post("/v1/roles/{id}/settings", ADMIN, tokens=10),
        body(
            "setting_key",
            "string",
            required=True,
            enum=(
                "deal_default_visibility",
                "lead_default_visibility",
                "org_default_visibility",
                "person_default_visibility",
                "product_default_visibility",
            ),
        ),
        body("value", "integer", required=True, enum=(1, 3, 5, 7)),
    ),
)

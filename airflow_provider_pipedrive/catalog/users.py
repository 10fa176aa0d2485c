"""Users."""

from airflow_provider_pipedrive.catalog.declaring import action, get, post, put
from airflow_provider_pipedrive.catalog.model import CURSOR, OFFSET, body, part, query
from airflow_provider_pipedrive.catalog.scopes import ADMIN, BASE, USERS_READ

ACTIONS = (
    action("getUsers", "List users", get("/v1/users", USERS_READ, tokens=20), result="records"),
    action(
        "addUser",
        "Add a user",
        post("/v1/users", ADMIN, tokens=10),
        body("email", "string", required=True),
        body(
            "access",
            "array",
            items="object",
            parts=(
                part(
                    "app",
                    "string",
                    enum=("global", "sales", "campaigns", "projects", "account_settings", "partnership", "nova"),
                ),
                part("admin", "boolean"),
                part("permission_set_id", "string"),
            ),
        ),
        body("active_flag", "boolean"),
    ),
    action(
        "findUsersByName",
        "Find users by name",
        get("/v1/users/find", USERS_READ, tokens=40),
        query("term", "string", required=True),
        query("search_by_email", "flag"),
        result="records",
    ),
    action("getCurrentUser", "Get the authorized user", get("/v1/users/me", BASE, tokens=2)),
    action("getUser", "Get a user", get("/v1/users/{id}", USERS_READ, tokens=2)),
    action(
        "updateUser",
        "Update a user",
        put("/v1/users/{id}", ADMIN, tokens=10),
        body("active_flag", "boolean", required=True),
    ),
    action(
        "getUserFollowersV1",
        "List followers of a user",
        get("/v1/users/{id}/followers", USERS_READ, tokens=20),
        result="records",
    ),
    action("getUserPermissions", "Get a user's permissions", get("/v1/users/{id}/permissions", USERS_READ, tokens=10)),
    action(
        "getUserRoleAssignments",
        "List a user's roles",
        get("/v1/users/{id}/roleAssignments", USERS_READ, tokens=10),
        result="records",
        paging=OFFSET,
    ),
    action(
        "getUserRoleSettings",
        "Get the settings of a user's role",
        get("/v1/users/{id}/roleSettings", USERS_READ, tokens=10),
    ),
    action(
        "getUserFollowers",
        "List followers of a user",
        get("/api/v2/users/{id}/followers", USERS_READ, tokens=10),
        result="records",
        paging=CURSOR,
    ),
)

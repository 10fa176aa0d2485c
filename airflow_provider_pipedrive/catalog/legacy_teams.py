"""Legacy teams."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, post, put
from airflow_provider_pipedrive.catalog.model import body, query
from airflow_provider_pipedrive.catalog.scopes import ADMIN, USERS_READ

_LISTED = (
    query("order_by", "string", enum=("id", "name", "manager_id", "active_flag")),
    query("skip_users", "flag"),
)
ACTIONS = (
    action(
        "getTeams",
        "List teams",
        get("/v1/legacyTeams", USERS_READ, tokens=20),
        *_LISTED,
        result="records",
        lifecycle="deprecated",
    ),
    action(
        "addTeam",
        "Add a team",
        post("/v1/legacyTeams", ADMIN, tokens=10),
        body("name", "string", required=True),
        body("manager_id", "integer", required=True),
        body("description", "string"),
        body("users", "array", items="integer"),
        lifecycle="deprecated",
    ),
    action(
        "getUserTeams",
        "List a user's teams",
        get("/v1/legacyTeams/user/{id}", USERS_READ, tokens=20),
        *_LISTED,
        result="records",
        lifecycle="deprecated",
    ),
    action(
        "getTeam",
        "Get a team",
        get("/v1/legacyTeams/{id}", USERS_READ, tokens=2),
        query("skip_users", "flag"),
        lifecycle="deprecated",
    ),
    action(
        "updateTeam",
        "Update a team",
        put("/v1/legacyTeams/{id}", ADMIN, tokens=10),
        body("name", "string"),
        body("description", "string"),
        body("manager_id", "integer"),
        body("users", "array", items="integer"),
        body("active_flag", "flag"),
        body("deleted_flag", "flag"),
        lifecycle="deprecated",
    ),
    action(
        "deleteTeamUser",
        "Delete users from a team",
        delete("/v1/legacyTeams/{id}/users", ADMIN, tokens=10),
        body("users", "array", required=True, items="integer"),
        result="records",
        lifecycle="deprecated",
    ),
    action(
        "getTeamUsers",
        "List the users of a team",
        get("/v1/legacyTeams/{id}/users", USERS_READ, tokens=20),
        result="records",
        lifecycle="deprecated",
    ),
    action(
        "addTeamUser",
        "Add users to a team",
        post("/v1/legacyTeams/{id}/users", ADMIN, tokens=10),
        body("users", "array", required=True, items="integer"),
        result="records",
        lifecycle="deprecated",
    ),
)

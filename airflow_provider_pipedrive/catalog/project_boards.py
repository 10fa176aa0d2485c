"""Project boards."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post
from airflow_provider_pipedrive.catalog.model import body
from airflow_provider_pipedrive.catalog.scopes import PROJECTS_FULL, PROJECTS_READ

ACTIONS = (
    action(
        "getProjectsBoardsV1",
        "List project boards",
        get("/v1/projects/boards", PROJECTS_READ, tokens=20),
        result="records",
    ),
    action("getProjectsBoardV1", "Get a project board", get("/v1/projects/boards/{id}", PROJECTS_READ, tokens=2)),
    action(
        "getProjectsBoards",
        "List project boards",
        get("/api/v2/boards", PROJECTS_READ, tokens=10),
        result="records",
        lifecycle="beta",
    ),
    action(
        "addProjectBoard",
        "Add a project board",
        post("/api/v2/boards", PROJECTS_FULL, tokens=5),
        body("name", "string", required=True),
        body("order_nr", "integer"),
        lifecycle="beta",
    ),
    action(
        "deleteProjectBoard",
        "Delete a project board",
        delete("/api/v2/boards/{id}", PROJECTS_FULL, tokens=3),
        lifecycle="beta",
    ),
    action(
        "getProjectsBoard",
        "Get a project board",
        get("/api/v2/boards/{id}", PROJECTS_READ, tokens=10),
        lifecycle="beta",
    ),
    action(
        "updateProjectBoard",
        "Update a project board",
        patch("/api/v2/boards/{id}", PROJECTS_FULL, tokens=5),
        body("name", "string"),
        body("order_nr", "integer"),
        lifecycle="beta",
    ),
)

"""Project phases."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post
from airflow_provider_pipedrive.catalog.model import body, query
from airflow_provider_pipedrive.catalog.scopes import PROJECTS_FULL, PROJECTS_READ

ACTIONS = (
    action(
        "getProjectsPhasesV1",
        "List the phases of a project board",
        get("/v1/projects/phases", PROJECTS_READ, tokens=20),
        query("board_id", "integer", required=True),
        result="records",
    ),
    action("getProjectsPhaseV1", "Get a project phase", get("/v1/projects/phases/{id}", ("projects:read",), tokens=2)),
    action(
        "getProjectsPhases",
        "List the phases of a project board",
        get("/api/v2/phases", PROJECTS_READ, tokens=10),
        query("board_id", "integer", required=True),
        result="records",
        lifecycle="beta",
    ),
    action(
        "addProjectPhase",
        "Add a project phase",
        post("/api/v2/phases", PROJECTS_FULL, tokens=5),
        body("name", "string", required=True),
        body("board_id", "integer", required=True),
        body("order_nr", "integer"),
        lifecycle="beta",
    ),
    action(
        "deleteProjectPhase",
        "Delete a project phase",
        delete("/api/v2/phases/{id}", PROJECTS_FULL, tokens=3),
        lifecycle="beta",
    ),
    action(
        "getProjectsPhase",
        "Get a project phase",
        get("/api/v2/phases/{id}", PROJECTS_READ, tokens=10),
        lifecycle="beta",
    ),
    action(
        "updateProjectPhase",
        "Update a project phase",
        patch("/api/v2/phases/{id}", PROJECTS_FULL, tokens=5),
        body("name", "string"),
        body("board_id", "integer"),
        body("order_nr", "integer"),
        lifecycle="beta",
    ),
)

"""Project templates."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.model import CURSOR
from airflow_provider_pipedrive.catalog.scopes import PROJECTS_READ

ACTIONS = (
    action(
        "getProjectTemplatesV1",
        "List project templates",
        get("/v1/projectTemplates", PROJECTS_READ, tokens=20),
        result="records",
        paging=CURSOR,
    ),
    action("getProjectTemplateV1", "Get a project template", get("/v1/projectTemplates/{id}", PROJECTS_READ, tokens=2)),
    action(
        "getProjectTemplates",
        "List project templates",
        get("/api/v2/projectTemplates", PROJECTS_READ, tokens=10),
        result="records",
        paging=CURSOR,
    ),
    action(
        "getProjectTemplate", "Get a project template", get("/api/v2/projectTemplates/{id}", PROJECTS_READ, tokens=1)
    ),
)

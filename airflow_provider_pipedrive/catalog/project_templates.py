"""Project templates."""

from airflow_provider_pipedrive.catalog.model import CURSOR, Action, path, query

ACTIONS = (
    Action(
        key="getProjectTemplatesV1",
        summary="List project templates",
        method="GET",
        path="/v1/projectTemplates",
        scopes=("projects:read", "projects:full"),
        token_cost=20,
        result="records",
        parameters=(query("cursor", "string"), query("limit", "integer", maximum=500)),
        paging=CURSOR,
        idempotent=True,
    ),
    Action(
        key="getProjectTemplateV1",
        summary="Get a project template",
        method="GET",
        path="/v1/projectTemplates/{id}",
        scopes=("projects:read", "projects:full"),
        token_cost=2,
        result="record",
        parameters=(path("id"),),
        idempotent=True,
    ),
    Action(
        key="getProjectTemplates",
        summary="List project templates",
        method="GET",
        path="/api/v2/projectTemplates",
        scopes=("projects:read", "projects:full"),
        token_cost=10,
        result="records",
        parameters=(query("cursor", "string"), query("limit", "integer", maximum=500)),
        paging=CURSOR,
        idempotent=True,
    ),
    Action(
        key="getProjectTemplate",
        summary="Get a project template",
        method="GET",
        path="/api/v2/projectTemplates/{id}",
        scopes=("projects:read", "projects:full"),
        token_cost=1,
        result="record",
        parameters=(path("id"),),
        idempotent=True,
    ),
)

"""Activity fields."""

from airflow_provider_pipedrive.catalog.model import CURSOR, Action, path, query

ACTIONS = (
    Action(
        key="getActivityFieldsV1",
        summary="List activity fields",
        method="GET",
        path="/v1/activityFields",
        scopes=("activities:read", "activities:full"),
        token_cost=20,
        result="records",
        idempotent=True,
    ),
    Action(
        key="getActivityFields",
        summary="List activity fields",
        method="GET",
        path="/api/v2/activityFields",
        scopes=("admin",),
        token_cost=10,
        result="records",
        parameters=(
            query("include_fields", "array", items="string", enum=("ui_visibility",)),
            query("limit", "integer", maximum=500),
            query("cursor", "string"),
        ),
        paging=CURSOR,
        idempotent=True,
    ),
    Action(
        key="getActivityField",
        summary="Get an activity field",
        method="GET",
        path="/api/v2/activityFields/{field_code}",
        scopes=("admin",),
        token_cost=1,
        result="record",
        parameters=(
            path("field_code", "string"),
            query("include_fields", "array", items="string", enum=("ui_visibility",)),
        ),
        idempotent=True,
    ),
)

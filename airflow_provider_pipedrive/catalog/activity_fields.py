"""Activity fields."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.groups import FIELD_CODE
from airflow_provider_pipedrive.catalog.model import CURSOR, query
from airflow_provider_pipedrive.catalog.scopes import ACTIVITIES_READ, ADMIN

ACTIONS = (
    action(
        "getActivityFieldsV1",
        "List activity fields",
        get("/v1/activityFields", ACTIVITIES_READ, tokens=20),
        result="records",
    ),
    action(
        "getActivityFields",
        "List activity fields",
        get("/api/v2/activityFields", ADMIN, tokens=10),
        query("include_fields", "array", items="string", enum=("ui_visibility",)),
        result="records",
        paging=CURSOR,
    ),
    action(
        "getActivityField",
        "Get an activity field",
        get("/api/v2/activityFields/{field_code}", ADMIN, tokens=1),
        FIELD_CODE,
        query("include_fields", "array", items="string", enum=("ui_visibility",)),
    ),
)

"""Activities."""

from airflow_provider_pipedrive.catalog.declaring import action, alias, delete, get, patch, post
from airflow_provider_pipedrive.catalog.groups import UPDATED
from airflow_provider_pipedrive.catalog.model import CURSOR, body, query
from airflow_provider_pipedrive.catalog.scopes import ACTIVITIES_FULL, ACTIVITIES_READ
from airflow_provider_pipedrive.catalog.shapes import ADDRESS, ATTENDEES, PARTICIPANTS

_ACTIVITY = (
    body("subject", "string"),
    body("type", "string"),
    body("owner_id", "integer"),
    body("deal_id", "integer"),
    body("lead_id", "string"),
    body("person_id", "integer"),
    body("org_id", "integer"),
    body("project_id", "integer"),
    body("due_date", "date"),
    body("due_time", "time"),
    body("duration", "time"),
    body("busy", "boolean"),
    body("done", "boolean"),
    body("location", "object", parts=ADDRESS),
    body("participants", "array", items="object", parts=PARTICIPANTS),
    body("attendees", "array", items="object", parts=ATTENDEES),
    body("public_description", "string"),
    body("priority", "integer"),
    body("outcome", "integer", nullable=True),
    body("note", "string"),
)
_GET_ACTIVITIES = action(
    "getActivities",
    "List activities",
    get("/api/v2/activities", ACTIVITIES_READ, tokens=10),
    query("filter_id", "integer"),
    query("ids", "array", items="integer", max_items=100),
    query("owner_id", "integer"),
    query("deal_id", "integer"),
    query("lead_id", "string"),
    query("person_id", "integer"),
    query("org_id", "integer"),
    query("done", "boolean"),
    *UPDATED,
    query("sort_by", "string", enum=("id", "update_time", "add_time", "due_date")),
    query("sort_direction", "string", enum=("asc", "desc")),
    query("include_fields", "array", items="string", enum=("attendees",)),
    result="records",
    paging=CURSOR,
    filter_overrides=("ids", "owner_id", "deal_id", "lead_id", "person_id", "org_id"),
)
ACTIONS = (
    _GET_ACTIVITIES,
    action("addActivity", "Add an activity", post("/api/v2/activities", ACTIVITIES_FULL, tokens=5), *_ACTIVITY),
    action("deleteActivity", "Delete an activity", delete("/api/v2/activities/{id}", ACTIVITIES_FULL, tokens=3)),
    action(
        "getActivity",
        "Get an activity",
        get("/api/v2/activities/{id}", ACTIVITIES_READ, tokens=1),
        query("include_fields", "array", items="string", enum=("attendees",)),
    ),
    action(
        "updateActivity", "Update an activity", patch("/api/v2/activities/{id}", ACTIVITIES_FULL, tokens=5), *_ACTIVITY
    ),
    alias(_GET_ACTIVITIES, "getDealActivities", "List a deal's activities", by="deal_id"),
    alias(_GET_ACTIVITIES, "getOrganizationActivities", "List an organization's activities", by="org_id"),
    alias(_GET_ACTIVITIES, "getPersonActivities", "List a person's activities", by="person_id"),
)

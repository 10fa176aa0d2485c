"""Goals."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, post, put
from airflow_provider_pipedrive.catalog.model import body, path, query
from airflow_provider_pipedrive.catalog.scopes import GOALS_FULL, GOALS_READ
from airflow_provider_pipedrive.catalog.shapes import GOAL_ASSIGNEE, GOAL_DURATION, GOAL_OUTCOME, GOAL_TYPE

ACTIONS = (
    action(
        "addGoal",
        "Add a goal",
        post("/v1/goals", GOALS_FULL, tokens=10),
        body("assignee", "object", required=True, parts=GOAL_ASSIGNEE),
        body("type", "object", required=True, parts=GOAL_TYPE),
        body("expected_outcome", "object", required=True, parts=GOAL_OUTCOME),
        body("duration", "object", required=True, parts=GOAL_DURATION),
        body("interval", "string", required=True, enum=("weekly", "monthly", "quarterly", "yearly")),
        body("title", "string"),
    ),
    action(
        "getGoals",
        "Find goals",
        get("/v1/goals/find", GOALS_READ, tokens=20),
        query(
            "type.name",
            "string",
            enum=("deals_won", "deals_progressed", "activities_completed", "activities_added", "deals_started"),
        ),
        query("title", "string"),
        query("is_active", "boolean"),
        query("assignee.id", "integer"),
        query("assignee.type", "string", enum=("person", "company", "team")),
        query("expected_outcome.target", "number"),
        query("expected_outcome.tracking_metric", "string", enum=("quantity", "sum")),
        query("expected_outcome.currency_id", "integer"),
        query("type.params.pipeline_id", "array", items="integer", repeated=True),
        query("type.params.stage_id", "integer"),
        query("type.params.activity_type_id", "array", items="integer", repeated=True),
        query("period.start", "date"),
        query("period.end", "date"),
    ),
    action(
        "deleteGoal",
        "Delete a goal",
        delete("/v1/goals/{id}", GOALS_FULL, tokens=6),
        path("id", "string"),
        result="nothing",
    ),
    action(
        "updateGoal",
        "Update a goal",
        put("/v1/goals/{id}", GOALS_FULL, tokens=10),
        path("id", "string"),
        body("title", "string"),
        body("assignee", "object", parts=GOAL_ASSIGNEE),
        body("type", "object", parts=GOAL_TYPE),
        body("expected_outcome", "object", parts=GOAL_OUTCOME),
        body("duration", "object", parts=GOAL_DURATION),
        body("interval", "string", enum=("weekly", "monthly", "quarterly", "yearly")),
    ),
    action(
        "getGoalResult",
        "Get a goal's result in a period",
        get("/v1/goals/{id}/results", GOALS_READ, tokens=20),
        path("id", "string"),
        query("period.start", "date", required=True),
        query("period.end", "date", required=True),
    ),
)

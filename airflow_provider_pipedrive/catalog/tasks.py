"""Tasks."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post, put
from airflow_provider_pipedrive.catalog.model import CURSOR, body, query
from airflow_provider_pipedrive.catalog.scopes import PROJECTS_FULL, PROJECTS_READ

_TASK_V1 = (
    body("description", "string"),
    body("parent_task_id", "integer"),
    body("assignee_id", "integer"),
    body("assignee_ids", "array", items="integer"),
    body("done", "flag"),
    body("due_date", "date"),
)
_TASK = (
    body("parent_task_id", "integer", nullable=True),
    body("description", "string", nullable=True),
    body("done", "flag"),
    body("milestone", "flag"),
    body("due_date", "date", nullable=True),
    body("start_date", "date", nullable=True),
    body("assignee_id", "integer", nullable=True),
    body("assignee_ids", "array", items="integer"),
    body("priority", "integer", nullable=True),
)
ACTIONS = (
    action(
        "getTasksV1",
        "List tasks",
        get("/v1/tasks", PROJECTS_READ, tokens=20),
        query("assignee_id", "integer"),
        query("project_id", "integer"),
        query("parent_task_id", "integer"),
        query("done", "flag"),
        result="records",
        paging=CURSOR,
    ),
    action(
        "addTaskV1",
        "Add a task",
        post("/v1/tasks", PROJECTS_FULL, tokens=10),
        body("title", "string", required=True),
        body("project_id", "integer", required=True),
        *_TASK_V1,
    ),
    action("deleteTaskV1", "Delete a task", delete("/v1/tasks/{id}", PROJECTS_FULL, tokens=6)),
    action("getTaskV1", "Get a task", get("/v1/tasks/{id}", PROJECTS_READ, tokens=2)),
    action(
        "updateTaskV1",
        "Update a task",
        put("/v1/tasks/{id}", PROJECTS_FULL, tokens=10),
        body("title", "string"),
        body("project_id", "integer"),
        *_TASK_V1,
    ),
    action(
        "getTasks",
        "List tasks",
        get("/api/v2/tasks", PROJECTS_READ, tokens=10),
        query("is_done", "boolean"),
        query("is_milestone", "boolean"),
        query("assignee_id", "integer"),
        query("project_id", "integer"),
        query("parent_task_id", "string"),
        result="records",
        paging=CURSOR,
        lifecycle="beta",
    ),
    action(
        "addTask",
        "Add a task",
        post("/api/v2/tasks", PROJECTS_FULL, tokens=5),
        body("title", "string", required=True),
        body("project_id", "integer", required=True),
        *_TASK,
        lifecycle="beta",
    ),
    action("deleteTask", "Delete a task", delete("/api/v2/tasks/{id}", PROJECTS_FULL, tokens=3), lifecycle="beta"),
    action("getTask", "Get a task", get("/api/v2/tasks/{id}", PROJECTS_READ, tokens=1), lifecycle="beta"),
    action(
        "updateTask",
        "Update a task",
        patch("/api/v2/tasks/{id}", PROJECTS_FULL, tokens=5),
        body("title", "string"),
        body("project_id", "integer"),
        *_TASK,
        lifecycle="beta",
    ),
)

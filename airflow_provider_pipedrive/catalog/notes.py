"""Notes."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, post, put
from airflow_provider_pipedrive.catalog.model import OFFSET, body, path, query
from airflow_provider_pipedrive.catalog.scopes import NOTES_FULL, NOTES_READ

_LINKS = (
    body("lead_id", "string"),
    body("deal_id", "integer"),
    body("person_id", "integer"),
    body("org_id", "integer"),
    body("project_id", "integer"),
    body("task_id", "integer"),
)
_PINNED = (
    body("user_id", "integer"),
    body("add_time", "datetime"),
    body("pinned_to_lead_flag", "flag"),
    body("pinned_to_deal_flag", "flag"),
    body("pinned_to_organization_flag", "flag"),
    body("pinned_to_person_flag", "flag"),
    body("pinned_to_project_flag", "flag"),
    body("pinned_to_task_flag", "flag"),
)
ACTIONS = (
    action(
        "getNotes",
        "List notes",
        get("/v1/notes", NOTES_READ, tokens=20),
        query("user_id", "integer"),
        query("lead_id", "string"),
        query("deal_id", "integer"),
        query("person_id", "integer"),
        query("org_id", "integer"),
        query("project_id", "integer"),
        query("task_id", "integer"),
        query("sort", "string"),
        query("start_date", "date"),
        query("end_date", "date"),
        query("updated_since", "datetime", time_format="v2"),
        query("pinned_to_lead_flag", "flag"),
        query("pinned_to_deal_flag", "flag"),
        query("pinned_to_organization_flag", "flag"),
        query("pinned_to_person_flag", "flag"),
        query("pinned_to_project_flag", "flag"),
        query("pinned_to_task_flag", "flag"),
        result="records",
        paging=OFFSET,
    ),
    action(
        "addNote",
        "Add a note",
        post("/v1/notes", NOTES_FULL, tokens=10),
        body("content", "string", required=True),
        *_LINKS,
        *_PINNED,
        one_of=("lead_id", "deal_id", "person_id", "org_id", "project_id", "task_id"),
    ),
    action("deleteNote", "Delete a note", delete("/v1/notes/{id}", NOTES_FULL, tokens=6)),
    action("getNote", "Get a note", get("/v1/notes/{id}", NOTES_READ, tokens=2)),
    action(
        "updateNote",
        "Update a note",
        put("/v1/notes/{id}", NOTES_FULL, tokens=10),
        *_PINNED,
        body("content", "string"),
        *_LINKS,
    ),
    action(
        "getNoteComments",
        "List the comments of a note",
        get("/v1/notes/{id}/comments", NOTES_READ, tokens=20),
        result="records",
        paging=OFFSET,
    ),
    action(
        "addNoteComment",
        "Add a comment to a note",
        post("/v1/notes/{id}/comments", NOTES_FULL, tokens=10),
        body("content", "string", required=True),
    ),
    action(
        "deleteComment",
        "Delete a comment of a note",
        delete("/v1/notes/{id}/comments/{commentId}", NOTES_FULL, tokens=6),
        path("commentId", "string"),
    ),
    action(
        "getComment",
        "Get a comment of a note",
        get("/v1/notes/{id}/comments/{commentId}", NOTES_READ, tokens=2),
        path("commentId", "string"),
    ),
    action(
        "updateCommentForNote",
        "Update a comment of a note",
        put("/v1/notes/{id}/comments/{commentId}", NOTES_FULL, tokens=10),
        path("commentId", "string"),
        body("content", "string", required=True),
    ),
)

"""Files."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, post, put
from airflow_provider_pipedrive.catalog.model import Paging, file, form, query
from airflow_provider_pipedrive.catalog.scopes import FILES_FULL, FILES_READ

ACTIONS = (
    action(
        "getFiles",
        "List files",
        get("/v1/files", FILES_READ, tokens=20),
        query("sort", "string"),
        result="records",
        paging=Paging("offset", 100),
    ),
    action(
        "addFile",
        "Upload a file",
        post("/v1/files", FILES_FULL, tokens=10),
        file("file", required=True),
        form("deal_id", "integer"),
        form("person_id", "integer"),
        form("org_id", "integer"),
        form("product_id", "integer"),
        form("activity_id", "integer"),
        form("lead_id", "string"),
        form("project_id", "integer"),
        result="upload",
    ),
    action(
        "addFileAndLinkIt",
        "Create a remote file and link it to an item",
        post("/v1/files/remote", FILES_FULL, tokens=10),
        form("file_type", "string", required=True),
        form("title", "string", required=True),
        form("item_type", "string", required=True),
        form("item_id", "integer", required=True),
        form("remote_location", "string", required=True),
    ),
    action(
        "linkFileToItem",
        "Link a remote file to an item",
        post("/v1/files/remoteLink", FILES_FULL, tokens=10),
        form("item_type", "string", required=True),
        form("item_id", "integer", required=True),
        form("remote_id", "string", required=True),
        form("remote_location", "string", required=True),
    ),
    action("deleteFile", "Delete a file", delete("/v1/files/{id}", FILES_FULL, tokens=6)),
    action("getFile", "Get a file", get("/v1/files/{id}", FILES_READ, tokens=2)),
    action(
        "updateFile",
        "Update a file's name and description",
        put("/v1/files/{id}", FILES_FULL, tokens=10),
        form("name", "string"),
        form("description", "string"),
    ),
    action("downloadFile", "Download a file", get("/v1/files/{id}/download", FILES_READ, tokens=20), result="binary"),
)

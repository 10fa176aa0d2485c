"""Meetings."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, post
from airflow_provider_pipedrive.catalog.model import body, path
from airflow_provider_pipedrive.catalog.scopes import VIDEO_CALLS

ACTIONS = (
    action(
        "saveUserProviderLink",
        "Link a user with the installed video call integration",
        post("/v1/meetings/userProviderLinks", VIDEO_CALLS, tokens=10),
        body("user_provider_id", "string", required=True),
        body("user_id", "integer", required=True),
        body("company_id", "integer", required=True),
        body("marketplace_client_id", "string", required=True),
    ),
    action(
        "deleteUserProviderLink",
        "Delete the link between a user and the installed video call integration",
        delete("/v1/meetings/userProviderLinks/{id}", VIDEO_CALLS, tokens=6),
        path("id", "string"),
    ),
)

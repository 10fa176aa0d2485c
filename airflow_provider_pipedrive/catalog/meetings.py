"""Meetings."""

from airflow_provider_pipedrive.catalog.model import Action, body, path

ACTIONS = (
    Action(
        key="saveUserProviderLink",
        summary="Link a user with the installed video call integration",
        method="POST",
        path="/v1/meetings/userProviderLinks",
        scopes=("video-calls",),
        token_cost=10,
        result="record",
        parameters=(
            body("user_provider_id", "string", required=True),
            body("user_id", "integer", required=True),
            body("company_id", "integer", required=True),
            body("marketplace_client_id", "string", required=True),
        ),
    ),
    Action(
        key="deleteUserProviderLink",
        summary="Delete the link between a user and the installed video call integration",
        method="DELETE",
        path="/v1/meetings/userProviderLinks/{id}",
        scopes=("video-calls",),
        token_cost=6,
        result="record",
        parameters=(path("id", "string"),),
        idempotent=True,
    ),
)

"""Webhooks."""

from airflow_provider_pipedrive.catalog.model import Action, body, path

ACTIONS = (
    Action(
        key="getWebhooks",
        summary="List webhooks",
        method="GET",
        path="/v1/webhooks",
        scopes=("admin",),
        token_cost=10,
        result="records",
        idempotent=True,
    ),
    Action(
        key="addWebhook",
        summary="Add a webhook",
        method="POST",
        path="/v1/webhooks",
        scopes=("admin",),
        token_cost=10,
        result="record",
        parameters=(
            body("subscription_url", "string", required=True),
            body("event_action", "string", required=True, enum=("create", "change", "delete", "*")),
            body(
                "event_object",
                "string",
                required=True,
                enum=(
                    "activity",
                    "deal",
                    "lead",
                    "note",
                    "organization",
                    "person",
                    "pipeline",
                    "product",
                    "stage",
                    "user",
                    # https://developers.pipedrive.com/changelog/post/introducing-support-for-projects-in-webhooks-v2
                    "project",
                    "task",
                    "board",
                    "phase",
                    # https://pipedrive.readme.io/docs/list-of-webhooks-v2
                    "deal_product",
                    "deal_installment",
                    "*",
                ),
            ),
            body("name", "string", required=True),
            body("user_id", "integer"),
            body("http_auth_user", "string", nullable=True),
            body("http_auth_password", "string", nullable=True),
            body("version", "string", enum=("1.0", "2.0")),
        ),
    ),
    Action(
        key="deleteWebhook",
        summary="Delete a webhook",
        method="DELETE",
        path="/v1/webhooks/{id}",
        scopes=("admin",),
        token_cost=6,
        result="nothing",
        parameters=(path("id"),),
        idempotent=True,
    ),
)

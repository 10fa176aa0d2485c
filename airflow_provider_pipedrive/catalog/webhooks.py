"""Webhooks."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, post
from airflow_provider_pipedrive.catalog.model import body
from airflow_provider_pipedrive.catalog.scopes import ADMIN

ACTIONS = (
    action("getWebhooks", "List webhooks", get("/v1/webhooks", ADMIN, tokens=10), result="records"),
    action(
        "addWebhook",
        "Add a webhook",
        post("/v1/webhooks", ADMIN, tokens=10),
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
    action("deleteWebhook", "Delete a webhook", delete("/v1/webhooks/{id}", ADMIN, tokens=6), result="nothing"),
)

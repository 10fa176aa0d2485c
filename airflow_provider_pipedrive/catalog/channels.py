"""Messaging channels: removed by Pipedrive, kept so that old DAGs hear so."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, post
from airflow_provider_pipedrive.catalog.model import body, part, path
from airflow_provider_pipedrive.catalog.scopes import MESSENGERS

ACTIONS = (
    action(
        "addChannel",
        "Add a channel",
        post("/v1/channels", MESSENGERS, tokens=10),
        body("name", "string", required=True),
        body("provider_channel_id", "string", required=True),
        body("avatar_url", "string"),
        body("template_support", "boolean"),
        body("provider_type", "string", enum=("facebook", "whatsapp", "other")),
        lifecycle="removed",
        since="2026-02-01",
        source="https://developers.pipedrive.com/changelog/post/breaking-change-deprecation-of-channels-api",
    ),
    action(
        "receiveMessage",
        "Add a message to a conversation",
        post("/v1/channels/messages/receive", MESSENGERS, tokens=10),
        body("id", "string", required=True),
        body("channel_id", "string", required=True),
        body("sender_id", "string", required=True),
        body("conversation_id", "string", required=True),
        body("message", "string", required=True),
        body("status", "string", required=True, enum=("sent", "delivered", "read", "failed")),
        body("created_at", "string", required=True),
        body("reply_by", "string"),
        body("conversation_link", "string"),
        body(
            "attachments",
            "array",
            items="object",
            parts=(
                part("id", "string"),
                part("type", "string"),
                part("url", "string"),
                part("name", "string"),
                part("size", "number"),
                part("preview_url", "string"),
                part("link_expires", "boolean"),
            ),
        ),
        lifecycle="removed",
        since="2026-02-01",
        source="https://developers.pipedrive.com/changelog/post/breaking-change-deprecation-of-channels-api",
    ),
    action(
        "deleteConversation",
        "Delete a conversation",
        delete("/v1/channels/{channel-id}/conversations/{conversation-id}", MESSENGERS, tokens=6),
        path("channel-id", "string"),
        path("conversation-id", "string"),
        result="nothing",
        lifecycle="removed",
        since="2026-02-01",
        source="https://developers.pipedrive.com/changelog/post/breaking-change-deprecation-of-channels-api",
    ),
    action(
        "deleteChannel",
        "Delete a channel",
        delete("/v1/channels/{id}", MESSENGERS, tokens=6),
        path("id", "string"),
        result="nothing",
        lifecycle="removed",
        since="2026-02-01",
        source="https://developers.pipedrive.com/changelog/post/breaking-change-deprecation-of-channels-api",
    ),
)

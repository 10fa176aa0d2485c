"""Mailbox."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, put
from airflow_provider_pipedrive.catalog.model import Paging, form, query
from airflow_provider_pipedrive.catalog.scopes import MAIL_FULL, MAIL_READ

ACTIONS = (
    action(
        "getMailMessage",
        "Get a mail message",
        get("/v1/mailbox/mailMessages/{id}", MAIL_READ, tokens=2),
        query("include_body", "flag"),
    ),
    action(
        "getMailThreads",
        "List mail threads",
        get("/v1/mailbox/mailThreads", MAIL_READ, tokens=20),
        query("folder", "string", required=True, enum=("inbox", "drafts", "sent", "archive")),
        result="records",
        paging=Paging("short_page", 500),
    ),
    action("deleteMailThread", "Delete a mail thread", delete("/v1/mailbox/mailThreads/{id}", MAIL_FULL, tokens=6)),
    action("getMailThread", "Get a mail thread", get("/v1/mailbox/mailThreads/{id}", MAIL_READ, tokens=20)),
    action(
        "updateMailThreadDetails",
        "Update a mail thread",
        put("/v1/mailbox/mailThreads/{id}", MAIL_FULL, tokens=10),
        form("deal_id", "integer"),
        form("lead_id", "string"),
        form("shared_flag", "flag"),
        form("read_flag", "flag"),
        form("archived_flag", "flag"),
    ),
    action(
        "getMailThreadMessages",
        "List the messages of a mail thread",
        get("/v1/mailbox/mailThreads/{id}/mailMessages", MAIL_READ, tokens=20),
        result="records",
    ),
)

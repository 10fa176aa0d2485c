"""Recents."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.model import OFFSET, query

ACTIONS = (
    action(
        "getRecents",
        "List what was changed recently",
        get("/v1/recents", ("recents:read", "search:read"), tokens=20),
        query("since_timestamp", "datetime", required=True),
        query(
            "items",
            "array",
            items="string",
            enum=(
                "activity",
                "activityType",
                "deal",
                "file",
                "filter",
                "note",
                "person",
                "organization",
                "pipeline",
                "product",
                "stage",
                "user",
            ),
        ),
        result="records",
        paging=OFFSET,
    ),
)

"""Recents."""

from airflow_provider_pipedrive.catalog.model import OFFSET, Action, query

ACTIONS = (
    Action(
        key="getRecents",
        summary="List what was changed recently",
        method="GET",
        path="/v1/recents",
        scopes=("recents:read", "search:read"),
        token_cost=20,
        result="records",
        parameters=(
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
            query("start", "integer"),
            query("limit", "integer", maximum=500),
        ),
        paging=OFFSET,
        idempotent=True,
    ),
)

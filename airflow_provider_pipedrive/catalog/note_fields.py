"""Note fields."""

from airflow_provider_pipedrive.catalog.model import Action

ACTIONS = (
    Action(
        key="getNoteFields",
        summary="List note fields",
        method="GET",
        path="/v1/noteFields",
        scopes=("deals:read", "deals:full", "contacts:read", "contacts:full"),
        token_cost=20,
        result="records",
        idempotent=True,
    ),
)

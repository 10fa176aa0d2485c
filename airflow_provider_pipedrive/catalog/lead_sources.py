"""Lead sources."""

from airflow_provider_pipedrive.catalog.model import Action

ACTIONS = (
    Action(
        key="getLeadSources",
        summary="List lead sources",
        method="GET",
        path="/v1/leadSources",
        scopes=("leads:read", "leads:full"),
        token_cost=2,
        result="records",
        idempotent=True,
    ),
)

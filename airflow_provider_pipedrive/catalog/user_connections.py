"""User connections."""

from airflow_provider_pipedrive.catalog.model import Action

ACTIONS = (
    Action(
        key="getUserConnections",
        summary="Get the authorized user's connections",
        method="GET",
        path="/v1/userConnections",
        scopes=("base",),
        token_cost=20,
        result="record",
        idempotent=True,
    ),
)

"""User settings."""

from airflow_provider_pipedrive.catalog.model import Action

ACTIONS = (
    Action(
        key="getUserSettings",
        summary="Get the authorized user's settings",
        method="GET",
        path="/v1/userSettings",
        scopes=("base",),
        token_cost=2,
        result="record",
        idempotent=True,
    ),
)

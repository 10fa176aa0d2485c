"""Billing."""

from airflow_provider_pipedrive.catalog.model import Action

ACTIONS = (
    Action(
        key="getCompanyAddons",
        summary="List the company's add-ons",
        method="GET",
        path="/v1/billing/subscriptions/addons",
        scopes=("users:read",),
        token_cost=20,
        result="records",
        idempotent=True,
    ),
)

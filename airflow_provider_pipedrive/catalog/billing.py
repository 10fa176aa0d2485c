"""Billing."""

from airflow_provider_pipedrive.catalog.model import Action

ACTIONS = (
    Action(
        key="getCompanyAddons",
        summary="List add-ons for a single company",
        method="GET",
        path="/v1/billing/subscriptions/addons",
        scopes=("users:read",),
        token_cost=20,
        result="records",
        idempotent=True,
    ),
)

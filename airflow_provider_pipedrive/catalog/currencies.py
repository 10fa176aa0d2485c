"""Currencies."""

from airflow_provider_pipedrive.catalog.model import Action, query

ACTIONS = (
    Action(
        key="getCurrencies",
        summary="List supported currencies",
        method="GET",
        path="/v1/currencies",
        scopes=("base",),
        token_cost=20,
        result="records",
        parameters=(query("term", "string"),),
        idempotent=True,
    ),
)

"""Currencies."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.model import query
from airflow_provider_pipedrive.catalog.scopes import BASE

ACTIONS = (
    action(
        "getCurrencies",
        "List supported currencies",
        get("/v1/currencies", BASE, tokens=20),
        query("term", "string"),
        result="records",
    ),
)

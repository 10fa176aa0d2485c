"""Billing."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.scopes import USERS_READ

ACTIONS = (
    action(
        "getCompanyAddons",
        "List the company's add-ons",
        get("/v1/billing/subscriptions/addons", USERS_READ, tokens=20),
        result="records",
    ),
)

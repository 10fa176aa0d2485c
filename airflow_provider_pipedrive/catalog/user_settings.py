"""User settings."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.scopes import BASE

ACTIONS = (action("getUserSettings", "Get the authorized user's settings", get("/v1/userSettings", BASE, tokens=2)),)

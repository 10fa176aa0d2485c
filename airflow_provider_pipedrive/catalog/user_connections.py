"""User connections."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.scopes import BASE

ACTIONS = (
    action("getUserConnections", "Get the authorized user's connections", get("/v1/userConnections", BASE, tokens=20)),
)

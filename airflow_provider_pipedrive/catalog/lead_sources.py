"""Lead sources."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.scopes import LEADS_READ

ACTIONS = (
    action("getLeadSources", "List lead sources", get("/v1/leadSources", LEADS_READ, tokens=2), result="records"),
)

"""Lead fields."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.model import OFFSET

ACTIONS = (
    action(
        "getLeadFields",
        "List lead fields",
        get("/v1/leadFields", ("leads:read", "leads:full", "admin"), tokens=20),
        result="records",
        paging=OFFSET,
    ),
)

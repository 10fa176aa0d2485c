"""Lead fields."""

from airflow_provider_pipedrive.catalog.model import OFFSET, Action, query

ACTIONS = (
    Action(
        key="getLeadFields",
        summary="List lead fields",
        method="GET",
        path="/v1/leadFields",
        scopes=("leads:read", "leads:full", "admin"),
        token_cost=20,
        result="records",
        parameters=(query("start", "integer"), query("limit", "integer", maximum=500)),
        paging=OFFSET,
        idempotent=True,
    ),
)

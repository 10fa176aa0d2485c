"""The raw request: any method and path that the catalog does not name."""

from airflow_provider_pipedrive.catalog.model import Action, Parameter

ACTIONS = (
    Action(
        key="rawRequest",
        summary="Send any request to the connection's own host",
        method="*",
        path="*",
        scopes=(),
        token_cost=0,
        result="any",
        parameters=(
            Parameter("method", "query", "string", required=True, enum=("GET", "POST", "PUT", "PATCH", "DELETE")),
            Parameter("path", "query", "string", required=True),
            Parameter("query", "query", "any", nullable=True),
            Parameter("body", "body", "any", nullable=True),
        ),
    ),
)

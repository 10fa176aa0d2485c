"""The raw request: any method and path that the catalog does not name."""

from airflow_provider_pipedrive.catalog.declaring import Route, action
from airflow_provider_pipedrive.catalog.model import body, query

ACTIONS = (
    action(
        "rawRequest",
        "Send any request to the connection's own host",
        Route("*", "*", (), 0),
        query("method", "string", required=True, enum=("GET", "POST", "PUT", "PATCH", "DELETE")),
        query("path", "string", required=True),
        query("query", "any", nullable=True),
        body("body", "any", nullable=True),
        result="any",
        adapter="any_request",
    ),
)

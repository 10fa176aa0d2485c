"""Lead labels."""

from airflow_provider_pipedrive.catalog.model import Action, body, path

ACTIONS = (
    Action(
        key="getLeadLabels",
        summary="List lead labels",
        method="GET",
        path="/v1/leadLabels",
        scopes=("leads:read", "leads:full"),
        token_cost=10,
        result="records",
        idempotent=True,
    ),
    Action(
        key="addLeadLabel",
        summary="Add a lead label",
        method="POST",
        path="/v1/leadLabels",
        scopes=("leads:full",),
        token_cost=10,
        result="record",
        parameters=(
            body("name", "string", required=True),
            body(
                "color",
                "string",
                required=True,
                enum=("blue", "brown", "dark-gray", "gray", "green", "orange", "pink", "purple", "red", "yellow"),
            ),
        ),
    ),
    Action(
        key="deleteLeadLabel",
        summary="Delete a lead label",
        method="DELETE",
        path="/v1/leadLabels/{id}",
        scopes=("leads:full",),
        token_cost=6,
        result="record",
        parameters=(path("id", "string"),),
        idempotent=True,
    ),
    Action(
        key="updateLeadLabel",
        summary="Update a lead label",
        method="PATCH",
        path="/v1/leadLabels/{id}",
        scopes=("leads:full",),
        token_cost=10,
        result="record",
        parameters=(
            path("id", "string"),
            body("name", "string"),
            body(
                "color",
                "string",
                enum=("blue", "brown", "dark-gray", "gray", "green", "orange", "pink", "purple", "red", "yellow"),
            ),
        ),
        idempotent=True,
    ),
)

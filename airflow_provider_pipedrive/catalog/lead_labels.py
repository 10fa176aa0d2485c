"""Lead labels."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post
from airflow_provider_pipedrive.catalog.model import body, path
from airflow_provider_pipedrive.catalog.scopes import LEADS_FULL, LEADS_READ

ACTIONS = (
    action("getLeadLabels", "List lead labels", get("/v1/leadLabels", LEADS_READ, tokens=10), result="records"),
    action(
        "addLeadLabel",
        "Add a lead label",
        post("/v1/leadLabels", LEADS_FULL, tokens=10),
        body("name", "string", required=True),
        body(
            "color",
            "string",
            required=True,
            enum=("blue", "brown", "dark-gray", "gray", "green", "orange", "pink", "purple", "red", "yellow"),
        ),
    ),
    action(
        "deleteLeadLabel",
        "Delete a lead label",
        delete("/v1/leadLabels/{id}", LEADS_FULL, tokens=6),
        path("id", "string"),
    ),
    action(
        "updateLeadLabel",
        "Update a lead label",
        patch("/v1/leadLabels/{id}", LEADS_FULL, tokens=10),
        path("id", "string"),
        body("name", "string"),
        body(
            "color",
            "string",
            enum=("blue", "brown", "dark-gray", "gray", "green", "orange", "pink", "purple", "red", "yellow"),
        ),
    ),
)

"""Deal installments."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post
from airflow_provider_pipedrive.catalog.model import CURSOR, body, query
from airflow_provider_pipedrive.catalog.scopes import DEALS_READ

ACTIONS = (
    action(
        "getInstallments",
        "List the installments of several deals",
        get("/api/v2/deals/installments", DEALS_READ, tokens=10),
        query("deal_ids", "array", required=True, items="integer", max_items=100, repeated=True),
        query("sort_by", "string", enum=("id", "billing_date", "deal_id")),
        query("sort_direction", "string", enum=("asc", "desc")),
        result="records",
        paging=CURSOR,
    ),
    action(
        "postInstallment",
        "Add an installment to a deal",
        post("/api/v2/deals/{id}/installments", DEALS_READ, tokens=5),
        body("description", "string", required=True),
        body("amount", "number", required=True),
        body("billing_date", "date", required=True),
    ),
    action(
        "deleteInstallment",
        "Delete an installment from a deal",
        delete("/api/v2/deals/{id}/installments/{installment_id}", DEALS_READ, tokens=3),
    ),
    action(
        "updateInstallment",
        "Update an installment of a deal",
        patch("/api/v2/deals/{id}/installments/{installment_id}", DEALS_READ, tokens=5),
        body("description", "string"),
        body("amount", "number"),
        body("billing_date", "date"),
    ),
)

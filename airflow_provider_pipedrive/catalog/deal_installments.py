"""Deal installments."""

from airflow_provider_pipedrive.catalog.model import CURSOR, Action, body, path, query

ACTIONS = (
    Action(
        key="getInstallments",
        summary="List the installments of several deals",
        method="GET",
        path="/api/v2/deals/installments",
        scopes=("deals:read", "deals:full"),
        token_cost=10,
        result="records",
        parameters=(
            query("deal_ids", "array", required=True, items="integer", max_items=100, repeated=True),
            query("cursor", "string"),
            query("limit", "integer", maximum=500),
            query("sort_by", "string", enum=("id", "billing_date", "deal_id")),
            query("sort_direction", "string", enum=("asc", "desc")),
        ),
        paging=CURSOR,
        idempotent=True,
    ),
    Action(
        key="postInstallment",
        summary="Add an installment to a deal",
        method="POST",
        path="/api/v2/deals/{id}/installments",
        scopes=("deals:read", "deals:full"),
        token_cost=5,
        result="record",
        parameters=(
            path("id"),
            body("description", "string", required=True),
            body("amount", "number", required=True),
            body("billing_date", "date", required=True),
        ),
    ),
    Action(
        key="deleteInstallment",
        summary="Delete an installment from a deal",
        method="DELETE",
        path="/api/v2/deals/{id}/installments/{installment_id}",
        scopes=("deals:read", "deals:full"),
        token_cost=3,
        result="record",
        parameters=(path("id"), path("installment_id")),
        idempotent=True,
    ),
    Action(
        key="updateInstallment",
        summary="Update an installment of a deal",
        method="PATCH",
        path="/api/v2/deals/{id}/installments/{installment_id}",
        scopes=("deals:read", "deals:full"),
        token_cost=5,
        result="record",
        parameters=(
            path("id"),
            path("installment_id"),
            body("description", "string"),
            body("amount", "number"),
            body("billing_date", "date"),
        ),
        idempotent=True,
    ),
)

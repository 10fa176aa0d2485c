"""Deal products."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, patch, post
from airflow_provider_pipedrive.catalog.groups import BILLING_FREQUENCIES
from airflow_provider_pipedrive.catalog.model import CURSOR, body, part, query
from airflow_provider_pipedrive.catalog.scopes import DEAL_PRODUCTS_FULL, DEAL_PRODUCTS_READ

_PRICED = (
    body("tax", "number"),
    body("comments", "string"),
    body("discount", "number"),
    body("is_enabled", "boolean"),
    body("tax_method", "string", enum=("exclusive", "inclusive", "none")),
    body("discount_type", "string", enum=("percentage", "amount")),
    body("product_variation_id", "integer", nullable=True),
)
ACTIONS = (
    action(
        "getDealsProducts",
        "List the products of several deals",
        get("/api/v2/deals/products", DEAL_PRODUCTS_READ, tokens=10),
        query("deal_ids", "array", required=True, items="integer", max_items=100),
        query("sort_by", "string", enum=("id", "deal_id", "add_time", "update_time", "order_nr")),
        query("sort_direction", "string", enum=("asc", "desc")),
        result="records",
        paging=CURSOR,
    ),
    action(
        "deleteManyDealProducts",
        "Delete several products from a deal",
        delete("/api/v2/deals/{id}/products", DEAL_PRODUCTS_FULL, tokens=15),
        query("ids", "array", required=True, items="integer", max_items=100),
    ),
    action(
        "getDealProducts",
        "List the products of a deal",
        get("/api/v2/deals/{id}/products", DEAL_PRODUCTS_READ, tokens=10),
        query("sort_by", "string", enum=("id", "add_time", "update_time", "order_nr")),
        query("sort_direction", "string", enum=("asc", "desc")),
        result="records",
        paging=CURSOR,
    ),
    action(
        "addDealProduct",
        "Add a product to a deal",
        post("/api/v2/deals/{id}/products", DEAL_PRODUCTS_FULL, tokens=5),
        body("product_id", "integer", required=True),
        body("item_price", "number", required=True),
        body("quantity", "number", required=True),
        *_PRICED,
        body("billing_frequency", "string", enum=BILLING_FREQUENCIES),
        body("billing_frequency_cycles", "integer", nullable=True),
        body("billing_start_date", "date", nullable=True),
    ),
    action(
        "addManyDealProducts",
        "Add several products to a deal",
        post("/api/v2/deals/{id}/products/bulk", DEAL_PRODUCTS_FULL, tokens=25),
        body(
            "data",
            "array",
            required=True,
            items="object",
            parts=(
                part("product_id", "integer", required=True),
                part("item_price", "number", required=True),
                part("quantity", "number", required=True),
                *_PRICED,
                part("billing_frequency", "string", enum=BILLING_FREQUENCIES),
                part("billing_frequency_cycles", "integer", nullable=True),
                part("billing_start_date", "date", nullable=True),
            ),
        ),
        result="records",
    ),
    action(
        "deleteDealProduct",
        "Delete a product from a deal",
        delete("/api/v2/deals/{id}/products/{product_attachment_id}", ("deals:full", "products:full"), tokens=3),
    ),
    action(
        "updateDealProduct",
        "Update a product of a deal",
        patch("/api/v2/deals/{id}/products/{product_attachment_id}", DEAL_PRODUCTS_FULL, tokens=5),
        body("product_id", "integer"),
        body("item_price", "number"),
        body("quantity", "number"),
        *_PRICED,
        body("billing_frequency_cycles", "integer", nullable=True),
        body("billing_start_date", "date", nullable=True),
        body("billing_frequency", "string", enum=BILLING_FREQUENCIES),
    ),
)
